#![doc = include_str!("README.md")]

pub(crate) mod cell;
mod handle;
#[cfg(all(test, taskweave_loom))]
mod models;
pub(crate) mod state;

use std::sync::Arc;

pub(crate) use cell::Options;
pub use handle::JoinHandle;

use crate::blocking;
use crate::error::TaskError;
use crate::shared::{Phase, Shared};
use crate::worker::Worker;

/// Starts a task that may do everything but borrow. See `Pool::spawn`.
pub(crate) fn spawn<F, T>(shared: &Arc<Shared>, options: Options, body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let core = cell::allocate(Arc::clone(shared), options, body);
    // SAFETY: just allocated, with this result.
    let handle = unsafe { JoinHandle::new(core) };
    if shared.phase() != Phase::Open {
        refuse::<T>(core, TaskError::Shutdown);
        return handle;
    }
    Worker::with_current(|worker| match worker {
        // SAFETY: a live header in no queue; the queue's share keeps it alive.
        Some(worker) if core::ptr::eq(worker.shared(), &**shared) => unsafe {
            worker.submit(core.cast());
        },
        // SAFETY: as above.
        _ => unsafe { shared.inject(core.cast()) },
    });
    handle
}

/// As `spawn`, on a thread of the pool's that may block.
pub(crate) fn spawn_blocking<F, T>(shared: &Arc<Shared>, body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let options = Options {
        blocking: true,
        ..Options::default()
    };
    let core = cell::allocate(Arc::clone(shared), options, body);
    // SAFETY: just allocated, with this result.
    let handle = unsafe { JoinHandle::new(core) };
    let queued = if shared.phase() == Phase::Open {
        // SAFETY: a live header in no queue; the queue's share keeps it alive.
        unsafe { blocking::submit(shared, core.cast()) }
    } else {
        Err(TaskError::Shutdown)
    };
    if let Err(why) = queued {
        refuse::<T>(core, why);
    }
    handle
}

/// The handle of a task that isn't to be.
pub(crate) fn refused<T: Send + 'static>(
    shared: &Arc<Shared>,
    options: Options,
    why: TaskError,
) -> JoinHandle<T> {
    let never = || -> T { unreachable!("refused") };
    let core = cell::allocate(Arc::clone(shared), options, never);
    // SAFETY: just allocated, with this result.
    let handle = unsafe { JoinHandle::new(core) };
    refuse::<T>(core, why);
    handle
}

/// Settles a task that isn't queued, unless it's claimed, and gives up the queue's share.
pub(crate) fn refuse<T: 'static>(core: core::ptr::NonNull<cell::Core>, why: TaskError) {
    // SAFETY: the queue's share is still the caller's.
    let this = unsafe { core.as_ref() };
    if this.state.claim() {
        // SAFETY: by the caller's word.
        let verbs = unsafe { this.verbs::<T>() };
        // SAFETY: claimed just now.
        unsafe { (verbs.settle_claimed)(core, why) };
    }
    // SAFETY: the share is given up once, here.
    unsafe { cell::leave_queue::<T>(core) };
}
