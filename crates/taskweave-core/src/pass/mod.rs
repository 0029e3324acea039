#![doc = include_str!("README.md")]

mod completion;
mod counter;
mod links;
#[cfg(all(test, taskweave_loom))]
mod models;
mod more;
mod nested;
mod observer;
mod onward;
mod plan;
mod report;
mod round;
mod rows;
mod start;
mod state;
mod step;

use core::fmt;

use crate::cancel::CancelToken;
use crate::pool::Pool;
use crate::shared::Shared;
use crate::thread;
use crate::wait::enter;
use crate::worker::Worker;

pub use completion::{Completion, StaleCompletion};
pub use nested::Again;
pub use observer::{PassObserver, VertexEnd};
pub use plan::{FreezeError, PassPlan, VertexSpec};
pub use report::{PassError, PassReport, Verdict};
use start::Ticket;
pub use start::{AlreadyRunning, StartedPass};
use state::{Core, Course, SharedCore};
use std::sync::Arc;
use taskweave_sys::mutated;

/// A frozen graph that is run in passes, on memory that is reused.
pub struct FrozenPass<'env> {
    core: SharedCore<'env>,
    /// The last start's.
    ticket: Option<Arc<Ticket>>,
}

impl fmt::Debug for FrozenPass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrozenPass")
            .field("vertices", &self.vertices())
            .field("edges", &self.edges())
            .finish_non_exhaustive()
    }
}

impl<'env> FrozenPass<'env> {
    fn new(core: SharedCore<'env>) -> Self {
        FrozenPass { core, ticket: None }
    }

    /// Freezes vertices and edges `(from, to)`: the short form of a [`PassPlan`].
    ///
    /// # Errors
    /// As for [`PassPlan::freeze`].
    ///
    /// # Cost
    /// Linear in vertices and edges.
    pub fn freeze(specs: Vec<VertexSpec<'env>>, edges: &[(u32, u32)]) -> Result<Self, FreezeError> {
        PassPlan::from((specs, edges.to_vec())).freeze()
    }

    /// Number of vertices.
    pub fn vertices(&self) -> usize {
        self.core.vertices.len()
    }

    /// Number of edges.
    pub fn edges(&self) -> usize {
        self.core.successors.len()
    }

    /// A vertex's name.
    ///
    /// # Panics
    /// If there is no such vertex.
    pub fn name(&self, vertex: usize) -> &str {
        &self.core.names[vertex]
    }

    /// The vertices that come right after this one, in the order in which their arrivals are counted.
    ///
    /// # Panics
    /// If there is no such vertex.
    pub fn successors(&self, vertex: usize) -> &[u32] {
        self.core.vertices[vertex].links.of(&self.core.successors)
    }

    /// Of the successors at this place in [`successors`](Self::successors): which branch it is, if it's one.
    ///
    /// # Panics
    /// If there is no such vertex.
    pub fn branch(&self, vertex: usize, place: usize) -> Option<usize> {
        let links = &self.core.vertices[vertex].links;
        if self.core.branches.is_empty() {
            return None;
        }
        let of_row = self.core.branches.get(links.range())?;
        let branch = *of_row.get(place)?;
        (branch != state::NO_BRANCH).then_some(branch as usize)
    }

    /// The graph that this vertex runs, if it runs one.
    ///
    /// # Panics
    /// If there is no such vertex.
    pub fn nested(&self, vertex: usize) -> Option<&FrozenPass<'env>> {
        assert!(vertex < self.vertices(), "there is no vertex {vertex}");
        let more = self.core.more.get(vertex)?;
        more.inner.as_ref()
    }

    /// Runs every vertex once, each after its predecessors, and waits for the last one. This thread works
    /// along, if it is one of the pool's or a worker sleeps.
    ///
    /// # Errors
    /// The first failure or panic of a body. The next pass is clean all the same.
    ///
    /// # Cost
    /// No allocation but what bodies bring, two for a failure that is reported, and the start of a thread if the wait for a stolen vertex has to
    /// give this worker's slot away and there is no spare thread.
    pub fn run(&mut self, pool: &Pool) -> Result<PassReport, PassError> {
        self.run_until_cancelled(pool, None)
    }

    /// As [`run`](Self::run); once the token is cancelled, what hasn't begun is skipped.
    ///
    /// # Errors
    /// As for `run`; and [`TaskError::Cancelled`](crate::TaskError::Cancelled), if a vertex was skipped for the cancel and none has failed.
    pub fn run_with(&mut self, pool: &Pool, token: &CancelToken) -> Result<PassReport, PassError> {
        self.run_until_cancelled(pool, Some(token))
    }

    fn run_until_cancelled(
        &mut self,
        pool: &Pool,
        token: Option<&CancelToken>,
    ) -> Result<PassReport, PassError> {
        self.wait_until_idle();
        self.begin(pool.shared(), token);
        if self.core.sinks > 0 {
            let core = &*self.core;
            enter(pool.shared(), |worker| core.run_here(worker));
        }
        // SAFETY: the wait is over.
        unsafe { self.core.finish() }
    }

    fn begin(&mut self, shared: &Shared, token: Option<&CancelToken>) {
        // SAFETY: no pass is under way, as each returns only at its end, and `self` is borrowed exclusively.
        unsafe {
            self.core.begin(|round| {
                round.shared = shared;
                round.root = thread::root();
                round.token = token.cloned();
                Course::of(token)
            });
        }
    }
}

impl Core<'_> {
    fn run_here(&self, worker: Option<&Worker>) {
        let mark = worker.map(|worker| worker.owner.position());
        self.seed(|root| self.make_ready(root, worker));
        let latch = &self.tally().latch;
        match (worker, mark) {
            (Some(worker), Some(mark)) if worker.is_current() => worker.wait(latch, mark),
            (Some(worker), _) => worker.shared().wait_without_slot(latch),
            (None, _) => self.pool().wait_without_worker(latch),
        }
    }
}

impl Drop for FrozenPass<'_> {
    fn drop(&mut self) {
        // A pass that goes on without its owner borrows nothing; its end drops the last share.
        if !self.is_running() || mutated!("start-drop-strips-anyway") {
            // SAFETY: no pass runs.
            unsafe { self.core.strip() };
        }
    }
}
