//! Running a future on the thread that calls.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::sync::{Mutex, PoisonError};

use taskweave_sys::parker::Parker;
use taskweave_sys::sync::atomic::{AtomicBool, Ordering};

use crate::pool::ambient;
use crate::shared::Shared;
use crate::thread;
use crate::wait::{leave_for_another_pool, spin_until};
use crate::worker::Worker;

/// What one `block_on` waits for. They live for ever and are handed on, as threads' parkers are: a waker that is kept for longer wakes a later one once for nothing.
struct Flag {
    woken: AtomicBool,
    parker: Parker,
}

static FREE: Mutex<Vec<&'static Flag>> = Mutex::new(Vec::new());

static VERBS: RawWakerVTable =
    RawWakerVTable::new(|data| RawWaker::new(data, &VERBS), wake, wake, |_| {});

unsafe fn wake(data: *const ()) {
    // SAFETY: a waker's data is a flag, which lives for ever.
    let flag = unsafe { &*data.cast::<Flag>() };
    // AcqRel: Release pairs with the Acquire of `block_on`, which sees what came before the wake. An exchange, also if it's set.
    if !flag.woken.swap(true, Ordering::AcqRel) {
        flag.parker.release(1);
    }
}

/// A flag for one call, which ends also by a panic.
struct Lease(&'static Flag);

impl Lease {
    fn new() -> Self {
        let recycled = if cfg!(any(taskweave_loom, taskweave_shuttle)) {
            // A model checker's primitives end with the execution that made them.
            None
        } else {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).pop()
        };
        Lease(recycled.unwrap_or_else(|| {
            Box::leak(Box::new(Flag {
                woken: AtomicBool::new(false),
                parker: Parker::new(),
            }))
        }))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !cfg!(any(taskweave_loom, taskweave_shuttle)) {
            FREE.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(self.0);
        }
    }
}

/// Runs a future on this thread until it's ready. It needs neither be `Send` nor `'static`. One lock; an allocation if more threads are in such a call than ever before.
///
/// In a worker, whose slot goes to a spare thread when the future has to wait, so that the pool goes on with all its workers; or anywhere else. `spawn`, timers
/// and the like inside of the future use the pool that the caller is in, or the global one.
///
/// # Panics
/// If the future does.
///
/// ```
/// let answer = taskweave_core::block_on(async { 6 * 7 });
/// assert_eq!(answer, 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let lease = Lease::new();
    let flag = lease.0;
    // SAFETY: the verbs fit the data.
    let waker = unsafe { Waker::new(core::ptr::from_ref(flag).cast(), &VERBS) };
    let mut context = Context::from_waker(&waker);
    loop {
        // Acquire: pairs with the Release in `wake`; what came before it is seen by the poll.
        flag.woken.swap(false, Ordering::AcqRel);
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        // Acquire: as above.
        let woken = || flag.woken.load(Ordering::Acquire);
        if spin_until(woken) {
            continue;
        }
        Worker::with_current(|worker| worker.map(leave_for_another_pool));
        while !woken() {
            let ticket = flag.parker.prepare();
            if woken() {
                ticket.cancel();
                break;
            }
            ticket.commit();
        }
    }
}

/// As `block_on`, with `shared` as the pool that the future is in.
pub(crate) fn block_on_in<F: Future>(shared: &Shared, future: F) -> F::Output {
    let here = ambient_is(shared);
    let _visit = (!here).then(|| thread::visit(shared));
    block_on(future)
}

fn ambient_is(shared: &Shared) -> bool {
    !thread::pool().is_null() && ambient(|pool| core::ptr::eq(pool, shared))
}
