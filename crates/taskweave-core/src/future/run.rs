//! A leaf's run: polling what its signals say.

use core::ptr::{self, NonNull};
use core::task::Context;

use taskweave_sys::sync::atomic::Ordering;
use taskweave_sys::sync::cell::Cell;

use super::cell::FutureVerbs;
use super::leaf::{LeafRef, SlotRef};
use crate::cancel::CancelToken;
use crate::error::TaskError;
use crate::shared::{Phase, Shared};
use crate::spawn::state::{Cancel, Pended};
use crate::task::{Class, Description, Header, TaskVTable};
use crate::thread;
use crate::worker::Worker;

pub(super) static TASK: TaskVTable = TaskVTable {
    run,
    abandon,
    describe,
    forecast: None,
    tallies: false,
    root: None,
    class: Class::TopLevel,
    label: "future",
};

unsafe fn describe(_: NonNull<Header>) -> Description {
    Description {
        kind: "futures",
        name: None,
    }
}

unsafe fn run(task: NonNull<Header>) {
    let leaf = LeafRef::from_header(task);
    // From here on the header is whoever's sets the next first signal.
    let bits = leaf.signals().take();
    // SAFETY: whoever runs a task keeps its pool alive.
    let shared = unsafe { &*leaf.shared() };
    Worker::with_current_of(shared, |worker| match worker {
        Some(worker) => worker.poll_all(leaf, bits),
        None => each(bits, |index| {
            let slot = leaf.slot(index);
            if slot.state().begin_poll() {
                // SAFETY: claimed just now.
                unsafe { poll(slot, shared, None) };
            }
        }),
    });
}

unsafe fn abandon(task: NonNull<Header>) {
    let leaf = LeafRef::from_header(task);
    each(leaf.signals().take(), |index| {
        let slot = leaf.slot(index);
        if slot.state().begin_poll() {
            // SAFETY: claimed just now.
            unsafe { settle(slot, TaskError::Shutdown) };
        }
    });
}

fn each(mut bits: u64, mut act: impl FnMut(u32)) {
    while bits != 0 {
        act(bits.trailing_zeros());
        bits &= bits - 1;
    }
}

/// Of the leaf that a worker's occupant runs: what is to be polled, and what is to be polled again.
pub(crate) struct Polls {
    leaf: Cell<Option<LeafRef>>,
    rest: Cell<u64>,
    again: Cell<u64>,
    /// The future that is being polled.
    now: Cell<*const ()>,
}

impl Polls {
    pub(crate) fn new() -> Self {
        Polls {
            leaf: Cell::new(None),
            rest: Cell::new(0),
            again: Cell::new(0),
            now: Cell::new(ptr::null()),
        }
    }

    /// A future that is being polled here has woken itself: it's seen to after the poll, without a signal. False: it isn't the one.
    #[inline]
    pub(super) fn note_own(&self, slot: SlotRef) -> bool {
        let own = ptr::eq(self.now.get(), slot.0.as_ptr().cast());
        if own {
            self.again.set(self.again.get() | slot.bit());
        }
        own
    }

    /// Hands back what isn't polled yet, for anybody.
    #[inline]
    pub(crate) fn publish(&self) {
        let bits = self.rest.replace(0) | self.again.replace(0);
        if bits != 0
            && let Some(leaf) = self.leaf.get()
        {
            leaf.raise(bits);
        }
    }

    fn enter(&self, leaf: LeafRef, bits: u64) {
        // A leaf may be run on top of another one's poll, by a wait that helps.
        self.publish();
        self.leaf.set(Some(leaf));
        self.rest.set(bits);
    }

    fn next(&self, leaf: LeafRef) -> Option<SlotRef> {
        let bits = self.rest.get();
        if bits == 0 || self.leaf.get() != Some(leaf) {
            return None;
        }
        self.rest.set(bits & (bits - 1));
        Some(leaf.slot(bits.trailing_zeros()))
    }

    fn leave(&self) {
        self.publish();
        self.leaf.set(None);
    }
}

impl Worker {
    fn poll_all(&self, leaf: LeafRef, bits: u64) {
        self.polls.enter(leaf, bits);
        while let Some(slot) = self.polls.next(leaf) {
            if !slot.state().begin_poll() {
                continue;
            }
            let mut measure = None;
            let rest = self.polls.rest.get();
            if rest != 0 {
                // SAFETY: claimed just now.
                let kind = unsafe { FutureVerbs::of(slot) }.poll as usize;
                let (elsewhere, is_due) = self.is_better_shared(kind, rest.count_ones() as usize);
                if elsewhere {
                    self.polls.publish();
                }
                measure = is_due.then(|| (kind, self.kinds.now()));
            }
            self.polls.now.set(slot.0.as_ptr().cast());
            // SAFETY: claimed just now.
            unsafe { poll(slot, self.shared(), Some(self)) };
            if !self.is_current() {
                // What was left was handed back when the slot was given away.
                return;
            }
            self.polls.now.set(ptr::null());
            if let Some((kind, start)) = measure {
                self.kinds
                    .record(kind, self.kinds.now().saturating_sub(start));
            }
        }
        self.polls.leave();
    }
}

