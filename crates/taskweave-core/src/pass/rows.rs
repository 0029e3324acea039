//! Edges as compressed rows: what can be said of a graph before it runs.

use super::links::Links;
use super::plan::{FreezeError, PassPlan};
use super::state::NO_BRANCH;

/// The place of a vertex that may as well run anywhere.
pub(super) const NO_PLACE: u16 = u16::MAX;
/// If edges are longer than this on average, neighbours have nothing to do with one another: two places by chance are a third of the whole apart.
const MOST_APART: u64 = (1 << 16) * 27 / 100;

/// Edges as compressed rows.
pub(super) struct Rows {
    pub(super) in_degree: Vec<u32>,
    pub(super) offsets: Vec<u32>,
    pub(super) successors: Vec<u32>,
    /// Beside `successors`, if there are branches: the branch that the edge is, or [`NO_BRANCH`].
    pub(super) branches: Vec<u32>,
    pub(super) roots: Box<[u32]>,
}

impl Rows {
    pub(super) fn new(count: usize, plan: &PassPlan<'_>) -> Self {
        let edges = &plan.edges;
        let mut in_degree = vec![0_u32; count];
        let mut offsets = vec![0_u32; count + 1];
        for &(from, to) in edges {
            in_degree[to as usize] += 1;
            offsets[from as usize + 1] += 1;
        }
        for index in 0..count {
            offsets[index + 1] += offsets[index];
        }
        let mut fill = offsets.clone();
        let mut successors = vec![0_u32; edges.len()];
        let branching = !plan.branches.is_empty();
        let mut branches = vec![NO_BRANCH; if branching { edges.len() } else { 0 }];
        let mut next_branch = vec![0_u32; if branching { count } else { 0 }];
        for (edge, &(from, to)) in edges.iter().enumerate() {
            let place = &mut fill[from as usize];
            successors[*place as usize] = to;
            if plan.is_branch(edge) {
                branches[*place as usize] = next_branch[from as usize];
                next_branch[from as usize] += 1;
            }
            *place += 1;
        }
        let roots = (0..count as u32)
            .filter(|&index| in_degree[index as usize] == 0)
            .collect();
        Rows {
            in_degree,
            offsets,
            successors,
            branches,
            roots,
        }
    }

    /// What a vertex needs to know of its row. Beside a graph that isn't plain stand arrays that go by the row.
    pub(super) fn links(&self, vertex: usize, kind: usize, is_plain: bool) -> Links {
        let row = self.offsets[vertex]..self.offsets[vertex + 1];
        if !is_plain {
            return Links::row(kind, row);
        }
        let successors = &self.successors[row.start as usize..row.end as usize];
        let in_degree = |next: u32| self.in_degree[next as usize];
        Links::short(kind, row, successors, in_degree)
    }

    /// The vertices in an order that all edges keep to (Kahn, 1962); those that never become ready lie on or behind a cycle.
    pub(super) fn check_acyclic(&self) -> Result<Vec<u32>, FreezeError> {
        let mut left = self.in_degree.clone();
        let mut order = self.roots.to_vec();
        let mut at = 0;
        while let Some(&vertex) = order.get(at) {
            at += 1;
            let vertex = vertex as usize;
            let row = self.offsets[vertex] as usize..self.offsets[vertex + 1] as usize;
            for &next in &self.successors[row] {
                left[next as usize] -= 1;
                if left[next as usize] == 0 {
                    order.push(next);
                }
            }
        }
        if order.len() == left.len() {
            Ok(order)
        } else {
            Err(FreezeError::Cyclic)
        }
    }

    /// For each vertex how many there are on the longest way from it to the end. `order` is one that all edges keep to.
    pub(super) fn ways(&self, order: &[u32]) -> Vec<u32> {
        let mut ways = vec![1_u32; order.len()];
        for &vertex in order.iter().rev() {
            let vertex = vertex as usize;
            let row = self.offsets[vertex] as usize..self.offsets[vertex + 1] as usize;
            let after = self.successors[row].iter();
            ways[vertex] += after.map(|&next| ways[next as usize]).max().unwrap_or(0);
        }
        ways
    }

