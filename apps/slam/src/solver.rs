//! Gauss–Newton over a plan that is made once.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskweave::Pool;
use taskweave::graph::Graph;

use crate::error::SlamError;
use crate::geometry::Pose;
use crate::normal::NormalEquations;
use crate::options::Options;
use crate::plan::engine::{Engine, Failure};
use crate::plan::parallel;
use crate::plan::structure::{Storage, Structure};
use crate::plan::tasks::{Operation, Plan};
use crate::problem::Problem;
use crate::progress::{self, Progress};
use crate::report::{Phases, Report, Statistics, Summary};

/// Finds the map of a [`Problem`], and holds everything needed for it: the analysis, the memory and the tasks.
///
/// ```
/// use taskweave_slam::{Options, Problem, Solver};
///
/// let text = "VERTEX2 0 0 0 0\nVERTEX2 1 0.9 0.1 0\nVERTEX2 2 2.1 0 0.1\n\
///     EDGE2 0 1 1 0 0 1 0 1 1 0 0\nEDGE2 1 2 1 0 0 1 0 1 1 0 0\nEDGE2 0 2 2 0 0 1 0 1 1 0 0";
/// let problem = Problem::parse("line", text)?;
/// let mut solver = Solver::new(&problem, Options::default())?;
/// let summary = solver.solve_sequential()?;
/// assert!(summary.converged && summary.chi_squared < 1e-12);
/// assert!((solver.poses()[2].x - 2.0).abs() < 1e-6);
/// # Ok::<(), taskweave_slam::SlamError>(())
/// ```
pub struct Solver {
    engine: Arc<Engine>,
    /// All of an iteration, and its graph once it is asked for.
    plan: Plan,
    graph: Option<Graph<'static>>,
    /// Factorising and solving alone, likewise.
    linear_plan: Plan,
    linear_graph: Option<Graph<'static>>,
    options: Options,
    problem: Problem,
    progress: Progress,
}

impl Solver {
    /// Analyses the problem and lays out all memory: no iteration allocates after this.
    ///
    /// # Errors
    /// [`SlamError::Option`] if an option is out of its range, [`SlamError::NothingToSolve`] if every pose is fixed.
    pub fn new(problem: &Problem, options: Options) -> Result<Self, SlamError> {
        options.check()?;
        let structure = Structure::new(problem, &options)?;
        let (plan, linear_plan) = (Plan::new(&structure, true), Plan::new(&structure, false));
        Ok(Self {
            engine: Arc::new(Engine::new(problem, structure)),
            plan,
            linear_plan,
            graph: None,
            linear_graph: None,
            options,
            problem: problem.clone(),
            progress: Progress::default(),
        })
    }

    /// Runs one iteration on this thread, without a graph: the fastest sequential form, and the one to compare parallel runs with.
    ///
    /// # Errors
    /// [`SlamError::NotPositiveDefinite`], which leaves the poses as they were, or [`SlamError::Diverged`].
    pub fn iterate_sequential(&mut self) -> Result<Report, SlamError> {
        let start = Instant::now();
        let outcome = self.plan.operations.iter().try_for_each(|&operation| self.engine.perform(operation, true));
        self.conclude(start.elapsed(), outcome)
    }

    /// Runs one iteration on a pool: one pass of the graph, which is built the first time. It gives the very bits that
    /// [`iterate_sequential`](Self::iterate_sequential) gives, and allocates nothing once the graph stands.
    ///
    /// # Errors
    /// As the sequential form, and [`SlamError::Graph`] if the pool can't run it.
    pub fn iterate(&mut self, pool: &Pool) -> Result<Report, SlamError> {
        let graph = match &mut self.graph {
            Some(graph) => graph,
            none => none.insert(parallel::graph(&self.engine, &self.plan, true).map_err(SlamError::Graph)?),
        };
        let start = Instant::now();
        let outcome = parallel::run(graph, &self.engine, pool).map_err(SlamError::Graph)?;
        self.conclude(start.elapsed(), outcome)
    }

