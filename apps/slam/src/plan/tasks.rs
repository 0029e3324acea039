//! One iteration as a list of tasks and the edges between them.
//!
//! ```text
//! linearise ──► factorise a subtree ─┐
//!   (by chunk)                       ├─► assemble tiles ─► factor, solve, update tiles ─► … ─► root
//! linearise ──► factorise a subtree ─┘                                                          │
//!                                     reduce ◄─── backward by group, and move its poses ◄───────┘
//! ```
//!
//! The list is in topological order: running it from front to back is the sequential form, and the graph runs the very same operations, each on the
//! same operands in the same order, so both give the same bits.

use crate::numeric::tiles::{TileOperation, Tiling, place};
use crate::plan::structure::{SourcePart, Storage, Structure};
use crate::tree::cost;

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operation {
    /// Linearises a chunk.
    Linearise(u32),
    /// Factorises a group whose fronts are whole.
    Factor(u32),
    /// Works on tiles of a group.
    Tile(u32, TileOperation),
    /// Solves a group backward and moves its poses.
    Backward(u32),
    /// Adds up χ² and the expected decrease, in a fixed order.
    Reduce,
}

impl Operation {
    pub(crate) fn name(&self) -> String {
        match *self {
            Self::Linearise(chunk) => format!("linearise {chunk}"),
            Self::Factor(group) => format!("factor {group}"),
            Self::Tile(group, TileOperation::Assemble { i, j }) => {
                format!("assemble {group} ({i}, {j})")
            }
            Self::Tile(group, TileOperation::Factor { k }) => format!("factor {group} ({k}, {k})"),
            Self::Tile(group, TileOperation::Solve { i, k }) => format!("solve {group} ({i}, {k})"),
            Self::Tile(group, TileOperation::Update { i, j, k }) => {
                format!("update {group} ({i}, {j}) by {k}")
            }
            Self::Backward(group) => format!("backward {group}"),
            Self::Reduce => "reduce".to_owned(),
        }
    }
}

/// The tasks of an iteration, or of its factorisation and solve alone.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) operations: Vec<Operation>,
    /// Modelled nanoseconds of each.
    pub(crate) costs: Vec<f64>,
    /// Before and after, by number.
    pub(crate) edges: Vec<(u32, u32)>,
}

/// The tasks after which a group's numbers can be passed on.
enum Done {
    Whole(u32),
    /// The last task of each tile.
    Tiles(Vec<u32>),
}

impl Plan {
    /// All of an iteration; without `linearise`, from factorising on.
    pub(crate) fn new(structure: &Structure, linearise: bool) -> Self {
        let mut plan = Self::default();
        let mut done: Vec<Done> = Vec::with_capacity(structure.groups.len());
        for (number, storage) in structure.storage.iter().enumerate() {
            let mut chunks = Vec::new();
            if linearise {
                for chunk in structure.chunks_of[number].clone() {
                    let cost = cost::linearise(structure.chunks[chunk].constraints);
                    chunks.push(plan.task(Operation::Linearise(chunk as u32), cost, []));
                }
            }
            done.push(match storage {
                Storage::Whole(_) => {
                    let fronts = structure.fronts(number).iter();
                    let cost = fronts.map(|f| cost::front(f.width as usize, f.rows.len())).sum();
                    let children = structure.groups[number].children.iter().map(|&child| match done[child] {
                        Done::Whole(task) => task,
                        Done::Tiles(_) => unreachable!("above a tiled front all are tiled"),
                    });
                    Done::Whole(plan.task(Operation::Factor(number as u32), cost, chunks.into_iter().chain(children)))
                }
                Storage::Tiled { tiling, sources } => {
                    let before = |i: usize, j: usize| {
                        let children = sources[place(i, j)].iter().map(|source| {
                            match (&done[source.group as usize], source.part) {
                                (Done::Tiles(last), SourcePart::Tile { i, j }) => last[place(i as usize, j as usize)],
                                (Done::Whole(task), SourcePart::Top(_)) => *task,
                                _ => unreachable!("tiles are passed on by tiled fronts"),
                            }
                        });
                        let own =
                            tiling.chunks(i, j).into_iter().filter_map(|chunk| chunks.get(chunk as usize).copied());
                        own.chain(children).collect::<Vec<u32>>()
                    };
                    Done::Tiles(plan.tiled(number as u32, tiling, before))
                }
            });
        }
        plan.backward(structure, &done, linearise);
        plan
    }

    fn task(&mut self, operation: Operation, cost: f64, before: impl IntoIterator<Item = u32>) -> u32 {
        let number = self.operations.len() as u32;
        self.operations.push(operation);
        self.costs.push(cost);
        let first = self.edges.len();
        self.edges.extend(before.into_iter().map(|task| (task, number)));
        self.edges[first..].sort_unstable();
        let mut kept = first;
        for at in first..self.edges.len() {
            if kept == first || self.edges[kept - 1] != self.edges[at] {
                self.edges[kept] = self.edges[at];
                kept += 1;
            }
        }
        self.edges.truncate(kept);
        number
    }