/// Polls a future, and settles it if need be.
///
/// # Safety
/// It's claimed by the caller.
unsafe fn poll(slot: SlotRef, shared: &Shared, worker: Option<&Worker>) {
    // SAFETY: claimed.
    let core = unsafe { slot.core() };
    if core
        .options
        .token
        .as_ref()
        .is_some_and(CancelToken::is_cancelled)
    {
        // SAFETY: claimed.
        return unsafe { settle(slot, TaskError::Cancelled) };
    }
    let closing = shared.phase() != Phase::Open;
    let alone = closing && slot.is_alone();
    let wakes = slot.wakes().load(Ordering::Relaxed);
    // SAFETY: claimed.
    let verbs = unsafe { FutureVerbs::of(slot) };
    let waker = slot.waker();
    // Relaxed: read under the lock of the list of blocked threads.
    core.runner.store(thread::token(), Ordering::Relaxed);
    let rooted = thread::enter_root(slot.core_ptr().as_ptr() as usize);
    // SAFETY: claimed.
    let ready = unsafe { (verbs.poll)(slot, &mut Context::from_waker(&waker)) };
    drop(rooted);
    // Relaxed: as above.
    core.runner.store(0, Ordering::Relaxed);
    let here = worker.filter(|worker| worker.is_current());
    if let Some(worker) = here {
        worker.slot().counters.polls.add(1);
    }
    if ready {
        if let Some(worker) = here {
            let polls = &worker.polls;
            polls.again.set(polls.again.get() & !slot.bit());
        }
        // SAFETY: claimed, and the result is stored.
        return unsafe { end(slot, shared, here) };
    }
    // Nobody could wake it before this poll, nor now, and nobody has in between.
    let stuck = alone && slot.is_alone() && slot.wakes().load(Ordering::Relaxed) == wakes;
    // Relaxed: `close` has every future polled after it was set.
    if closing && (stuck || shared.futures.dropping.load(Ordering::Relaxed)) {
        if let Some(worker) = here {
            let polls = &worker.polls;
            polls.again.set(polls.again.get() & !slot.bit());
        }
        // SAFETY: claimed.
        return unsafe { settle(slot, TaskError::Shutdown) };
    }
    match slot.state().end_poll() {
        Pended::Idle => {}
        Pended::Again => match here {
            Some(worker) if worker.polls.leaf.get() == Some(slot.leaf()) => {
                let polls = &worker.polls;
                polls.again.set(polls.again.get() | slot.bit());
            }
            _ => slot.leaf().raise(slot.bit()),
        },
        // SAFETY: claimed still.
        Pended::Aborted => unsafe { settle(slot, TaskError::Cancelled) },
    }
}

/// Drops a future and stores an error.
///
/// # Safety
/// It's claimed by the caller.
pub(super) unsafe fn settle(slot: SlotRef, error: TaskError) {
    // SAFETY: claimed.
    let verbs = unsafe { FutureVerbs::of(slot) };
    // SAFETY: as above.
    unsafe { (verbs.settle)(slot, error) };
    // SAFETY: a slot in use keeps its pool alive.
    let shared = unsafe { &*slot.leaf().shared() };
    Worker::with_current_of(shared, |worker| {
        // SAFETY: claimed, and the result is stored.
        unsafe { end(slot, shared, worker) };
    });
}

/// # Safety
/// The future is claimed by the caller, who has stored the result.
unsafe fn end(slot: SlotRef, shared: &Shared, worker: Option<&Worker>) {
    // The slot may be the last that keeps the pool's shared part, for a thread from outside.
    let _guard = worker.is_none().then(|| shared.this.upgrade());
    // SAFETY: claimed.
    let verbs = unsafe { FutureVerbs::of(slot) };
    // SAFETY: claimed.
    if let Some(token) = &unsafe { slot.core() }.options.token {
        token.part();
    }
    // SAFETY: passed on; not touched afterwards.
    unsafe { (verbs.end)(slot) };
    match worker {
        Some(worker) => worker.slot().counters.futures_ended.add(1),
        None => {
            shared.futures.ended.add_shared(1);
            if shared.phase() != Phase::Open {
                crate::keeper::end_if_over(shared);
            }
            shared.check_stall();
        }
    }
}

/// Cancels a future for its handle. True: the result is `Cancelled`.
///
/// # Safety
/// A share of the task is the caller's.
pub(super) unsafe fn cancel(slot: SlotRef) -> bool {
    match slot.state().cancel() {
        Cancel::Claimed => {
            // SAFETY: claimed just now.
            unsafe { settle(slot, TaskError::Cancelled) };
            true
        }
        Cancel::Noted | Cancel::Late => false,
    }
}
