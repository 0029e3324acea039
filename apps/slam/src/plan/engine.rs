//! The memory of a solver, and the operations on it.
//!
//! Every piece of memory has one task that writes it and some that read it later; the graph orders them, so the locks are never waited for. Nothing
//! here allocates after it is built.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use pulp::Arch;

use crate::geometry::{Pose, State};
use crate::numeric::buffer::{Buffer, read, write};
use crate::numeric::elements::{ChunkValues, Linearise};
use crate::numeric::front::{Backward, Factor, Incoming};
use crate::numeric::tiles::{BackwardTiles, OnTiles, TileOperation, place};
use crate::plan::structure::{Source, SourcePart, Storage, Structure};
use crate::plan::tasks::Operation;
use crate::problem::Problem;

/// A pivot that is not positive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    /// Place in the elimination order of the pose it belongs to.
    pub(crate) place: u32,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no positive pivot at place {} of the elimination order", self.place)
    }
}

impl Error for Failure {}

/// What a group stores.
struct Memory {
    /// Of a group of whole fronts: the panels, and what it passes on.
    factor: RwLock<Buffer>,
    output: RwLock<Buffer>,
    /// Of a tiled one.
    tiles: Vec<RwLock<Buffer>>,
    local: RwLock<Local>,
}

/// Poses and steps by the group's own numbers.
struct Local {
    states: Vec<State>,
    step: Vec<f64>,
    gathered: Buffer,
    sums: Buffer,
    /// The squared norm of the forward solution on the group's own rows.
    squares: f64,
}

/// What the last task of an iteration adds up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// χ² where the iteration linearised.
    pub(crate) chi_squared: f64,
    /// gᵀ H⁻¹ g: by how much χ² falls if the problem were linear.
    pub(crate) expected_decrease: f64,
}

pub(crate) struct Engine {
    pub(crate) structure: Structure,
    memory: Vec<Memory>,
    values: Vec<RwLock<ChunkValues>>,
    /// Room for the update matrices within a group; as many as there can be workers, each taken by one task at a time.
    scratch: Vec<RwLock<Buffer>>,
    totals: RwLock<Totals>,
    /// The first pivot that was not positive since the last look.
    failure: RwLock<Option<Failure>>,
    arch: Arch,
}

impl Engine {
    pub(crate) fn new(problem: &Problem, structure: Structure) -> Self {
        let memory: Vec<Memory> = (0..structure.groups.len()).map(|group| Memory::new(&structure, group)).collect();
        let values = structure.chunks.iter().map(|chunk| RwLock::new(chunk.values())).collect();
        let longest = structure.storage.iter().map(|storage| match storage {
            Storage::Whole(layout) => layout.scratch_length,
            Storage::Tiled { .. } => 0,
        });
        let longest = longest.max().unwrap_or(0);
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let scratch = (0..workers).map(|_| RwLock::new(Buffer::new(longest))).collect();
        let engine = Self {
            structure,
            memory,
            values,
            scratch,
            totals: RwLock::default(),
            failure: RwLock::default(),
            arch: Arch::new(),
        };
        engine.set_poses(&problem.poses);
        engine
    }

    /// Runs one task. With `moving`, solving backward also moves the poses.
    pub(crate) fn perform(&self, operation: Operation, moving: bool) -> Result<(), Failure> {
        let outcome = match operation {
            Operation::Linearise(chunk) => {
                self.linearise(chunk as usize);
                Ok(())
            }
            Operation::Factor(group) => self.factor(group as usize),
            Operation::Tile(group, operation) => self.tile(group as usize, operation),
            Operation::Backward(group) => {
                self.backward(group as usize, moving);
                Ok(())
            }
            Operation::Reduce => {
                self.reduce();
                Ok(())
            }
        };
        if let Err(failure) = outcome {
            write(&self.failure).get_or_insert(failure);
        }
        outcome
    }

