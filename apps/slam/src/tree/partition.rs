//! Which fronts share a task: the assembly tree cut into groups.
//!
//! The small subtrees at the bottom become one group each, or one for several siblings. Above them every front is a group of its own, together with
//! those subtrees below it that are too small to be worth a task; and where a front is so large that it would hold up all others, it is *tiled*, and
//! so is everything above it.

use std::ops::Range;

use crate::tree::cost;
use crate::tree::runs::{self, Run};
use crate::tree::symbolic::{NONE, Supernode, Symbolic};

/// Fronts that are contiguous in postorder, in one or several branches below one front.
pub(crate) struct Group {
    pub(crate) fronts: Range<usize>,
    /// The top of each branch; the last of them is the last of the fronts. A group with children has only this one.
    pub(crate) tops: Vec<usize>,
    /// The poses it eliminates, by place in the elimination order.
    pub(crate) own: Range<u32>,
    /// The later poses it reaches, ascending: the rows of its tops.
    pub(crate) boundary: Vec<u32>,
    pub(crate) parent: Option<usize>,
    /// The groups whose tops' parent is this group's top.
    pub(crate) children: Vec<usize>,
    /// The place of each boundary pose in the parent's numbering (own, then boundary).
    pub(crate) boundary_in_parent: Vec<u32>,
    /// From each top's remaining indices to the parent's front.
    pub(crate) runs: Vec<Vec<Run>>,
    pub(crate) tiled: bool,
}

impl Group {
    /// The group's own number for one of its poses: first those it eliminates, then its boundary.
    pub(crate) fn local(&self, place: u32) -> u32 {
        if self.own.contains(&place) {
            return place - self.own.start;
        }
        let rank = self.boundary.binary_search(&place).expect("a constraint of a group stays in it");
        self.own.len() as u32 + rank as u32
    }

    /// How many poses it numbers.
    pub(crate) fn poses(&self) -> usize {
        self.own.len() + self.boundary.len()
    }
}

/// The groups in postorder, and the group of every supernode.
pub(crate) struct Partition {
    pub(crate) groups: Vec<Group>,
    pub(crate) group_of: Vec<u32>,
}

/// Cuts the tree: `grain` is the cost a task should have and `tile_above` that from which a front is tiled, both in the cost model's nanoseconds;
/// `constraints` counts those that are assembled into each front.
pub(crate) fn cut(symbolic: &Symbolic, constraints: &[u32], grain: f64, tile_above: f64) -> Partition {
    let supernodes = &symbolic.supernodes;
    let own_cost = |s: usize| cost::front(supernodes[s].width as usize, supernodes[s].rows.len());
    let mut subtree: Vec<f64> =
        (0..supernodes.len()).map(|s| own_cost(s) + cost::linearise(constraints[s] as usize)).collect();
    let mut first = (0..supernodes.len()).collect::<Vec<_>>();
    let mut tiled: Vec<bool> = (0..supernodes.len()).map(|s| own_cost(s) > tile_above).collect();
    for s in 0..supernodes.len() {
        if supernodes[s].parent != NONE {
            let parent = supernodes[s].parent as usize;
            subtree[parent] += subtree[s];
            first[parent] = first[parent].min(first[s]);
            tiled[parent] |= tiled[s];
        }
    }
    let mut partition = Partition { groups: Vec::new(), group_of: vec![0; supernodes.len()] };
    let mut end = supernodes.len();
    // From the last front down, so that a group's top is met before what is below it.
    while end > 0 {
        let top = end - 1;
        let (mut start, mut tops) = (top, vec![top]);
        if !tiled[top] && subtree[top] <= grain {
            start = first[top];
            let mut total = subtree[top];
            while start > 0 && supernodes[start - 1].parent == supernodes[top].parent {
                let sibling = start - 1;
                total += subtree[sibling];
                if tiled[sibling] || total > grain {
                    break;
                }
                tops.push(sibling);
                start = first[sibling];
            }
            tops.reverse();
        } else if !tiled[top] {
            let mut total = own_cost(top);
            // Children stand in postorder with the smallest subtree next to its parent.
            while start > first[top] && subtree[start - 1] <= grain / 4.0 && total + subtree[start - 1] <= grain {
                total += subtree[start - 1];
                start = first[start - 1];
            }
        }
        partition.groups.push(group(supernodes, start..end, tops, tiled[top]));
        end = start;
    }
    partition.groups.reverse();
    partition.link(supernodes);
    partition
}

fn group(supernodes: &[Supernode], fronts: Range<usize>, tops: Vec<usize>, tiled: bool) -> Group {
    let mut boundary: Vec<u32> = tops.iter().flat_map(|&top| supernodes[top].rows.iter().copied()).collect();
    boundary.sort_unstable();
    boundary.dedup();
    Group {
        own: supernodes[fronts.start].first..supernodes[fronts.end - 1].end(),
        fronts,
        tops,
        boundary,
        parent: None,
        children: Vec::new(),
        boundary_in_parent: Vec::new(),
        runs: Vec::new(),
        tiled,
    }
}

impl Partition {
    fn link(&mut self, supernodes: &[Supernode]) {
        for (number, group) in (0..).zip(&self.groups) {
            self.group_of[group.fronts.clone()].fill(number);
        }
        for number in 0..self.groups.len() {
            let group = &self.groups[number];
            let front = supernodes[group.fronts.end - 1].parent;
            if front == NONE {
                continue;
            }
            let parent = self.group_of[front as usize] as usize;
            let above = &self.groups[parent];
            debug_assert_eq!(above.tops, [front as usize], "a group hangs from the only top of another");
            let boundary_in_parent = group.boundary.iter().map(|&place| above.local(place)).collect();
            let runs =
                group.tops.iter().map(|&top| runs::runs(&supernodes[top], &supernodes[front as usize])).collect();
            self.groups[parent].children.push(number);
            let group = &mut self.groups[number];
            (group.parent, group.boundary_in_parent, group.runs) = (Some(parent), boundary_in_parent, runs);
        }
    }
}