    /// Sorts each row, least urgent first, and the roots, most urgent first: by the longest way to the end. `order` is one that all edges keep to.
    pub(super) fn sort_by_urgency(&mut self, order: &[u32], costs: &[(u32, u64)]) {
        let mut way = vec![1_u64; order.len()];
        for &(vertex, cost) in costs {
            if let Some(own) = way.get_mut(vertex as usize) {
                *own = cost;
            }
        }
        for &vertex in order.iter().rev() {
            let vertex = vertex as usize;
            let row = self.offsets[vertex] as usize..self.offsets[vertex + 1] as usize;
            let after = self.successors[row.clone()].iter();
            let longest = after.map(|&next| way[next as usize]).max();
            way[vertex] = way[vertex].saturating_add(longest.unwrap_or(0));
            // What comes after has its final length already.
            let branch = |at: usize| self.branches.get(at).copied().unwrap_or(NO_BRANCH);
            let mut edges: Vec<(u32, u32)> = row
                .clone()
                .map(|at| (self.successors[at], branch(at)))
                .collect();
            // From the last to the first, so that of equals the first one is the most urgent.
            edges.reverse();
            edges.sort_by_key(|&(next, _)| way[next as usize]);
            for (at, (next, branch)) in row.zip(edges) {
                self.successors[at] = next;
                if let Some(own) = self.branches.get_mut(at) {
                    *own = branch;
                }
            }
        }
        self.roots
            .sort_by_key(|&root| core::cmp::Reverse(way[root as usize]));
    }

    /// Where each vertex stands among those that are as far from the start, in the order of their numbers: its *place*, in parts of 2¹⁶. [`NO_PLACE`] for
    /// all if edges lead from anywhere to anywhere. Sorts each row: what stands nearest to its predecessor comes last, of equals the first. `order` is one that all
    /// edges keep to.
    pub(super) fn sort_by_place(&mut self, order: &[u32]) -> Vec<u16> {
        let (level, sizes) = self.levels(order);
        let mut before = vec![0_u64; sizes.len()];
        let mut places: Vec<u16> = level
            .iter()
            .map(|&level| {
                let rank = before[level as usize];
                before[level as usize] += 1;
                let place = ((2 * rank + 1) << 15) / sizes[level as usize];
                place.min(u64::from(NO_PLACE) - 1) as u16
            })
            .collect();
        let mut sum = 0;
        for vertex in 0..order.len() {
            let row = self.offsets[vertex] as usize..self.offsets[vertex + 1] as usize;
            let apart = |next: u32| u64::from(places[next as usize].abs_diff(places[vertex]));
            let row = &mut self.successors[row];
            sum += row.iter().map(|&next| apart(next)).sum::<u64>();
            row.reverse();
            // In whole steps of a neighbour, as levels of different sizes don't stand in line.
            let steps = |next: u32| (apart(next) * sizes[level[next as usize] as usize]) >> 16;
            row.sort_by_key(|&next| core::cmp::Reverse(steps(next)));
        }
        if sum > MOST_APART * self.successors.len() as u64 {
            places.fill(NO_PLACE);
        }
        places
    }

    /// How many vertices the longest way to each vertex has before it, and how many vertices each such level has.
    fn levels(&self, order: &[u32]) -> (Vec<u32>, Vec<u64>) {
        let mut level = vec![0_u32; order.len()];
        let mut sizes = Vec::new();
        for &vertex in order {
            let own = level[vertex as usize];
            if sizes.len() <= own as usize {
                sizes.push(0);
            }
            sizes[own as usize] += 1;
            let vertex = vertex as usize;
            let row = self.offsets[vertex] as usize..self.offsets[vertex + 1] as usize;
            for &next in &self.successors[row] {
                level[next as usize] = level[next as usize].max(own + 1);
            }
        }
        (level, sizes)
    }
}
