//! A closure on the stack of a thread that waits for it, run by a worker.

use core::ptr::NonNull;
use std::any::Any;

use taskweave_sys::sync::cell::UnsafeCell;

use crate::error::catch;
use crate::latch::Latch;
use crate::shared::{Phase, Shared};
use crate::task::{Class, Description, Header, TaskVTable};
use crate::thread;
use crate::wait::wait_apart_from;
use crate::worker::Worker;

#[repr(C)]
struct StackJob<F, R> {
    header: Header,
    body: UnsafeCell<Option<F>>,
    result: UnsafeCell<Option<Result<R, Box<dyn Any + Send>>>>,
    latch: Latch,
    root: usize,
    shared: *const Shared,
}

/// Queues `f` for a worker and waits. A panic of `f` continues here. On a pool that's shut down `f` runs
/// right here, without a worker.
pub(crate) fn run_on_worker<F, R>(shared: &Shared, f: F) -> R
where
    F: FnOnce(Option<&Worker>) -> R + Send,
    R: Send,
{
    if shared.phase() != Phase::Open {
        return f(None);
    }
    let job = StackJob {
        header: Header::new(const { &verbs::<F, R>() }),
        body: UnsafeCell::new(Some(f)),
        result: UnsafeCell::new(None),
        latch: Latch::new(),
        root: thread::root(),
        shared,
    };
    // SAFETY: the job stays on this stack until its latch is set, which is its last act.
    unsafe { shared.inject(NonNull::from(&job).cast()) };
    if core::ptr::eq(thread::without_slot(), shared) {
        shared.wait_without_slot(&job.latch);
    } else {
        wait_apart_from(&job.latch);
    }
    match job.result.into_inner() {
        Some(Ok(result)) => result,
        Some(Err(payload)) => std::panic::resume_unwind(payload),
        None => unreachable!("the latch is set after the result is stored"),
    }
}

const fn verbs<F, R>() -> TaskVTable
where
    F: FnOnce(Option<&Worker>) -> R + Send,
    R: Send,
{
    TaskVTable {
        run: run::<F, R>,
        // Somebody waits on a stack, so it always runs.
        abandon: run::<F, R>,
        describe: |_| Description {
            kind: "install",
            name: None,
        },
        forecast: None,
        tallies: false,
        root: None,
        class: Class::Child,
        label: "install",
    }
}

unsafe fn run<F, R>(task: NonNull<Header>)
where
    F: FnOnce(Option<&Worker>) -> R + Send,
    R: Send,
{
    let job: NonNull<StackJob<F, R>> = task.cast();
    // SAFETY: the waiting thread keeps the job alive until the latch is set below.
    let job = unsafe { job.as_ref() };
    // SAFETY: exactly one of the verbs is called, once; nobody else reads the body.
    let body = job.body.with_mut(|body| unsafe { (*body).take() });
    let result = match body {
        Some(body) => {
            let _rooted = thread::enter_root(job.root);
            // SAFETY: a pool outlives the calls that wait in it.
            let shared = unsafe { &*job.shared };
            catch(|| Worker::with_current_of(shared, body))
        }
        None => return,
    };
    // SAFETY: the waiter reads it after the latch alone.
    job.result.with_mut(|slot| unsafe { *slot = Some(result) });
    job.latch.set();
}
