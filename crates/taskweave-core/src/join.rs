//! Fork-join: two closures, perhaps at once.
//!
//! The second branch goes onto the worker's deque as a frame on this stack, and usually comes off
//! again untouched: one slot write, one look at the deque's word, no fence and no RMW. Only the
//! oldest branch is public (`worker/share.rs`), so a thief gets the largest one there is.

use core::ptr::NonNull;
use std::any::Any;

use taskweave_sys::deque::Position;
use taskweave_sys::inbox::Chain;
use taskweave_sys::sync::cell::UnsafeCell;

use crate::error::{catch, discard};
use crate::latch::Latch;
use crate::task::{Class, Description, Header, TaskVTable, vtable};
use crate::thread;
use crate::worker::Worker;

#[repr(C)]
struct Branch<F, R> {
    header: Header,
    root: usize,
    body: UnsafeCell<Option<F>>,
    result: UnsafeCell<Option<Result<R, Box<dyn Any + Send>>>>,
    latch: Latch,
}

impl<F, R> Branch<F, R>
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    const VERBS: TaskVTable = TaskVTable {
        run: run::<F, R>,
        abandon: run::<F, R>,
        describe: |_| Description {
            kind: "join",
            name: None,
        },
        forecast: None,
        tallies: false,
        root: Some(root::<F, R>),
        class: Class::Child,
        label: "join",
    };
}

unsafe fn root<F, R>(task: NonNull<Header>) -> usize {
    let branch: NonNull<Branch<F, R>> = task.cast();
    // SAFETY: called before it runs, so it's alive.
    unsafe { branch.as_ref() }.root
}

unsafe fn run<F, R>(task: NonNull<Header>)
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    let branch: NonNull<Branch<F, R>> = task.cast();
    // SAFETY: the frame's owner waits for the latch before it leaves the frame.
    let branch = unsafe { branch.as_ref() };
    // SAFETY: the deque handed the frame to one taker only.
    let Some(body) = branch.body.with_mut(|body| unsafe { (*body).take() }) else {
        return;
    };
    let rooted = thread::enter_root(branch.root);
    let result = catch(body);
    drop(rooted);
    // SAFETY: the owner reads it after the latch alone.
    branch
        .result
        .with_mut(|slot| unsafe { *slot = Some(result) });
    branch.latch.set();
}

/// Runs both closures, perhaps in parallel, and returns both results.
///
/// `a` runs on this thread; `b` runs on another worker if one takes it meanwhile, else here
/// afterwards. Outside of a pool both run on [`Pool::global`](crate::Pool::global). A panic of either continues here
/// once both have ended; if both panic, `a`'s does. If `a` panics before `b` was taken, `b` is dropped without running.
///
/// # Cost
/// Untaken, a handful of nanoseconds, no allocation and no lock. If the second branch was taken, the wait for it helps with what may be run on top of
/// this stack. In an `install` from outside that is anything: so don't hold a lock meanwhile, or enter a [`Hold`](crate::Hold). In a task it's the
/// parts of the same task; with none left, the worker's slot goes to a spare thread, which takes a lock and may start one.
///
/// ```
/// fn sum(v: &[u64]) -> u64 {
///     if v.len() < 1000 {
///         return v.iter().sum();
///     }
///     let (left, right) = v.split_at(v.len() / 2);
///     let (a, b) = taskweave_core::join(|| sum(left), || sum(right));
///     a + b
/// }
/// assert_eq!(sum(&(0..10_000).collect::<Vec<_>>()), 49_995_000);
/// ```
#[inline]
pub fn join<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    // SAFETY: the current worker's slot is alive while this thread occupies it.
    match unsafe { thread::current().as_ref() } {
        Some(worker) => on_worker(worker, a, b),
        None => outside(a, b),
    }
}

#[cold]
fn outside<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    crate::pool::ambient(|shared| {
        crate::wait::enter(shared, |worker| match worker {
            Some(worker) => on_worker(worker, a, b),
            None => then(a(), b),
        })
    })
}

