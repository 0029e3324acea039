//! A worker slot's private side: what its occupant may do with the slot's queues.
//!
//! A *slot* is a deque, an inbox and counters. A thread *occupies* it: the keeper that the pool
//! started for it, or a thread from outside while the keeper sleeps. Every method here is for the
//! occupant; the public side is `shared::Slot`.
//!
//! The deque holds top-level tasks below and children above ([`Worker::floor`]): children leave
//! newest first by the private end, top-level tasks oldest first by the other. What's private is
//! invisible to thieves; `share` decides when that may be.

mod search;
mod share;

use core::cell::Cell;
use core::fmt;
use core::ptr;

use taskweave_sys::deque::{Owner, Position};
use taskweave_sys::inbox::Chain;
use taskweave_sys::sync::atomic::Ordering;

use crate::future::{Current, Polls};
use crate::kind::{Kinds, Measure};
use crate::latch::Tally;
use crate::recycle::Local;
use crate::shared::{Phase, Shared, Slot, settle_unrun};
use crate::task::{Class, Forecast, Header, Task, vtable};
use crate::thread;
use crate::timer::Looks;

/// In a chain of so many bodies a worker looks at the timers.
const LONG_CHAIN: u32 = 256;

/// The occupant's view of a worker slot. Reached through [`Worker::with_current`].
pub struct Worker {
    index: usize,
    shared: *const Shared,
    pub(crate) owner: Owner<Header>,
    /// Everything from here up is a child of something that runs.
    floor: Cell<Option<Position>>,
    next: Cell<Option<Task>>,
    /// Of the body that runs, if it's measured.
    measure: Cell<Option<Measure>>,
    /// Tasks run since the last fairness turn.
    since_turn: Cell<u32>,
    turn: Cell<u32>,
    /// When the last booty was taken, if it was small.
    stolen_at: Cell<Option<u64>>,
    /// How long work is left to gather the next time.
    gather_us: Cell<u64>,
    random: Cell<u64>,
    /// How many times the spin budget is spent before sleeping.
    patience: Cell<u64>,
    /// How many vertices stay here wherever their places are, since one was watched in vain.
    stays: Cell<u32>,
    /// Whether this worker holds a search token.
    searching: Cell<bool>,
    /// Ends that are not entered yet.
    pending: Cell<(*const Tally, isize)>,
    /// How deep waits that run other tasks are nested on this stack.
    depth: Cell<u32>,
    /// The occupant isn't the slot's keeper, which sleeps meanwhile.
    borrowed: Cell<bool>,
    pub(crate) kinds: Kinds,
    pub(crate) blocks: Local,
    /// Of the leaf of futures that runs.
    pub(crate) polls: Polls,
    /// Where new futures are placed.
    pub(crate) leaf: Current,
    pub(crate) looks: Looks,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

impl Worker {
    pub(crate) fn new(index: usize, owner: Owner<Header>, shared: *const Shared) -> Self {
        Worker {
            index,
            shared,
            owner,
            floor: Cell::new(None),
            next: Cell::new(None),
            measure: Cell::new(None),
            since_turn: Cell::new(0),
            turn: Cell::new(0),
            stolen_at: Cell::new(None),
            gather_us: Cell::new(search::LEAST_GATHER_US),
            random: Cell::new(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(index as u64 + 1) | 1),
            patience: Cell::new(1),
            stays: Cell::new(0),
            searching: Cell::new(false),
            pending: Cell::new((ptr::null(), 0)),
            depth: Cell::new(0),
            borrowed: Cell::new(false),
            kinds: Kinds::new(),
            blocks: Local::new(),
            polls: Polls::new(),
            leaf: Current::new(),
            looks: Looks::new(),
        }
    }

    /// Calls `f` with the worker slot that this thread occupies, or with `None` outside of pools.
    #[inline]
    pub fn with_current<R>(f: impl FnOnce(Option<&Worker>) -> R) -> R {
        // SAFETY: a current worker is occupied by this thread, and its pool outlives the stack
        // that occupies it.
        f(unsafe { thread::current().as_ref() })
    }

    /// As [`with_current`](Self::with_current), with a slot of this pool only: a pool that was shut down has its last tasks run by whatever
    /// thread brings them.
    #[inline]
    pub(crate) fn with_current_of<R>(shared: &Shared, f: impl FnOnce(Option<&Worker>) -> R) -> R {
        Self::with_current(|worker| f(worker.filter(|worker| ptr::eq(worker.shared, shared))))
    }

    /// The number of this slot, from 0.
    #[inline]
    pub fn index(&self) -> usize {
        self.index
    }

    #[inline]
    pub(crate) fn shared(&self) -> &Shared {
        // SAFETY: the slot is part of the shared state, so the pointer is valid while `self` is.
        unsafe { &*self.shared }
    }

    #[inline]
    pub(crate) fn slot(&self) -> &Slot {
        &self.shared().slots[self.index]
    }

