#![doc = include_str!("README.md")]

mod block_on;
mod cell;
pub(crate) mod leaf;
#[cfg(all(test, taskweave_loom))]
mod models;
mod run;
mod waker;
mod yield_now;

use core::fmt;
use core::future::Future;
use std::sync::Arc;

pub use block_on::block_on;
pub(crate) use block_on::block_on_in;
pub(crate) use leaf::{Current, Futures, SlotRef};
pub(crate) use run::Polls;
pub(crate) use waker::Held;
pub use yield_now::{YieldNow, yield_now};

use crate::error::{TaskError, discard};
use crate::shared::{Phase, Shared};
use crate::spawn::{self, JoinHandle, Options};
use crate::worker::Worker;
use cell::Typed;

/// A limit was asked for a future.
#[derive(Debug)]
struct LimitOfFuture;

impl fmt::Display for LimitOfFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a limit is for bodies, not for futures, which would keep it while they wait; have the future acquire a semaphore")
    }
}

impl std::error::Error for LimitOfFuture {}

/// Starts a future. See `Pool::spawn_future`.
pub(crate) fn spawn_future<F, T>(shared: &Arc<Shared>, options: Options, future: F) -> JoinHandle<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let refusal = if shared.phase() != Phase::Open {
        Some(TaskError::Shutdown)
    } else if options.limit.is_some() {
        Some(TaskError::Failed(Arc::new(LimitOfFuture)))
    } else {
        None
    };
    if let Some(why) = refusal {
        discard(future);
        let options = Options {
            limit: None,
            ..options
        };
        return spawn::refused(shared, options, why);
    }
    Worker::with_current_of(shared, |worker| {
        let slot = leaf::take_slot(shared, worker);
        match worker {
            Some(worker) => worker.slot().counters.futures.add(1),
            None => shared.futures.begun.add_shared(1),
        }
        Typed::<F, T>::place(slot, future);
        let options = Options {
            // A wait for it doesn't run it.
            blocking: true,
            token: options.token.map(|token| token.child_for(slot)),
            ..options
        };
        slot.fill(Typed::<F, T>::vtable(), options);
        slot.state().arm();
        // SAFETY: filled just now, with this result.
        let handle = unsafe { JoinHandle::new(slot.core_ptr()) };
        slot.leaf().raise(slot.bit());
        handle
    })
}