    /// The failure since the last look, if any.
    pub(crate) fn take_failure(&self) -> Option<Failure> {
        write(&self.failure).take()
    }

    fn linearise(&self, chunk: usize) {
        let group = self.structure.chunks_of.partition_point(|chunks| chunks.end <= chunk);
        let local = read(&self.memory[group].local);
        let mut values = write(&self.values[chunk]);
        self.arch.dispatch(Linearise {
            chunk: &self.structure.chunks[chunk],
            states: &local.states,
            values: &mut values,
        });
    }

    fn values_of(&self, group: usize) -> &[RwLock<ChunkValues>] {
        let chunks: Range<usize> = self.structure.chunks_of[group].clone();
        &self.values[chunks]
    }

    fn factor(&self, group: usize) -> Result<(), Failure> {
        let Storage::Whole(layout) = &self.structure.storage[group] else {
            unreachable!("tiled groups have tile tasks")
        };
        let memory = &self.memory[group];
        let of_group = &self.structure.groups[group];
        let tops = |&child: &usize| (0..).zip(&self.structure.groups[child].tops).map(move |(top, _)| (child, top));
        let sources = of_group.children.iter().flat_map(tops);
        let incoming =
            sources.map(|(child, top)| self.incoming(Source { group: child as u32, part: SourcePart::Top(top) }));
        let free = self.scratch.iter().find_map(|scratch| scratch.try_write().ok());
        let mut scratch = free.unwrap_or_else(|| self.scratch[0].write().unwrap_or_else(PoisonError::into_inner));
        let work = Factor {
            layout,
            chunks: self.values_of(group),
            factor: &mut write(&memory.factor),
            scratch: &mut scratch,
            output: &mut write(&memory.output),
            incoming,
        };
        self.arch.dispatch(work).map_err(|pose| Failure { place: of_group.own.start + pose })
    }

