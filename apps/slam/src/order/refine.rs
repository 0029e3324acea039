//! Improves a vertex separator by moving one vertex at a time (Fiduccia and Mattheyses, on vertices).
//!
//! Moving a separator vertex to one side draws its neighbours of the other side into the separator, so the gain is its weight less theirs. Moves are
//! taken best first, even at a loss, and in the end all after the best state seen are undone.

use std::collections::BinaryHeap;

use super::{Adjacency, BETWEEN, Random};

const PASSES: usize = 4;

/// A graph in three parts, and their weights.
pub(super) struct Split {
    pub(super) sides: Vec<u8>,
    weights: [i64; 3],
}

impl Split {
    pub(super) fn new(graph: &Adjacency, sides: Vec<u8>) -> Self {
        let mut weights = [0; 3];
        for (&side, &weight) in sides.iter().zip(&graph.weights) {
            weights[side as usize] += i64::from(weight);
        }
        Self { sides, weights }
    }

    /// What is minimised: the separator's weight, more for a lopsided split, and most for none at all.
    pub(super) fn cost(&self) -> i64 {
        let [left, right, between] = self.weights;
        let (small, large) = (left.min(right), left.max(right));
        let lopsided = (large - self.largest_side()).max(0);
        // In hundredths, so that of two equal separators the more even wins.
        100 * between
            + 400 * lopsided
            + (large - small) * 20 / (large + small).max(1)
            + if small == 0 { 1 << 40 } else { 0 }
    }

    /// How heavy a side may be: 56% of the two.
    fn largest_side(&self) -> i64 {
        (self.weights.iter().sum::<i64>() * 56 + 99) / 100
    }

    pub(super) fn refine(&mut self, graph: &Adjacency, random: &mut Random) {
        for _ in 0..PASSES {
            let before = self.cost();
            self.pass(graph, random);
            if self.cost() >= before {
                break;
            }
        }
    }

    fn pass(&mut self, graph: &Adjacency, random: &mut Random) {
        let mut queue = Queue::new(graph.len(), random.next() as u32);
        let mut log: Vec<(u32, u8)> = Vec::new();
        for vertex in (0..).take(graph.len()) {
            if self.sides[vertex as usize] == BETWEEN {
                queue.enter(graph, &self.sides, vertex);
            }
        }
        let (mut best, mut best_length, mut since_best) = (self.cost(), 0, 0);
        let patience = 30 + graph.len() / 40;
        while let Some((vertex, side)) = queue.pop(&self.sides) {
            let weight = i64::from(graph.weights[vertex as usize]);
            let (to, other) = (self.weights[side as usize], self.weights[1 - side as usize]);
            if to + weight > self.largest_side() && to >= other {
                continue;
            }
            queue.locked[vertex as usize] = true;
            self.put(graph, &mut log, vertex, side);
            for &target in graph.neighbours(vertex) {
                if self.sides[target as usize] == BETWEEN {
                    queue.change(target, 1 - side, -weight);
                } else if self.sides[target as usize] == 1 - side {
                    self.put(graph, &mut log, target, BETWEEN);
                    let drawn = i64::from(graph.weights[target as usize]);
                    for &second in graph.neighbours(target) {
                        if self.sides[second as usize] == BETWEEN {
                            queue.change(second, side, drawn);
                        }
                    }
                    queue.enter(graph, &self.sides, target);
                }
            }
            let cost = self.cost();
            if cost < best {
                (best, best_length, since_best) = (cost, log.len(), 0);
            } else {
                since_best += 1;
                if since_best > patience {
                    break;
                }
            }
        }
        while log.len() > best_length {
            let (vertex, side) = log.pop().expect("longer than the best");
            self.set(graph, vertex, side);
        }
    }

    fn put(&mut self, graph: &Adjacency, log: &mut Vec<(u32, u8)>, vertex: u32, side: u8) {
        log.push((vertex, self.sides[vertex as usize]));
        self.set(graph, vertex, side);
    }

    fn set(&mut self, graph: &Adjacency, vertex: u32, side: u8) {
        let weight = i64::from(graph.weights[vertex as usize]);
        self.weights[self.sides[vertex as usize] as usize] -= weight;
        self.weights[side as usize] += weight;
        self.sides[vertex as usize] = side;
    }
}

/// The moves open to the vertices of the separator, best first.
struct Queue {
    /// What moving a vertex to either side gains; an entry of the heap that says otherwise is stale.
    gains: Vec<[i64; 2]>,
    /// A vertex that has moved once stays where it is put: that ends the pass.
    locked: Vec<bool>,
    /// Gain, tie-break, vertex and side.
    heap: BinaryHeap<(i64, u32, u32, u8)>,
    tie: u32,
}

impl Queue {
    fn new(count: usize, seed: u32) -> Self {
        Self { gains: vec![[0; 2]; count], locked: vec![false; count], heap: BinaryHeap::new(), tie: seed }
    }

    /// Takes in a vertex that has come into the separator.
    fn enter(&mut self, graph: &Adjacency, sides: &[u8], vertex: u32) {
        let mut drawn = [0; 3];
        for &target in graph.neighbours(vertex) {
            drawn[sides[target as usize] as usize] += i64::from(graph.weights[target as usize]);
        }
        let weight = i64::from(graph.weights[vertex as usize]);
        self.gains[vertex as usize] = [weight - drawn[1], weight - drawn[0]];
        self.push(vertex, 0);
        self.push(vertex, 1);
    }

    fn change(&mut self, vertex: u32, side: u8, by: i64) {
        self.gains[vertex as usize][side as usize] += by;
        self.push(vertex, side);
    }

    fn push(&mut self, vertex: u32, side: u8) {
        if !self.locked[vertex as usize] {
            self.tie = self.tie.wrapping_mul(0x9E37_79B1).wrapping_add(0x85EB_CA6B);
            self.heap.push((self.gains[vertex as usize][side as usize], self.tie, vertex, side));
        }
    }

    fn pop(&mut self, sides: &[u8]) -> Option<(u32, u8)> {
        loop {
            let (gain, _, vertex, side) = self.heap.pop()?;
            let current = sides[vertex as usize] == BETWEEN && self.gains[vertex as usize][side as usize] == gain;
            if current && !self.locked[vertex as usize] {
                return Some((vertex, side));
            }
        }
    }
}