    /// Iterates on a pool until the map is found or the most iterations are run.
    ///
    /// # Errors
    /// As [`iterate`](Self::iterate).
    pub fn solve(&mut self, pool: &Pool) -> Result<Summary, SlamError> {
        self.solve_with(|solver| solver.iterate(pool))
    }

    /// The graph of an iteration in the DOT language.
    ///
    /// # Errors
    /// [`SlamError::Graph`] if the graph can't be built.
    pub fn dot(&self) -> Result<String, SlamError> {
        Ok(parallel::graph(&self.engine, &self.plan, true).map_err(SlamError::Graph)?.dot())
    }

    /// Iterates on this thread until the map is found or the most iterations are run.
    ///
    /// # Errors
    /// As [`iterate_sequential`](Self::iterate_sequential).
    pub fn solve_sequential(&mut self) -> Result<Summary, SlamError> {
        self.solve_with(Self::iterate_sequential)
    }

    fn solve_with(
        &mut self,
        mut iterate: impl FnMut(&mut Self) -> Result<Report, SlamError>,
    ) -> Result<Summary, SlamError> {
        let start = Instant::now();
        let mut iterations = Vec::new();
        let mut converged = false;
        while !converged && iterations.len() < self.options.max_iterations {
            let report = iterate(self)?;
            iterations.push(report);
            converged = progress::is_found(&report, self.options.tolerance);
        }
        let chi_squared = self.problem.chi_squared(&self.poses());
        if !chi_squared.is_finite() {
            return Err(self.progress.lost(chi_squared));
        }
        Ok(Summary { iterations, chi_squared, converged, elapsed: start.elapsed() })
    }

    /// Judges the iteration that has just run.
    fn conclude(&mut self, elapsed: Duration, outcome: Result<(), Failure>) -> Result<Report, SlamError> {
        if let Err(failure) = outcome {
            // The poses are where they were. If χ² itself has overflowed there, that is the cause.
            let chi_squared = self.problem.chi_squared(&self.poses());
            if chi_squared.is_finite() {
                return Err(self.not_positive(failure));
            }
            return Err(self.progress.lost(chi_squared));
        }
        self.progress.note(self.engine.totals(), elapsed)
    }

    /// Puts all poses back to the initial guess.
    pub fn reset(&mut self) {
        self.engine.set_poses(&self.problem.poses);
        self.progress = Progress::default();
    }

    /// The poses as they are now, by index in the problem.
    #[must_use]
    pub fn poses(&self) -> Vec<Pose> {
        let mut poses = self.problem.poses.clone();
        self.engine.read_poses(&mut poses);
        poses
    }

    /// The problem that is solved.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Runs one iteration on this thread and times its phases. The clock is read around every task, which costs some percent.
    ///
    /// # Errors
    /// As [`iterate_sequential`](Self::iterate_sequential).
    pub fn profile_sequential(&mut self) -> Result<(Report, Phases), SlamError> {
        use crate::numeric::tiles::TileOperation;
        let mut phases = Phases::default();
        let start = Instant::now();
        let outcome = self.plan.operations.iter().try_for_each(|&operation| {
            let start = Instant::now();
            let outcome = self.engine.perform(operation, true);
            let phase = match operation {
                Operation::Linearise(_) => &mut phases.linearise,
                Operation::Factor(_) => &mut phases.factor,
                Operation::Tile(_, TileOperation::Assemble { .. }) => &mut phases.assemble_tiles,
                Operation::Tile(..) => &mut phases.factor_tiles,
                Operation::Backward(_) | Operation::Reduce => &mut phases.backward,
            };
            *phase += start.elapsed();
            outcome
        });
        let report = self.conclude(start.elapsed(), outcome)?;
        Ok((report, phases))
    }

    /// Linearises about the present poses, on this thread, without solving.
    pub fn linearise(&mut self) {
        for chunk in 0..self.engine.structure.chunks.len() {
            let outcome = self.engine.perform(Operation::Linearise(chunk as u32), false);
            debug_assert!(outcome.is_ok(), "linearising can't fail");
        }
    }