#[inline]
fn on_worker<A, B, RA, RB>(worker: &Worker, a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    let branch = Branch {
        header: Header::new(const { &Branch::<B, RB>::VERBS }),
        root: thread::root(),
        body: UnsafeCell::new(Some(b)),
        result: UnsafeCell::new(None),
        latch: Latch::new(),
    };
    let frame = NonNull::from(&branch.header);
    let mark = worker.owner.position();
    if worker.owner.push(frame).is_err() {
        // As many older branches are waiting as the deque can hold: that's parallelism enough.
        let b = branch.body.into_inner();
        let ra = a();
        return match b {
            Some(b) => then(ra, b),
            None => unreachable!("the frame was never queued"),
        };
    }
    worker.share_branch();
    let guard = Guard {
        worker,
        branch: &branch,
        mark,
    };
    let ra = a();
    core::mem::forget(guard);
    if take_back(worker, &branch, mark) {
        // SAFETY: the frame is off the deque, so it's this thread's alone.
        let b = branch.body.with_mut(|body| unsafe { (*body).take() });
        return match b {
            Some(b) => then(ra, b),
            None => unreachable!("a frame that came back was not run"),
        };
    }
    match branch.result.into_inner() {
        Some(Ok(rb)) => (ra, rb),
        Some(Err(payload)) => {
            discard(ra);
            std::panic::resume_unwind(payload)
        }
        None => unreachable!("the latch is set after the result is stored"),
    }
}

/// Runs the second closure here. If it panics, the first one's result is dropped, and may panic as well.
#[inline]
fn then<RA, RB>(ra: RA, b: impl FnOnce() -> RB) -> (RA, RB) {
    struct Kept<RA>(Option<RA>);
    impl<RA> Drop for Kept<RA> {
        #[inline]
        fn drop(&mut self) {
            if let Some(ra) = self.0.take() {
                discard(ra);
            }
        }
    }
    let mut kept = Kept(Some(ra));
    let rb = b();
    match kept.0.take() {
        Some(ra) => (ra, rb),
        None => unreachable!("it was kept just now"),
    }
}

/// Gets the frame off the deque (true) or waits until whoever took it has run it (false).
#[inline]
fn take_back<F, R>(worker: &Worker, branch: &Branch<F, R>, mark: Position) -> bool {
    let frame = NonNull::from(&branch.header);
    if worker.is_current()
        && let Some(task) = worker.owner.pop()
    {
        if task == frame {
            return true;
        }
        return dig(worker, branch, mark, task);
    }
    await_taker(worker, branch, mark);
    false
}

/// Something was queued above the frame: a child of an outer scope, or top-level tasks, which keep their place.
#[cold]
fn dig<F, R>(
    worker: &Worker,
    branch: &Branch<F, R>,
    mark: Position,
    first: NonNull<Header>,
) -> bool {
    let frame = NonNull::from(&branch.header);
    let mut found = Some(first);
    let mut others = Chain::new();
    while let Some(task) = found {
        if task == frame {
            worker.put_all_back(others);
            return true;
        }
        // SAFETY: the deque handed it out; it's live until one of its verbs is called.
        if unsafe { vtable(task) }.class == Class::TopLevel {
            // SAFETY: it is in no queue now, and live for as long as it isn't run.
            unsafe { others.push_front(task) };
            found = worker.owner.pop();
            continue;
        }
        worker.put_all_back(core::mem::take(&mut others));
        if thread::root() == 0 || worker.is_kin(task) {
            worker.run(task);
            if worker.is_current() {
                worker.enter_ends();
            }
        } else {
            // It may need what this stack holds: anybody else may have it.
            // SAFETY: the deque handed it out.
            unsafe { worker.slot().inbox.push(task) };
            worker.shared().published();
        }
        if !worker.is_current() {
            break;
        }
        found = worker.owner.pop();
    }
    worker.put_all_back(others);
    await_taker(worker, branch, mark);
    false
}

#[cold]
fn await_taker<F, R>(worker: &Worker, branch: &Branch<F, R>, mark: Position) {
    if worker.is_current() {
        worker.wait(&branch.latch, mark);
    } else {
        worker.shared().wait_without_slot(&branch.latch);
    }
}

/// Keeps the frame from leaving while somebody may run it, when `a` panics.
struct Guard<'a, F, R> {
    worker: &'a Worker,
    branch: &'a Branch<F, R>,
    mark: Position,
}

impl<F, R> Drop for Guard<'_, F, R> {
    fn drop(&mut self) {
        take_back(self.worker, self.branch, self.mark);
        // Both may panic when dropped, and a panic is under way.
        // SAFETY: off the deque or run to its end: this thread's alone.
        let body = self.branch.body.with_mut(|body| unsafe { (*body).take() });
        discard(body);
        // SAFETY: as above.
        let result = self
            .branch
            .result
            .with_mut(|result| unsafe { (*result).take() });
        discard(result);
    }
}
