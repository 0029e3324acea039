//! The models of gates: the code itself, on a pool without threads.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;

use loom::cell::UnsafeCell;
use taskweave_sys::inbox::Pop;
use taskweave_sys::sync::Mutex;
use taskweave_sys::sync::atomic::{AtomicBool, Ordering};

use super::submit::spawn_after;
use super::{Completion, Gate, gate};
use crate::error::TaskError;
use crate::model::{Body, body, check};
use crate::pool::Pool;
use crate::shared::Shared;
use crate::spawn::{JoinHandle, Options};
use crate::task::vtable;

fn shared() -> Arc<Shared> {
    let builder = Pool::builder()
        .worker_threads(1)
        .queue_capacity(2)
        .spin_us(0);
    Shared::new(builder.check().unwrap())
}

/// Runs what is queued.
fn run_queued(shared: &Shared) {
    while let Pop::Taken(task) = shared.slots[0].inbox.try_pop() {
        // SAFETY: taken, so it's alive until one of its verbs is called.
        let verbs = unsafe { vtable(task) };
        // SAFETY: one verb, once.
        unsafe { (verbs.run)(task) };
    }
}

fn gated(shared: &Arc<Shared>, gate: &Gate) -> JoinHandle<u32> {
    spawn_after(shared, Options::default(), gate, || 7)
}

fn is_freed(shared: &Arc<Shared>) {
    assert_eq!(Arc::strong_count(shared), 1, "the task isn't freed");
}

/// The task is submitted while the gate opens, and perhaps cancelled: it runs, or says that it was cancelled.
#[test]
fn a_task_meets_the_opening_and_a_cancel() {
    for cancels in [false, true] {
        check(2, move |order| {
            let shared = shared();
            let (completion, gate) = gate();
            let submits = {
                let shared = Arc::clone(&shared);
                body(move || {
                    let handle = gated(&shared, &gate);
                    let cancelled = cancels && handle.cancel();
                    Some((handle, cancelled))
                })
            };
            let opens: Body<Option<(JoinHandle<u32>, bool)>> = body(move || {
                completion.open();
                None
            });
            let results = order.run(vec![submits, opens]);
            run_queued(&shared);
            for (mut handle, cancelled) in results.into_iter().flatten() {
                match handle.try_wait() {
                    Some(Ok(7)) => assert!(!cancelled),
                    Some(Err(TaskError::Cancelled)) => assert!(cancelled),
                    other => panic!("{other:?}"),
                }
            }
            is_freed(&shared);
        });
    }
}

/// What two threads did before each opened its gate is seen by the task behind both.
#[test]
fn the_last_of_two_opens() {
    check(2, |order| {
        struct Marks([UnsafeCell<u32>; 2]);
        // SAFETY: who may touch them is what the model checks.
        unsafe impl Send for Marks {}
        // SAFETY: as above.
        unsafe impl Sync for Marks {}
        let shared = shared();
        let marks = Arc::new(Marks([UnsafeCell::new(0), UnsafeCell::new(0)]));
        let ((one, first), (two, second)) = (gate(), gate());
        let seen = Arc::clone(&marks);
        let whole = Gate::all([first, second]);
        let sum = move || {
            // SAFETY: both have been written before their gates were opened.
            let read = |mark: &UnsafeCell<u32>| mark.with(|mark| unsafe { *mark });
            seen.0.iter().map(read).sum::<u32>()
        };
        let mut handle = spawn_after(&shared, Options::default(), &whole, sum);
        let open = |which: usize, completion: Completion| {
            let (marks, shared) = (Arc::clone(&marks), Arc::clone(&shared));
            body(move || {
                // SAFETY: this thread's own until its gate is open.
                marks.0[which].with_mut(|mark| unsafe { *mark = 1 });
                completion.open();
                // Here, where nothing but the gates tells what the other did.
                run_queued(&shared);
            })
        };
        order.run(vec![open(0, one), open(1, two)]);
        assert!(matches!(handle.try_wait(), Some(Ok(2))));
        drop(handle);
        is_freed(&shared);
    });
}

/// A gate fails while the handle of the task behind it is cancelled and dropped.
#[test]
fn a_gate_that_fails_meets_the_handles_drop() {
    check(2, |order| {
        let shared = shared();
        let (completion, gate) = gate();
        let handle = gated(&shared, &gate);
        drop(gate);
        let drops = body(move || {
            let _ = handle.cancel();
            drop(handle);
        });
        let fails = body(move || completion.fail(TaskError::Shutdown));
        order.run(vec![drops, fails]);
        run_queued(&shared);
        is_freed(&shared);
    });
}

/// Ready when it has been told so. Its first poll gives wakers away.
struct Flag {
    is_set: Arc<AtomicBool>,
    wakers: Option<Arc<Mutex<Vec<Waker>>>>,
}

impl Future for Flag {
    type Output = Result<(), TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(wakers) = self.wakers.take() {
            let waker = || context.waker().clone();
            wakers.lock().unwrap().extend([waker(), waker(), waker()]);
        }
        // Relaxed: whoever wakes it hands on what was done before.
        match self.is_set.load(Ordering::Relaxed) {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }
}

/// A future is woken by three threads at once, one of which has made it ready.
#[test]
fn a_future_is_woken_while_it_is_polled() {
    check(3, |order| {
        let is_set = Arc::new(AtomicBool::new(false));
        let wakers = Arc::new(Mutex::new(Vec::new()));
        let gate = super::from_future::gate_of(Flag {
            is_set: Arc::clone(&is_set),
            wakers: Some(Arc::clone(&wakers)),
        });
        let wakers = std::mem::take(&mut *wakers.lock().unwrap());
        let bodies = wakers.into_iter().enumerate().map(|(which, waker)| {
            let is_set = Arc::clone(&is_set);
            body(move || {
                if which == 0 {
                    is_set.store(true, Ordering::Relaxed);
                }
                waker.wake();
            })
        });
        order.run(bodies.collect());
        assert!(matches!(gate.is_open(), Ok(true)), "a wake was lost");
    });
}