    /// Whether this thread still occupies the slot.
    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        ptr::eq(thread::current(), self)
    }

    /// Queues a task on this worker, without deciding whether to share it: for bodies that are
    /// about to end, whose next task boundary does.
    ///
    /// # Safety
    /// `task` is a live header in no queue, handed over until one of its verbs is called. This thread still occupies the slot: a wait may
    /// have given it away, so ask [`with_current`](Self::with_current) again after each.
    #[inline]
    pub unsafe fn push(&self, task: Task) {
        // SAFETY: live by the caller's word.
        let class = unsafe { vtable(task) }.class;
        if class == Class::Child {
            // SAFETY: passed on.
            return unsafe { self.push_child(task) };
        }
        let slot = self.slot();
        slot.counters.pushed_local.add(1);
        // Behind children, which leave newest first, and behind what is in the inbox it has to queue up there:
        // so top-level tasks of one producer keep their order, and none can starve the inbox.
        if self.floor.get().is_some() || !slot.inbox.is_empty() || self.owner.push(task).is_err() {
            // SAFETY: handed over by the caller.
            unsafe { slot.inbox.push(task) };
        }
    }

    /// Queues a task from within a body that goes on: shares it if that pays.
    ///
    /// # Safety
    /// As for [`push`](Self::push).
    #[inline]
    pub unsafe fn submit(&self, task: Task) {
        // SAFETY: passed on.
        unsafe { self.push(task) };
        self.share();
    }

    /// As [`submit`](Self::submit), for a child.
    ///
    /// # Safety
    /// As for [`push`](Self::push); the task is of class `Child`.
    #[inline]
    pub(crate) unsafe fn submit_child(&self, task: Task) {
        // SAFETY: passed on.
        unsafe { self.push_child(task) };
        self.share();
    }

    /// As [`push`](Self::push), for a child.
    ///
    /// # Safety
    /// As for [`submit_child`](Self::submit_child).
    #[inline]
    pub(crate) unsafe fn push_child(&self, task: Task) {
        if self.floor.get().is_none() {
            self.floor.set(Some(self.owner.position()));
        }
        self.slot().counters.pushed_local.add(1);
        if self.owner.push(task).is_err() {
            self.overflow(task);
        }
    }

    /// Hands over the task to be run when the present body has ended, before anything queued. If
    /// there is one already, that one is queued instead.
    ///
    /// # Safety
    /// As for [`push`](Self::push); and the caller's body is at its end.
    #[inline]
    pub unsafe fn run_next(&self, task: Task) {
        if let Some(earlier) = self.next.replace(Some(task)) {
            // SAFETY: it was handed over to `run_next`, and now goes on to the queue.
            unsafe { self.push(earlier) };
        }
    }

    /// The deque is full: half of it moves to the inbox, where everybody can take it.
    #[cold]
    fn overflow(&self, task: Task) {
        let slot = self.slot();
        let mut chain = Chain::new();
        // SAFETY: `spill` hands each task over to the closure, so it's in no queue.
        let moved = self.owner.spill(self.owner.capacity() / 2, |old| unsafe {
            chain.push_back(old)
        });
        slot.counters.spilled.add(moved as u64);
        if let Err(full) = self.owner.push(task) {
            // A thief has stopped in the middle of its copy and still holds the room.
            // SAFETY: the queue handed it back.
            unsafe { chain.push_back(full.0) };
        }
        if !chain.is_empty() {
            // SAFETY: a chain of tasks in no queue.
            unsafe { slot.inbox.push_chain(chain) };
            self.shared().wake_for_work();
        }
    }

    /// Runs a task and what it hands over. The caller checks [`is_current`](Self::is_current)
    /// afterwards: a body that blocks gives the slot away.
    pub(crate) fn run(&self, mut task: Task) {
        let outer = self.measure.take();
        let mut count = &self.slot().counters.executed;
        loop {
            // SAFETY: a task that a queue handed out is live until one of its verbs is called.
            let verbs = unsafe { vtable(task) };
            if !verbs.tallies {
                self.enter_ends();
            }
            if verbs.class == Class::TopLevel && self.shared().phase() >= Phase::Dropping {
                settle_unrun(task);
                break;
            }
            if self.has_queued() {
                // SAFETY: live, not run yet.
                self.share_surplus(unsafe { verbs.forecast_of(task) });
            }
            let slot = self.slot();
            // Relaxed: dumps want a recent value.
            let running = slot.running.load(Ordering::Relaxed);
            slot.running
                .store(ptr::from_ref(verbs).cast_mut(), Ordering::Relaxed);
            count.add(1);
            self.count_towards_turn();
            // SAFETY: exactly one verb, once.
            unsafe { (verbs.run)(task) };
            if !self.is_current() {
                return;
            }
            slot.running.store(running, Ordering::Relaxed);
            self.record_measure();
            let Some(next) = self.next.take() else {
                break;
            };
            if self.is_turn_due() && self.has_queued() {
                slot.counters.chain_breaks.add(1);
                // SAFETY: the body handed it over.
                unsafe { self.push(next) };
                break;
            }
            count = &slot.counters.run_next;
            task = next;
        }
        self.measure.set(outer);
    }

