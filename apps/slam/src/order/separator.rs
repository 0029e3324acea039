//! Finds a small, balanced vertex separator: coarsen, split the coarsest graph, refine on the way back.

use super::refine::Split;
use super::{Adjacency, BETWEEN, LEFT, RIGHT, Random};

/// Graphs of at most this many vertices are split directly.
const COARSEST: usize = 60;
const INITIAL_ATTEMPTS: usize = 4;

/// The side of every vertex: [`LEFT`], [`RIGHT`] or [`BETWEEN`]. One of the sides may be empty, then the graph can't be split.
pub(super) fn find(graph: &Adjacency, random: &mut Random) -> Vec<u8> {
    // The largest separators cost most of the arithmetic, so they are worth several attempts, of which the best is kept.
    let attempts = match graph.len() {
        0..=500 => 1,
        501..=3000 => 2,
        _ => 4,
    };
    let best = (0..attempts).map(|_| attempt(graph, random)).min_by_key(Split::cost);
    best.expect("there is at least one attempt").sides
}

fn attempt(graph: &Adjacency, random: &mut Random) -> Split {
    let mut levels: Vec<(Adjacency, Vec<u32>)> = Vec::new();
    loop {
        let finest = levels.last().map_or(graph, |(coarse, _)| coarse);
        if finest.len() <= COARSEST {
            break;
        }
        let level = coarsen(finest, random);
        // A star hardly shrinks by matching; then splitting it as it is beats going on.
        let stuck = level.0.len() * 20 > finest.len() * 19;
        if stuck {
            break;
        }
        levels.push(level);
    }
    let coarsest = levels.last().map_or(graph, |(coarse, _)| coarse);
    let mut split = (0..INITIAL_ATTEMPTS)
        .map(|_| {
            let mut split = grow(coarsest, random);
            split.refine(coarsest, random);
            split
        })
        .min_by_key(Split::cost)
        .expect("there is at least one attempt");
    while let Some((_, coarse_of)) = levels.pop() {
        let finer = levels.last().map_or(graph, |(coarse, _)| coarse);
        let sides = coarse_of.iter().map(|&c| split.sides[c as usize]).collect();
        split = Split::new(finer, sides);
        split.refine(finer, random);
    }
    split
}

/// Merges vertices in pairs along heavy edges: the coarser graph, and every vertex's place in it.
fn coarsen(graph: &Adjacency, random: &mut Random) -> (Adjacency, Vec<u32>) {
    const NONE: u32 = u32::MAX;
    let mut visit: Vec<u32> = (0..).take(graph.len()).collect();
    random.shuffle(&mut visit);
    let mut coarse_of = vec![NONE; graph.len()];
    let mut members: Vec<(u32, u32)> = Vec::with_capacity(graph.len() / 2 + 1);
    for &vertex in &visit {
        if coarse_of[vertex as usize] != NONE {
            continue;
        }
        let free = graph.weighted_neighbours(vertex).filter(|&(t, _)| coarse_of[t as usize] == NONE);
        let mate =
            free.max_by_key(|&(t, weight)| (weight, u32::MAX - graph.weights[t as usize])).map_or(vertex, |(t, _)| t);
        coarse_of[vertex as usize] = members.len() as u32;
        coarse_of[mate as usize] = members.len() as u32;
        members.push((vertex, mate));
    }
    let mut coarse = Adjacency { starts: vec![0], ..Adjacency::default() };
    // Where the edge to a coarse vertex stands in the row being written, if it is at or after the row's start.
    let mut place = vec![NONE; members.len()];
    for (number, &(first, second)) in (0..).zip(&members) {
        let start = coarse.targets.len();
        let pair = [first, second];
        let distinct = if first == second { &pair[..1] } else { &pair[..] };
        for &vertex in distinct {
            for (target, weight) in graph.weighted_neighbours(vertex) {
                let target = coarse_of[target as usize];
                if target == number {
                    continue;
                }
                let known = place[target as usize];
                if known != NONE && known as usize >= start {
                    coarse.edge_weights[known as usize] += weight;
                } else {
                    place[target as usize] = coarse.targets.len() as u32;
                    coarse.targets.push(target);
                    coarse.edge_weights.push(weight);
                }
            }
        }
        coarse.starts.push(coarse.targets.len() as u32);
        coarse.weights.push(distinct.iter().map(|&v| graph.weights[v as usize]).sum());
    }
    (coarse, coarse_of)
}

/// Grows one side breadth first from a random vertex until it holds half the weight; its rim becomes the separator.
fn grow(graph: &Adjacency, random: &mut Random) -> Split {
    let total: u64 = graph.weights.iter().map(|&w| u64::from(w)).sum();
    let mut sides = vec![RIGHT; graph.len()];
    let mut queue = Vec::with_capacity(graph.len());
    let (mut next, mut grown) = (0, 0);
    let first = random.below(graph.len());
    let mut seeds = (first..graph.len()).chain(0..first);
    while grown * 2 < total {
        if next == queue.len() {
            let Some(seed) = seeds.find(|&v| sides[v] == RIGHT) else {
                break;
            };
            sides[seed] = LEFT;
            queue.push(seed as u32);
        }
        let vertex = queue[next];
        next += 1;
        grown += u64::from(graph.weights[vertex as usize]);
        for &target in graph.neighbours(vertex) {
            if sides[target as usize] == RIGHT {
                sides[target as usize] = LEFT;
                queue.push(target);
            }
        }
    }
    // What was reached but not taken separates the taken from the rest.
    for &vertex in &queue[next..] {
        sides[vertex as usize] = BETWEEN;
    }
    Split::new(graph, sides)
}