    /// The normal equations that the last linearisation gave: by [`linearise`](Self::linearise), or the start of the last iteration.
    #[must_use]
    pub fn normal_equations(&self) -> NormalEquations {
        NormalEquations::collect(&self.engine)
    }

    /// Factorises the normal equations of the last linearisation and solves them, on this thread; the poses stay. [`step`](Self::step) has the
    /// solution.
    ///
    /// # Errors
    /// [`SlamError::NotPositiveDefinite`].
    pub fn factorise_and_solve_sequential(&mut self) -> Result<(), SlamError> {
        let outcome =
            self.linear_plan.operations.iter().try_for_each(|&operation| self.engine.perform(operation, false));
        outcome.map_err(|failure| self.not_positive(failure))
    }

    /// The same on a pool, as one pass of a graph, which is built the first time.
    ///
    /// # Errors
    /// [`SlamError::NotPositiveDefinite`], and [`SlamError::Graph`] if the pool can't run it.
    pub fn factorise_and_solve(&mut self, pool: &Pool) -> Result<(), SlamError> {
        let graph = match &mut self.linear_graph {
            Some(graph) => graph,
            none => none.insert(parallel::graph(&self.engine, &self.linear_plan, false).map_err(SlamError::Graph)?),
        };
        let outcome = parallel::run(graph, &self.engine, pool).map_err(SlamError::Graph)?;
        outcome.map_err(|failure| self.not_positive(failure))
    }

    fn not_positive(&self, Failure { place }: Failure) -> SlamError {
        let pose = self.problem.ids[self.engine.structure.pose_at[place as usize] as usize];
        SlamError::NotPositiveDefinite { iteration: self.progress.next(), pose }
    }

    /// The solution of the last linear system, numbered as [`NormalEquations`] is.
    #[must_use]
    pub fn step(&self) -> Vec<f64> {
        let structure = &self.engine.structure;
        let mut steps = vec![[0.0; 3]; structure.place_of.len()];
        self.engine.read_step(&mut steps);
        let free = steps.iter().zip(&structure.place_of).filter(|(_, place)| place.is_some());
        free.flat_map(|(step, _)| *step).collect()
    }

    /// The size of the plan, and its modelled cost.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let structure = &self.engine.structure;
        let supernodes = &structure.symbolic.supernodes;
        let stored = |p: usize, r: usize| (p * (p + 1) / 2 + p * r) as u64;
        let tiled = structure.storage.iter().filter(|storage| matches!(storage, Storage::Tiled { .. }));
        let modelled = |nanoseconds: f64| Duration::from_nanos(nanoseconds as u64);
        Statistics {
            unknowns: 3 * structure.pose_at.len(),
            constraints: self.problem.constraints.len(),
            fronts: supernodes.len(),
            tiled_fronts: tiled.count(),
            largest_front: supernodes.iter().map(|s| s.pivots() + s.remaining()).max().unwrap_or(0),
            factor_entries: structure.symbolic.factor_entries,
            stored_entries: supernodes.iter().map(|s| stored(s.pivots(), s.remaining())).sum(),
            factor_flops: structure.symbolic.factor_flops,
            tasks: self.plan.operations.len(),
            edges: self.plan.edges.len(),
            work: modelled(self.plan.work()),
            critical_path: modelled(self.plan.critical_path()),
        }
    }

    /// The modelled time of an iteration on so many workers, if each always takes the ready task with the longest path still before it.
    ///
    /// # Panics
    /// If `workers` is zero.
    #[must_use]
    pub fn modelled_time(&self, workers: usize) -> Duration {
        assert!(workers > 0, "at least one worker");
        Duration::from_nanos(self.plan.makespan(workers) as u64)
    }
}

impl fmt::Debug for Solver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Solver")
            .field("problem", &self.problem.name())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