    /// The boundary between two bodies of a front end that runs what it would hand to [`run_next`](Self::run_next) by itself. False: something
    /// else is due, and the next body has to be queued.
    ///
    /// The one before has ended, and this thread still occupies the slot.
    #[inline]
    pub(crate) fn goes_on(&self, slot: &Slot, forecast: impl FnOnce() -> Forecast) -> bool {
        self.record_measure();
        if self.has_queued_in(slot) {
            if self.is_turn_due() {
                slot.counters.chain_breaks.add(1);
                return false;
            }
            self.share_surplus(forecast());
        }
        slot.counters.run_next.add(1);
        self.count_towards_turn();
        if self.since_turn.get().is_multiple_of(LONG_CHAIN) {
            self.look_at_timers();
        }
        true
    }

    /// Counts a body that is about to run: it may give the slot away.
    #[inline]
    fn count_towards_turn(&self) {
        self.since_turn.set(self.since_turn.get().wrapping_add(1));
    }

    /// Whether something waits on this worker.
    #[inline]
    pub(crate) fn has_queued(&self) -> bool {
        self.has_queued_in(self.slot())
    }

    /// As [`has_queued`](Self::has_queued), for who has this worker's slot at hand.
    #[inline]
    fn has_queued_in(&self, slot: &Slot) -> bool {
        !self.owner.is_empty() || !slot.inbox.is_empty()
    }

    /// Enters how long the body took that has ended, if it was measured.
    #[inline]
    fn record_measure(&self) {
        if let Some(measure) = self.measure.get() {
            self.measure.set(None);
            self.record(measure);
        }
    }

    #[inline(never)]
    fn record(&self, measure: Measure) {
        let ticks = self.kinds.now().saturating_sub(measure.start);
        self.kinds.record(measure.kind, ticks);
    }

    /// Enters the ends that wait, unless they are this tally's, whose next part is about to run.
    #[inline]
    pub(crate) fn turn_to(&self, tally: *const Tally) {
        let (pending, _) = self.pending.get();
        if pending != tally && !pending.is_null() {
            self.enter_ends();
        }
    }

    /// Enters one end towards `tally`, perhaps later: at the latest when this worker turns to
    /// something else.
    ///
    /// # Safety
    /// `tally` stays alive until the end is entered, which the end itself ensures.
    #[inline]
    pub(crate) unsafe fn end_later(&self, tally: *const Tally) {
        let (pending, n) = self.pending.get();
        if pending == tally {
            self.pending.set((tally, n + 1));
        } else {
            self.enter_ends();
            self.pending.set((tally, 1));
        }
    }

    /// Enters the ends that wait.
    #[inline]
    pub(crate) fn enter_ends(&self) {
        let (tally, n) = self.pending.replace((ptr::null(), 0));
        if !tally.is_null() {
            // SAFETY: a tally whose parts haven't all ended is alive.
            unsafe { (*tally).done(n) };
        }
    }

    /// Leaves nothing private in the slot's queues.
    pub(crate) fn publish_queues(&self) {
        self.enter_ends();
        self.polls.publish();
        if let Some(next) = self.next.take() {
            // SAFETY: a body handed it over.
            unsafe { self.push(next) };
        }
        self.owner.publish_all();
    }

    /// Leaves nothing of this thread in the slot, before somebody else occupies it.
    pub(crate) fn vacate(&self) {
        self.publish_queues();
        self.floor.set(None);
        self.depth.set(0);
        self.measure.set(None);
        // Relaxed: for dumps. What runs on the stack that leaves doesn't run here.
        self.slot()
            .running
            .store(ptr::null_mut(), Ordering::Relaxed);
        self.drop_token();
    }

    /// Drops the search token, if held.
    pub(crate) fn drop_token(&self) {
        if self.searching.replace(false) {
            self.shared().end_search();
        }
    }

    /// Takes over a search token that a waker left to this worker.
    pub(crate) fn accept_token(&self) {
        self.searching.set(true);
    }

    /// The token is about to be dropped by the caller itself.
    pub(crate) fn forget_token(&self) -> bool {
        self.searching.replace(false)
    }

    pub(crate) fn is_borrowed(&self) -> bool {
        self.borrowed.get()
    }

    pub(crate) fn set_borrowed(&self, borrowed: bool) {
        self.borrowed.set(borrowed);
    }

    pub(crate) fn depth(&self) -> &Cell<u32> {
        &self.depth
    }

    pub(crate) fn random(&self) -> u64 {
        // xorshift64 (Marsaglia, 2003).
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        x
    }
}
