//! A future of this crate that stands for a gate, polled by whoever wakes it: so it may do nothing but wait.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

use taskweave_sys::sync::atomic::{AtomicU8, Ordering};
use taskweave_sys::sync::cell::UnsafeCell;
use taskweave_sys::{mutated, ordering};

use super::{Completion, Gate, gate};
use crate::error::{Panic, TaskError, catch, discard};

/// Nobody polls the future.
const IDLE: u8 = 0;
/// Whoever has set this does.
const POLLING: u8 = 1;
/// The same, and it has been woken meanwhile.
const AGAIN: u8 = 2;
/// It's gone.
const ENDED: u8 = 3;

struct Driver<F> {
    state: AtomicU8,
    /// Of whoever has the state `POLLING` or `AGAIN`, or the last share. `None` once it has ended. The future is dropped first.
    rest: UnsafeCell<Option<(Foreign<F>, Completion)>>,
}

// SAFETY: the rest is touched by one thread at a time, as the state says, and everything in it may move between threads.
unsafe impl<F: Send> Sync for Driver<F> {}

pub(super) fn gate_of<F>(future: F) -> Gate
where
    F: Future<Output = Result<(), TaskError>> + Send + 'static,
{
    let (completion, gate) = gate();
    let driver = Arc::new(Driver {
        state: AtomicU8::new(IDLE),
        rest: UnsafeCell::new(Some((Foreign(Some(Box::pin(future))), completion))),
    });
    driver.wake();
    gate
}

impl<F> Driver<F>
where
    F: Future<Output = Result<(), TaskError>> + Send + 'static,
{
    /// True: nobody else polls the future, and the caller has to.
    fn begin(&self) -> bool {
        // AcqRel: Acquire pairs with the Release of the last poll's end; Release hands what the waker did on to whoever polls again.
        let before = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| match state {
                IDLE => Some(POLLING),
                // By an exchange also where nothing changes: it hands on what this waker did.
                AGAIN if mutated!("gate-wakes-by-load") => None,
                POLLING | AGAIN => Some(AGAIN),
                _ => None,
            });
        before == Ok(IDLE)
    }

    /// The poll brought nothing. True: the future was woken meanwhile, and is still the caller's.
    fn end(&self) -> bool {
        // AcqRel, both: as in `begin`.
        let order = || ordering!(AcqRel, "gate-poll-relaxed");
        let ended = self
            .state
            .compare_exchange(POLLING, IDLE, order(), Ordering::Acquire);
        if ended.is_ok() {
            return false;
        }
        if mutated!("gate-forgets-wakes") {
            self.state.store(IDLE, Ordering::Release);
            return false;
        }
        self.state.swap(POLLING, Ordering::AcqRel);
        true
    }
}

impl<F> Wake for Driver<F>
where
    F: Future<Output = Result<(), TaskError>> + Send + 'static,
{
    fn wake(self: Arc<Self>) {
        if !self.begin() {
            return;
        }
        let waker = Waker::from(Arc::clone(&self));
        let mut context = Context::from_waker(&waker);
        loop {
            let result = self.rest.with_mut(|rest| {
                // SAFETY: this thread has begun to poll.
                let Some((Foreign(Some(future)), _)) = (unsafe { &mut *rest }) else {
                    return Err(TaskError::Cancelled);
                };
                match catch(|| future.as_mut().poll(&mut context)) {
                    Ok(Poll::Pending) => Ok(None),
                    Ok(Poll::Ready(result)) => result.map(Some),
                    Err(payload) => Err(TaskError::Panicked(Panic::new(payload))),
                }
            });
            if matches!(result, Ok(None)) {
                if self.end() {
                    continue;
                }
                return;
            }
            // SAFETY: as above.
            let rest = self.rest.with_mut(|rest| unsafe { &mut *rest }.take());
            // Relaxed: nobody looks at the rest any more.
            self.state.store(ENDED, Ordering::Relaxed);
            if let Some((future, completion)) = rest {
                drop(future);
                completion.settle(result.map(drop).map_err(TaskError::into_root));
            }
            return;
        }
    }
}

/// A future whose drop may panic, without unwinding.
struct Foreign<F>(Option<Pin<Box<F>>>);

impl<F> Drop for Foreign<F> {
    fn drop(&mut self) {
        discard(self.0.take());
    }
}
