//! Iterates to the map, and measures each iteration on the way.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use taskweave::{Metrics, Pool};
use taskweave_slam::{Options, Pose, Problem, Report, SlamError, Solver, Statistics};

use crate::allocations;
use crate::args::SlamArgs;
use crate::failure::Failure;
use crate::slam::probe::AllocatingVertex;
use crate::slam::progress::Progress;

/// Everything that is built once.
pub(crate) struct Job<'a> {
    problem: &'a Problem,
    tolerance: f64,
    most_iterations: usize,
    sequential: Option<Solver>,
    parallel: Option<Parallel>,
    prepared: Duration,
}

/// The solver whose iterations are runs of a task graph, and what it runs on.
struct Parallel {
    solver: Solver,
    pool: Pool,
    vertex: Option<AllocatingVertex>,
}

/// One iteration as measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// χ² of the poses that it began with.
    pub(crate) before: f64,
    /// χ² of the poses that it ended with.
    pub(crate) after: f64,
    /// By how much χ² should fall, were the problem linear.
    pub(crate) expected_decrease: f64,
    /// On the calling thread alone.
    pub(crate) sequential: Option<Duration>,
    /// As a run of the graph on the pool.
    pub(crate) parallel: Option<OnPool>,
    /// By the whole process, in the parallel form if that was run.
    pub(crate) allocations: u64,
}

/// What the pool's counters say about one run of the graph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnPool {
    pub(crate) elapsed: Duration,
    pub(crate) steals: u64,
    pub(crate) wakes: u64,
}

/// A finished job.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) steps: Vec<Step>,
    pub(crate) initial: f64,
    pub(crate) chi_squared: f64,
    pub(crate) converged: bool,
    pub(crate) poses: Vec<Pose>,
    pub(crate) workers: Option<usize>,
    pub(crate) statistics: Statistics,
    /// Analysis, graph and one iteration to warm up.
    pub(crate) prepared: Duration,
}

/// What went wrong, before the file's name is added.
pub(crate) enum JobError {
    Slam(SlamError),
    Other(Failure),
}

impl JobError {
    /// The failure, with the file that it is about.
    pub(crate) fn naming(self, file: &Path) -> Failure {
        match self {
            Self::Slam(error) => Failure::slam(file, error),
            Self::Other(failure) => failure,
        }
    }
}

impl From<SlamError> for JobError {
    fn from(error: SlamError) -> Self {
        Self::Slam(error)
    }
}

impl From<Failure> for JobError {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl<'a> Job<'a> {
    /// Analyses the problem, builds the graph, starts the pool, and warms all of it up by one iteration that is taken back.
    pub(crate) fn new(problem: &'a Problem, args: &SlamArgs) -> Result<Self, JobError> {
        let start = Instant::now();
        let defaults = Options::default();
        let compares = !args.quiet && !args.sequential;
        let mut sequential = None;
        if args.sequential || compares {
            let mut solver = Solver::new(problem, Options::sequential())?;
            solver.iterate_sequential()?;
            solver.reset();
            sequential = Some(solver);
        }
        let mut parallel = None;
        if !args.sequential {
            let mut builder = Pool::builder();
            if let Some(count) = args.worker_threads {
                builder = builder.worker_threads(count);
            }
            let pool = builder.build().map_err(Failure::Pool)?;
            sleep_once(&pool);
            let mut solver = Solver::new(problem, Options::default())?;
            solver.iterate(&pool)?;
            solver.reset();
            let vertex = args
                .allocating_vertex
                .map(AllocatingVertex::new)
                .transpose()?;
            parallel = Some(Parallel {
                solver,
                pool,
                vertex,
            });
        }
        Ok(Self {
            problem,
            tolerance: defaults.tolerance,
            most_iterations: args.iterations.unwrap_or(defaults.max_iterations),
            sequential,
            parallel,
            prepared: start.elapsed(),
        })
    }

