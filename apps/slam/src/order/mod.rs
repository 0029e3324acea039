//! Fill-reducing order: nested dissection over the graph of poses, with minimum degree in its leaves.
//!
//! A separator splits the poses in two halves that share no constraint; the halves come first in the order and are dissected in turn, the separator
//! comes last. That bounds the fill as minimum degree does, and it gives the elimination tree two heavy branches at every level: what the task graph
//! then runs side by side. Separators are found on coarser and coarser graphs (`separator`) and improved on the way back (`refine`), after
//! Karypis and Kumar's multilevel scheme and Fiduccia and Mattheyses' refinement; leaves see the separators around them as a halo (`leaf`), as in
//! Pellegrini, Roman and Amestoy's hybrid of the two orders.

mod leaf;
mod refine;
mod separator;
#[cfg(test)]
mod tests;

/// Sides of a vertex.
const LEFT: u8 = 0;
const RIGHT: u8 = 1;
const BETWEEN: u8 = 2;

/// An undirected graph in compressed rows, with weights; no loops, and every edge is in both of its rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Adjacency {
    pub(crate) starts: Vec<u32>,
    pub(crate) targets: Vec<u32>,
    pub(crate) edge_weights: Vec<u32>,
    pub(crate) weights: Vec<u32>,
}

impl Adjacency {
    /// The graph of `count` vertices, all of weight one, and these edges; repeated ones and loops are dropped.
    pub(crate) fn from_edges(count: usize, edges: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut both: Vec<(u32, u32)> = edges.filter(|(a, b)| a != b).flat_map(|(a, b)| [(a, b), (b, a)]).collect();
        both.sort_unstable();
        both.dedup();
        let mut starts = vec![0; count + 1];
        for &(a, _) in &both {
            starts[a as usize + 1] += 1;
        }
        for vertex in 0..count {
            starts[vertex + 1] += starts[vertex];
        }
        let targets: Vec<u32> = both.into_iter().map(|(_, b)| b).collect();
        Self { starts, edge_weights: vec![1; targets.len()], targets, weights: vec![1; count] }
    }

    pub(crate) fn len(&self) -> usize {
        self.weights.len()
    }

    pub(crate) fn neighbours(&self, vertex: u32) -> &[u32] {
        &self.targets[self.row(vertex)]
    }

    fn row(&self, vertex: u32) -> std::ops::Range<usize> {
        let row = self.starts[vertex as usize] as usize..self.starts[vertex as usize + 1] as usize;
        #[cfg(test)]
        tests::READS.set(tests::READS.get() + row.len());
        row
    }

    fn weighted_neighbours(&self, vertex: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let row = self.row(vertex);
        self.targets[row.clone()].iter().copied().zip(self.edge_weights[row].iter().copied())
    }

    /// The subgraph of `vertices`, renumbered in that order; `local` is scratch, all `u32::MAX` before and after.
    fn induced(&self, vertices: &[u32], local: &mut [u32]) -> Self {
        for (number, &vertex) in (0..).zip(vertices) {
            local[vertex as usize] = number;
        }
        let mut part = Self { starts: vec![0], ..Self::default() };
        for &vertex in vertices {
            for (target, weight) in self.weighted_neighbours(vertex) {
                if local[target as usize] != u32::MAX {
                    part.targets.push(local[target as usize]);
                    part.edge_weights.push(weight);
                }
            }
            part.starts.push(part.targets.len() as u32);
            part.weights.push(self.weights[vertex as usize]);
        }
        for &vertex in vertices {
            local[vertex as usize] = u32::MAX;
        }
        part
    }
}

/// The order in which to eliminate the vertices: the vertex at each place. Parts of at most `leaf_size` vertices are not dissected further.
///
/// The same graph always gives the same order.
pub(crate) fn nested_dissection(graph: &Adjacency, leaf_size: usize) -> Vec<u32> {
    let mut order = vec![0; graph.len()];
    let mut local = vec![u32::MAX; graph.len()];
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut open: Vec<(usize, Vec<u32>)> = vec![(0, (0..).take(graph.len()).collect())];
    while let Some((start, vertices)) = open.pop() {
        let places = &mut order[start..start + vertices.len()];
        if vertices.len() > leaf_size {
            let part = graph.induced(&vertices, &mut local);
            let sides = separator::find(&part, &mut random);
            let side = |which| -> Vec<u32> {
                vertices.iter().zip(&sides).filter(|&(_, &s)| s == which).map(|(&v, _)| v).collect()
            };
            let (left, right, between) = (side(LEFT), side(RIGHT), side(BETWEEN));
            // A part that can't be split, such as a clique, is a leaf whatever its size.
            if !left.is_empty() && !right.is_empty() {
                let before_between = vertices.len() - between.len();
                places[before_between..].copy_from_slice(&between);
                let middle = start + left.len();
                open.push((start, left));
                open.push((middle, right));
                continue;
            }
        }
        leaf::minimum_degree(graph, &vertices, &mut local, places);
    }
    order
}

/// Marsaglia's xorshift: the order must not depend on anything but the graph.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound.max(1)
    }

    fn shuffle(&mut self, values: &mut [u32]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last + 1));
        }
    }
}
