//! A frozen graph and its passes.

use taskweave_core::gate::IntoGate;
use taskweave_core::pass::{AlreadyRunning, FrozenPass, PassError, PassReport, StartedPass};
use taskweave_core::{CancelToken, Pool};

/// A graph that is checked and frozen, to be run any number of times.
#[derive(Debug)]
pub struct Graph<'env> {
    pub(super) frozen: FrozenPass<'env>,
}

/// How a pass ended.
pub type Pass = PassReport;

impl<'env> Graph<'env> {
    pub(super) fn new(frozen: FrozenPass<'env>) -> Self {
        Graph { frozen }
    }

    pub(super) fn into_frozen(self) -> FrozenPass<'env> {
        self.frozen
    }

    /// Runs each task once, each after its predecessors, and waits for the end. This thread works along, if it is one of the
    /// pool's or one of its workers sleeps. On a pool that has been shut down it runs the whole pass.
    ///
    /// If a pass that was [started](Graph::start) goes on, this waits for its end first.
    ///
    /// Bodies may run graphs of their own. But **hold no lock while a graph runs** (nor around [`join`](crate::join) or
    /// [`scope`](crate::scope)): the wait for its end may run other tasks on top of this stack, and one that needs a
    /// [`Mutex`](std::sync::Mutex) which the code below has locked waits for ever. Nothing finds that out.
    ///
    /// # Errors
    /// The first body that failed or panicked, and how many more did; the rest was skipped. The graph can be run again.
    ///
    /// # Cost
    /// About ten nanoseconds a task, one atomic operation for each edge into a task with several predecessors, and none for the others.
    ///
    /// No allocation and no lock, but for these. A pass that fails allocates twice, for the error's `Arc` and for the task's name, and a
    /// panic brings its own. A thread that sleeps for a pool for the first time in its life allocates what it sleeps on. And in a spawned task or
    /// a prepared job, where the wait may only help with parts of the same task: when none are left and others still run elsewhere, the
    /// worker's slot goes to a spare thread, which takes a lock and may start that thread.
    pub fn run(&mut self, pool: &Pool) -> Result<Pass, PassError> {
        self.frozen.run(pool)
    }

    /// As [`run`](Self::run); once `token` is cancelled, from whatever thread, tasks that haven't begun are skipped. A body that has begun goes on, unless it asks the token
    /// itself. A cancel that comes when nothing is left to be skipped changes nothing.
    ///
    /// # Errors
    /// As for `run`. If a task, or one of a graph inside of it, was skipped for the cancel and none has failed, the error is [`TaskError::Cancelled`](crate::TaskError::Cancelled), with the
    /// first such task and the counts. The next pass is clean.
    ///
    /// ```
    /// use taskweave::{CancelToken, Pool, graph::GraphBuilder};
    ///
    /// let pool = Pool::builder().worker_threads(2).build()?;
    /// let token = CancelToken::new();
    /// let mut builder = GraphBuilder::new();
    /// let first = builder.task("first", || token.cancel());
    /// let second = builder.task("second", || ());
    /// builder.edge(first, second)?;
    /// let error = builder.build()?.run_with(&pool, &token).unwrap_err();
    /// assert!(error.is_cancelled());
    /// assert_eq!((error.executed, error.skipped, &*error.vertex), (1, 1, "second"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_with(&mut self, pool: &Pool, token: &CancelToken) -> Result<Pass, PassError> {
        self.frozen.run_with(pool, token)
    }

    /// Runs `passes` of them, one after the other, and returns the sums. A stop ends one pass, not the row.
    ///
    /// # Errors
    /// As for [`run`](Self::run), of the first pass that fails; the others aren't begun.
    pub fn run_n(&mut self, pool: &Pool, passes: u64) -> Result<Passes, PassError> {
        let mut sums = Passes::default();
        for _ in 0..passes {
            sums.add(&self.run(pool)?);
        }
        Ok(sums)
    }

    /// Runs passes, one after the other, until `done` says so of the one that has just ended, and returns the sums. There is at least one.
    ///
    /// # Errors
    /// As for [`run_n`](Self::run_n).
    ///
    /// ```
    /// # use taskweave::{Pool, graph::GraphBuilder};
    /// let pool = Pool::builder().worker_threads(2).build()?;
    /// let mut builder = GraphBuilder::new();
    /// builder.task("step", || ());
    /// let mut graph = builder.build()?;
    /// assert_eq!(graph.run_until(&pool, |pass| pass.pass == 9)?.passes, 10);
    /// assert_eq!(graph.run_n(&pool, 5)?.executed, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_until(
        &mut self,
        pool: &Pool,
        mut done: impl FnMut(&Pass) -> bool,
    ) -> Result<Passes, PassError> {
        let mut sums = Passes::default();
        loop {
            let pass = self.run(pool)?;
            sums.add(&pass);
            if done(&pass) {
                return Ok(sums);
            }
        }
    }

    /// Number of tasks.
    pub fn tasks(&self) -> usize {
        self.frozen.vertices()
    }

    /// Number of edges.
    pub fn edges(&self) -> usize {
        self.frozen.edges()
    }
}