    /// Iterates until χ² can't be expected to fall further, or the most iterations are done.
    pub(crate) fn run(&mut self, progress: &Progress) -> Result<Outcome, JobError> {
        let mut steps: Vec<Step> = Vec::new();
        let mut converged = false;
        while !converged && steps.len() < self.most_iterations {
            let step = self.iterate()?;
            if let Some(last) = steps.last_mut() {
                last.after = step.before;
            }
            converged = step.expected_decrease <= self.tolerance * step.before + f64::MIN_POSITIVE;
            steps.push(step);
            progress.show(
                steps.len(),
                step.before,
                step.expected_decrease,
                self.tolerance,
            );
        }
        let solver = self.solver();
        let poses = solver.poses();
        let chi_squared = self.problem.chi_squared(&poses);
        let initial = self.problem.chi_squared(self.problem.poses());
        if !chi_squared.is_finite() {
            return Err(SlamError::Diverged {
                iteration: steps.len(),
                initial,
                chi_squared,
            }
            .into());
        }
        if let Some(last) = steps.last_mut() {
            last.after = chi_squared;
        }
        Ok(Outcome {
            initial,
            chi_squared,
            converged,
            poses,
            workers: self
                .parallel
                .as_ref()
                .map(|parallel| parallel.pool.worker_threads()),
            statistics: solver.statistics(),
            prepared: self.prepared,
            steps,
        })
    }

    /// The task graph of one iteration, for Graphviz.
    pub(crate) fn dot(&self) -> Result<String, SlamError> {
        self.solver().dot()
    }

    fn solver(&self) -> &Solver {
        match (&self.parallel, &self.sequential) {
            (Some(parallel), _) => &parallel.solver,
            (None, Some(solver)) => solver,
            (None, None) => unreachable!("a job has at least one form"),
        }
    }

    /// One iteration in each form; the sequential one comes first.
    fn iterate(&mut self) -> Result<Step, JobError> {
        let mut allocations = 0;
        let mut last = None;
        let mut sequential = None;
        if let Some(solver) = &mut self.sequential {
            let (report, counted) = counting(|| solver.iterate_sequential());
            let report: Report = report?;
            sequential = Some(report.elapsed);
            (last, allocations) = (Some(report), counted);
        }
        let mut on_pool = None;
        if let Some(Parallel {
            solver,
            pool,
            vertex,
        }) = &mut self.parallel
        {
            let metrics = pool.metrics();
            let (report, counted) = counting(|| {
                let report = solver.iterate(pool);
                vertex
                    .as_mut()
                    .map_or(Ok(()), |vertex| vertex.run(pool))
                    .map(|()| report)
            });
            let report = report??;
            on_pool = Some(OnPool::between(&metrics, &pool.metrics(), report.elapsed));
            (last, allocations) = (Some(report), counted);
        }
        let Some(report) = last else {
            unreachable!("a job has at least one form")
        };
        Ok(Step {
            before: report.chi_squared,
            after: report.chi_squared,
            expected_decrease: report.expected_decrease,
            sequential,
            parallel: on_pool,
            allocations,
        })
    }
}

impl OnPool {
    fn between(before: &Metrics, after: &Metrics, elapsed: Duration) -> Self {
        Self {
            elapsed,
            steals: after.total().steals_won - before.total().steals_won,
            wakes: after.wakes() - before.wakes(),
        }
    }
}

/// Has this thread sleep for a task of the pool. Each thread gets what it sleeps on when it first does so, which is one allocation, and an iteration
/// may or may not be the first to need it.
fn sleep_once(pool: &Pool) {
    let (begin, begun) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let task = pool.spawn(move || {
        let _ = begin.send(());
        // Until the other side is gone.
        let _ = ended.recv();
    });
    // A task that hasn't begun would be run by who waits for it.
    let _ = begun.recv();
    let asleep = task.wait_timeout(Duration::from_millis(1));
    drop(end);
    if let Err(task) = asleep {
        // Nothing but the end matters here.
        let _ = task.wait();
    }
}

/// What `work` returns, and how often the process allocated meanwhile.
fn counting<R>(work: impl FnOnce() -> R) -> (R, u64) {
    let before = allocations::count();
    let result = work();
    (result, allocations::count() - before)
}
