//! Running a future on the thread that calls.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

use taskweave_sys::parker::Parker;
use taskweave_sys::sync::atomic::{AtomicBool, Ordering};
use taskweave_sys::sync::cell::Cell;

use crate::pool::ambient;
use crate::shared::Shared;
use crate::thread;
use crate::wait::{leave_for_another_pool, spin_until};
use crate::worker::Worker;

/// The flag of one `block_on`. Waits inside of the future use the thread's parker as well, and may take its permit: the flag tells.
struct Flag {
    woken: AtomicBool,
    parker: &'static Parker,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: pairs with the Acquire of `block_on`, which sees what came before the wake. An exchange, also if it's set.
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.parker.release(1);
        }
    }
}

taskweave_sys::thread_local! {
    /// The last call's, to be used again if nobody has a waker of it.
    static LAST: Cell<Option<Arc<Flag>>> = const { Cell::new(None) };
}

fn flag() -> Arc<Flag> {
    let last = LAST.try_with(Cell::take).ok().flatten();
    match last {
        Some(flag) if Arc::strong_count(&flag) == 1 => flag,
        _ => Arc::new(Flag {
            woken: AtomicBool::new(false),
            parker: thread::parker(),
        }),
    }
}

/// Runs a future on this thread until it's ready. It needs neither be `Send` nor `'static`. One allocation at a thread's first call.
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
    let flag = flag();
    let waker = Waker::from(Arc::clone(&flag));
    let mut context = Context::from_waker(&waker);
    let output = loop {
        // Relaxed: a wake that came before this poll is seen by it.
        flag.woken.store(false, Ordering::SeqCst);
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            break output;
        }
        // Acquire: pairs with the Release in `wake_by_ref`.
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
    };
    flag.woken.store(false, Ordering::Relaxed);
    drop(waker);
    let _ = LAST.try_with(|last| last.set(Some(flag)));
    output
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