impl Graph<'static> {
    /// Begins a pass and returns at once: the pool's workers run it. Any number of graphs may be under way at once.
    ///
    /// The pass keeps what it needs alive: graph, pool and handle may be dropped meanwhile. Dropping the handle lets the pass go on by itself. A pool that is shut down, in
    /// whichever way, runs what has been started to its end; one that has ended leaves it to the thread that calls.
    ///
    /// # Errors
    /// [`AlreadyRunning`] if the last pass that was started hasn't ended.
    ///
    /// # Cost
    /// One atomic operation for each task without predecessors, and one more for each task without successors, which [`run`](Self::run) mostly saves. One allocation the first time,
    /// and if the last start's handle is still there.
    ///
    /// ```
    /// use taskweave::{Pool, graph::GraphBuilder};
    ///
    /// let pool = Pool::builder().worker_threads(2).build()?;
    /// let mut builder = GraphBuilder::new();
    /// builder.task("beside", || println!("while the caller does something else"));
    /// let mut graph = builder.build()?;
    /// let running = graph.start(&pool)?;
    /// assert_eq!(running.wait()?.executed, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start(&mut self, pool: &Pool) -> Result<Running, AlreadyRunning> {
        self.frozen.start(pool, None)
    }

    /// As [`start`](Self::start), and as [`run_with`](Self::run_with).
    ///
    /// # Errors
    /// As for `start`.
    pub fn start_with(
        &mut self,
        pool: &Pool,
        token: &CancelToken,
    ) -> Result<Running, AlreadyRunning> {
        self.frozen.start(pool, Some(token))
    }

    /// As [`start`](Self::start), but the first tasks begin when the gate opens: when a task or another graph's pass has ended, a time has come. If the gate fails, all
    /// tasks are skipped, and the pass ends with [`TaskError::Poisoned`](crate::TaskError::Poisoned) and the first cause.
    ///
    /// # Errors
    /// As for `start`.
    ///
    /// ```
    /// use taskweave::{Pool, graph::GraphBuilder};
    ///
    /// let pool = Pool::builder().worker_threads(2).build()?;
    /// let mut builder = GraphBuilder::new();
    /// builder.task("cook", || ());
    /// let mut graph = builder.build()?;
    /// let shopping = pool.spawn(|| ());
    /// assert_eq!(graph.start_after(shopping, &pool)?.wait()?.executed, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_after(
        &mut self,
        gate: impl IntoGate,
        pool: &Pool,
    ) -> Result<Running, AlreadyRunning> {
        self.frozen.start_after(gate, pool, None)
    }

    /// Whether a pass that was started hasn't ended.
    pub fn is_running(&self) -> bool {
        self.frozen.is_running()
    }
}

/// A pass under way, see [`Graph::start`].
pub type Running = StartedPass;

/// The sums of several passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passes {
    /// How many there were.
    pub passes: u64,
    /// Tasks whose bodies ran.
    pub executed: u64,
    /// Tasks that were skipped.
    pub skipped: u64,
}

impl Passes {
    fn add(&mut self, pass: &Pass) {
        self.passes += 1;
        self.executed += pass.executed as u64;
        self.skipped += pass.skipped as u64;
    }
}
