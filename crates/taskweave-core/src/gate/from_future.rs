//! A future that stands for a gate, polled by whoever wakes it.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, PoisonError, TryLockError};
use std::task::Wake;

use taskweave_sys::mutated;
use taskweave_sys::sync::Mutex;
use taskweave_sys::sync::atomic::{AtomicBool, Ordering};

use super::{Completion, Gate, gate};
use crate::error::{Panic, TaskError, catch, discard};

struct Driver<F> {
    /// Somebody has woken the future since its last poll began.
    woken: AtomicBool,
    /// Until it has ended.
    rest: Mutex<Option<(Pin<Box<F>>, Completion)>>,
}

pub(super) fn gate_of<F>(future: F) -> Gate
where
    F: Future<Output = Result<(), TaskError>> + Send + 'static,
{
    let (completion, gate) = gate();
    let driver = Arc::new(Driver {
        woken: AtomicBool::new(false),
        rest: Mutex::new(Some((Box::pin(future), completion))),
    });
    driver.wake();
    gate
}

impl<F> Wake for Driver<F>
where
    F: Future<Output = Result<(), TaskError>> + Send + 'static,
{
    fn wake(self: Arc<Self>) {
        // SeqCst, all three: either the holder of the lock sees the mark after it has let go, or the lock is free for this thread.
        self.woken.store(true, Ordering::SeqCst);
        loop {
            let mut rest = match self.rest.try_lock() {
                Ok(rest) => rest,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            let mut ended = None;
            while self.woken.swap(false, Ordering::SeqCst) {
                let Some((future, _)) = &mut *rest else { break };
                let waker = Waker::from(Arc::clone(&self));
                let mut context = Context::from_waker(&waker);
                let result = match catch(|| future.as_mut().poll(&mut context)) {
                    Ok(Poll::Pending) => continue,
                    Ok(Poll::Ready(result)) => result,
                    Err(payload) => Err(TaskError::Panicked(Panic::new(payload))),
                };
                ended = rest.take().map(|(future, completion)| (future, completion, result));
            }
            drop(rest);
            if let Some((future, completion, result)) = ended {
                // Foreign code, and what others wait for: without the lock.
                discard(future);
                completion.settle(result.map_err(TaskError::into_root));
            }
            if !self.woken.load(Ordering::SeqCst) || mutated!("gate-forgets-wakes") {
                return;
            }
        }
    }
}

impl<F> Drop for Driver<F> {
    fn drop(&mut self) {
        let rest = self
            .rest
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((future, completion)) = rest {
            discard(future);
            drop(completion);
        }
    }
}