    fn incoming(&self, source: Source) -> Incoming<'_> {
        let child = source.group as usize;
        let (memory, of_child) = (&self.memory[child], &self.structure.groups[child]);
        match (&self.structure.storage[child], source.part) {
            (Storage::Tiled { tiling, .. }, SourcePart::Tile { i, j }) => {
                let (i, j) = (i as usize, j as usize);
                let window = tiling.passed_on_window(i, j);
                Incoming { update: read(&memory.tiles[place(i, j)]), window, runs: &of_child.runs[0] }
            }
            (Storage::Whole(layout), SourcePart::Top(top)) => {
                let window = layout.passed_on(of_child.tops[top as usize] - of_child.fronts.start);
                Incoming { update: read(&memory.output), window, runs: &of_child.runs[top as usize] }
            }
            _ => unreachable!("tiles are passed on by tiled fronts"),
        }
    }

    fn tile(&self, group: usize, operation: TileOperation) -> Result<(), Failure> {
        let Storage::Tiled { tiling, sources } = &self.structure.storage[group] else {
            unreachable!("this group is tiled")
        };
        let sources = match operation {
            TileOperation::Assemble { i, j } => sources[place(i, j)].as_slice(),
            _ => &[],
        };
        let work = OnTiles {
            operation,
            tiling,
            tiles: &self.memory[group].tiles,
            chunks: self.values_of(group),
            incoming: sources.iter().map(|&source| self.incoming(source)),
        };
        let first = self.structure.groups[group].own.start;
        self.arch.dispatch(work).map_err(|column| Failure { place: first + column as u32 / 3 })
    }

    fn backward(&self, group: usize, moving: bool) {
        let memory = &self.memory[group];
        let of_group = &self.structure.groups[group];
        let own = of_group.own.len();
        let mut local = write(&memory.local);
        let Local { states, step, gathered, sums, squares } = &mut *local;
        if let Some(parent) = of_group.parent {
            let above = read(&self.memory[parent].local);
            for (number, &at) in of_group.boundary_in_parent.iter().enumerate() {
                let at = at as usize;
                step[3 * (own + number)..][..3].copy_from_slice(&above.step[3 * at..][..3]);
                states[own + number] = above.states[at];
            }
        }
        *squares = match &self.structure.storage[group] {
            Storage::Whole(layout) => {
                let factor = read(&memory.factor);
                self.arch.dispatch(Backward { layout, factor: &factor, step, gathered, zeros: sums })
            }
            Storage::Tiled { tiling, .. } => {
                self.arch.dispatch(BackwardTiles { tiling, tiles: &memory.tiles, step, gathered, sums })
            }
        };
        if moving {
            for (state, step) in states[..own].iter_mut().zip(step.as_chunks().0) {
                *state = state.moved(*step);
            }
        }
    }

    fn reduce(&self) {
        let mut totals = write(&self.totals);
        totals.chi_squared = self.values.iter().map(|values| read(values).chi_squared).sum();
        totals.expected_decrease = self.memory.iter().map(|memory| read(&memory.local).squares).sum();
    }

    pub(crate) fn totals(&self) -> Totals {
        *read(&self.totals)
    }

    /// The values of a chunk, as its last linearisation left them.
    pub(crate) fn values(&self, chunk: usize) -> std::sync::RwLockReadGuard<'_, ChunkValues> {
        read(&self.values[chunk])
    }

    /// Sets every pose, by index in the problem.
    pub(crate) fn set_poses(&self, poses: &[Pose]) {
        let structure = &self.structure;
        for ((group, memory), fixed) in structure.groups.iter().zip(&self.memory).zip(&structure.fixed_of) {
            let mut local = write(&memory.local);
            let free =
                group.own.clone().chain(group.boundary.iter().copied()).map(|place| structure.pose_at[place as usize]);
            for (state, pose) in local.states.iter_mut().zip(free.chain(fixed.iter().copied())) {
                *state = State::new(poses[pose as usize]);
            }
        }
    }

    /// Writes the free poses into `poses`, by index in the problem.
    pub(crate) fn read_poses(&self, poses: &mut [Pose]) {
        for (group, memory) in self.structure.groups.iter().zip(&self.memory) {
            let local = read(&memory.local);
            for (place, state) in group.own.clone().zip(&local.states) {
                poses[self.structure.pose_at[place as usize] as usize] = state.pose();
            }
        }
    }

    /// Writes the last step, in each pose's own frame, by index in the problem; that of fixed poses is left.
    pub(crate) fn read_step(&self, steps: &mut [[f64; 3]]) {
        for (group, memory) in self.structure.groups.iter().zip(&self.memory) {
            let local = read(&memory.local);
            for (place, step) in group.own.clone().zip(local.step.as_chunks().0) {
                steps[self.structure.pose_at[place as usize] as usize] = *step;
            }
        }
    }
}

impl Memory {
    fn new(structure: &Structure, group: usize) -> Self {
        let of_group = &structure.groups[group];
        let (factor, output, tiles, gathered, sums) = match &structure.storage[group] {
            Storage::Whole(layout) => {
                let longest = layout.fronts.iter().map(|front| front.pivots).max().unwrap_or(0);
                (layout.factor_length, layout.output_length, Vec::new(), layout.gathered_length(), longest)
            }
            Storage::Tiled { tiling, .. } => {
                (0, 0, tiling.memory(), tiling.gathered_length(), tiling.longest_columns())
            }
        };
        let local = Local {
            states: vec![State::default(); of_group.poses() + structure.fixed_of[group].len()],
            step: vec![0.0; 3 * of_group.poses()],
            gathered: Buffer::new(gathered),
            sums: Buffer::new(sums),
            squares: 0.0,
        };
        Self {
            factor: RwLock::new(Buffer::new(factor)),
            output: RwLock::new(Buffer::new(output)),
            tiles,
            local: RwLock::new(local),
        }
    }
}
