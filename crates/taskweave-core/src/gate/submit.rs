//! Tasks that come after gates.

use core::fmt;
use core::ptr::NonNull;
use std::sync::Arc;

use taskweave_sys::mutated;
use taskweave_sys::sync::atomic::Ordering;

use super::{Gate, IntoGate, Outcome};
use crate::error::TaskError;
use crate::pool::Pool;
use crate::shared::{Phase, Shared};
use crate::spawn::cell::{self, Core};
use crate::spawn::{JoinHandle, Options, refuse};
use crate::worker::Worker;

/// A task to be, behind gates. See [`TaskBuilder::after`](crate::TaskBuilder::after).
#[must_use = "nothing starts before `spawn`"]
pub struct GatedTask<'pool> {
    pool: &'pool Pool,
    options: Options,
    gates: Vec<Gate>,
}

impl fmt::Debug for GatedTask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatedTask")
            .field("options", &self.options)
            .field("gates", &self.gates)
            .finish_non_exhaustive()
    }
}

impl<'pool> GatedTask<'pool> {
    pub(crate) fn new(pool: &'pool Pool, options: Options, gate: Gate) -> Self {
        GatedTask {
            pool,
            options,
            gates: vec![gate],
        }
    }

    /// One more gate that has to open first.
    pub fn after(mut self, gate: impl IntoGate) -> Self {
        self.gates.push(gate.into_gate());
        self
    }

    /// Starts it when all gates are open. If one fails the body is dropped, and the handle says
    /// [`TaskError::Poisoned`](crate::TaskError::Poisoned) with the first cause.
    ///
    /// A wait for it doesn't run it on the spot. A cancel by its handle takes effect at once, one by its token when the gates are open.
    ///
    /// # Cost
    /// Two allocations, with several gates two and two for each.
    pub fn spawn<F, T>(self, body: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let gate = match <[Gate; 1]>::try_from(self.gates) {
            Ok([gate]) => gate,
            Err(gates) => Gate::all(gates),
        };
        spawn_after(self.pool.shared(), self.options, &gate, body)
    }
}

pub(super) fn spawn_after<F, T>(
    shared: &Arc<Shared>,
    options: Options,
    gate: &Gate,
    body: F,
) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let options = Options {
        // A wait for it doesn't run it.
        blocking: true,
        ..options
    };
    let core = cell::allocate(Arc::clone(shared), options, body);
    // SAFETY: just allocated, with this result.
    let handle = unsafe { JoinHandle::new(core) };
    if shared.phase() != Phase::Open {
        refuse::<T>(core, TaskError::Shutdown);
        return handle;
    }
    let behind = Behind {
        core,
        shared: Arc::clone(shared),
        refuse: refuse::<T>,
        is_released: false,
    };
    // It may be in anybody's hands what opens it.
    shared.sleepers.in_line.fetch_add(1, Ordering::SeqCst);
    gate.then(move |outcome| behind.release(outcome));
    handle
}

/// The queue's share of a task that isn't queued yet.
struct Behind {
    core: NonNull<Core>,
    shared: Arc<Shared>,
    /// Settles the task with an error, unless it's claimed, and gives up the share.
    refuse: fn(NonNull<Core>, TaskError),
    is_released: bool,
}

// SAFETY: the share goes along with this; a core is shared between threads, and its closure is `Send` by `spawn_after`.
unsafe impl Send for Behind {}

impl Behind {
    fn release(mut self, outcome: Outcome) {
        self.is_released = true;
        match outcome {
            Ok(()) => Worker::with_current_of(&self.shared, |worker| match worker {
                // SAFETY: a live header in no queue; the queue's share keeps it alive.
                Some(worker) => unsafe { worker.submit(self.core.cast()) },
                // SAFETY: as above.
                None => unsafe { self.shared.inject(self.core.cast()) },
            }),
            Err(root) if mutated!("gate-fails-unclaimed") => {
                // SAFETY: the queue's share is still ours.
                let _ = unsafe { self.core.as_ref() }.state.finish();
                (self.refuse)(self.core, TaskError::Poisoned { root });
            }
            Err(root) => (self.refuse)(self.core, TaskError::Poisoned { root }),
        }
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        if !self.is_released {
            // Whoever had the gate has forgotten it.
            (self.refuse)(self.core, TaskError::Cancelled);
        }
        self.shared.sleepers.in_line.fetch_sub(1, Ordering::SeqCst);
        self.shared.check_stall();
    }
}