    /// A tiled front; the last task of each of its tiles.
    fn tiled(&mut self, group: u32, tiling: &Tiling, before: impl Fn(usize, usize) -> Vec<u32>) -> Vec<u32> {
        let count = tiling.count();
        let mut last = vec![0; count * (count + 1) / 2];
        for (i, j) in tiling.tiles() {
            let cost = cost::assemble_tile(tiling.rows(i).len(), tiling.columns(j).len());
            last[place(i, j)] = self.task(Operation::Tile(group, TileOperation::Assemble { i, j }), cost, before(i, j));
        }
        for k in 0..tiling.pivot_tiles {
            let pivots = tiling.columns(k).len();
            let diagonal = self.task(
                Operation::Tile(group, TileOperation::Factor { k }),
                cost::factor_tile(pivots),
                [last[place(k, k)]],
            );
            last[place(k, k)] = diagonal;
            for i in k + 1..count {
                let cost = cost::solve_tile(tiling.rows(i).len(), pivots);
                let operation = Operation::Tile(group, TileOperation::Solve { i, k });
                last[place(i, k)] = self.task(operation, cost, [diagonal, last[place(i, k)]]);
            }
            for (i, j) in tiling.tiles().filter(|&(_, j)| j > k) {
                let share = if i == j { 0.5 } else { 1.0 };
                let cost = share * cost::update_tile(tiling.rows(i).len(), tiling.columns(j).len(), pivots);
                let operation = Operation::Tile(group, TileOperation::Update { i, j, k });
                last[place(i, j)] =
                    self.task(operation, cost, [last[place(i, k)], last[place(j, k)], last[place(i, j)]]);
            }
        }
        last
    }

    fn backward(&mut self, structure: &Structure, done: &[Done], linearise: bool) {
        let mut backward = vec![0; structure.groups.len()];
        for number in (0..structure.groups.len()).rev() {
            let fronts = structure.fronts(number).iter();
            let cost = fronts.map(|f| cost::solve(f.width as usize, f.rows.len())).sum();
            // The parent's solve is after its factorisation, and so after this group's.
            let before = match (structure.groups[number].parent, &done[number], &structure.storage[number]) {
                (Some(parent), ..) => backward[parent],
                (None, Done::Tiles(last), Storage::Tiled { tiling, .. }) => {
                    // All of the factor is done before the last tile of the right-hand side's row is solved.
                    last[place(tiling.count() - 1, tiling.pivot_tiles - 1)]
                }
                (None, Done::Whole(task), _) => *task,
                _ => unreachable!("tiles are done in tiled groups"),
            };
            backward[number] = self.task(Operation::Backward(number as u32), cost, [before]);
        }
        if linearise {
            let leaves = (0..structure.groups.len()).filter(|&g| structure.groups[g].children.is_empty());
            self.task(Operation::Reduce, cost::POSE, leaves.map(|g| backward[g]));
        }
    }

    /// The modelled work of all tasks, in nanoseconds.
    pub(crate) fn work(&self) -> f64 {
        self.costs.iter().sum()
    }

    /// The costliest path through the graph, in modelled nanoseconds.
    pub(crate) fn critical_path(&self) -> f64 {
        let mut end = self.costs.clone();
        for &(before, after) in &self.edges {
            // Edges stand in ascending order of the task after, so what is before it is final.
            end[after as usize] = end[after as usize].max(end[before as usize] + self.costs[after as usize]);
        }
        end.iter().copied().fold(0.0, f64::max)
    }

    /// The modelled time of a pass in which each of `workers` takes, whenever it is free, the ready task with the longest path still before it.
    pub(crate) fn makespan(&self, workers: usize) -> f64 {
        let count = self.costs.len();
        let mut after: Vec<Vec<u32>> = vec![Vec::new(); count];
        let mut waiting = vec![0_u32; count];
        for &(before, task) in &self.edges {
            after[before as usize].push(task);
            waiting[task as usize] += 1;
        }
        let mut rank = self.costs.clone();
        for task in (0..count).rev() {
            let below = after[task].iter().map(|&t| rank[t as usize]).fold(0.0, f64::max);
            rank[task] += below;
        }
        let mut ready: Vec<usize> = (0..count).filter(|&t| waiting[t] == 0).collect();
        let mut running: Vec<(f64, usize)> = Vec::new();
        let mut now = 0.0;
        loop {
            while running.len() < workers && !ready.is_empty() {
                let next =
                    (0..ready.len()).max_by(|&a, &b| rank[ready[a]].total_cmp(&rank[ready[b]])).expect("not empty");
                let task = ready.swap_remove(next);
                running.push((now + self.costs[task], task));
            }
            let Some(first) = (0..running.len()).min_by(|&a, &b| running[a].0.total_cmp(&running[b].0)) else {
                return now;
            };
            let (end, task) = running.swap_remove(first);
            now = end;
            for &next in &after[task] {
                waiting[next as usize] -= 1;
                if waiting[next as usize] == 0 {
                    ready.push(next as usize);
                }
            }
        }
    }
}
