//! What the threads of a pool share: the slots, who is idle, and how work comes in.

use core::ptr::{self, NonNull};
use std::sync::{Arc, Weak};

use crossbeam_utils::CachePadded;
use taskweave_sys::deque::{self, Stealer};
use taskweave_sys::inbox::Inbox;
use taskweave_sys::parker::Parker;
use taskweave_sys::sync::Mutex;
use taskweave_sys::sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering};
use taskweave_sys::sync::hint::spin_loop;

use crate::blocking::Blocking;
use crate::builder::Config;
use crate::future::Futures;
use crate::idle::{Idle, Sleep};
use crate::keeper::{self, Keeper, Keepers};
use crate::latch::Latch;
use crate::metrics::{Counter, Counters};
use crate::recycle::Depot;
use crate::stall::Sleepers;
use crate::task::{Header, Task, TaskVTable, vtable};
use crate::thread;
use crate::timer::Timers;
use crate::wait::wait_apart_from;
use crate::worker::Worker;

/// How far a pool has been shut down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    Open = 0,
    /// Refuses new top-level tasks and runs what is queued.
    Draining = 1,
    /// Refuses new top-level tasks and abandons what is queued.
    Dropping = 2,
    /// Every thread has left or is about to.
    Gone = 3,
}

/// Why a slot's keeper wakes. Written by the holder of the slot's claim alone.
pub(crate) const MODE_ASLEEP: u8 = 0;
pub(crate) const MODE_WOKEN: u8 = 1;

/// The public side of one worker.
pub(crate) struct Slot {
    pub(crate) stealer: Stealer<Header>,
    pub(crate) inbox: Inbox<Header>,
    pub(crate) mode: AtomicU8,
    /// The thread that sleeps for the slot when nobody occupies it.
    pub(crate) keeper: AtomicPtr<Keeper>,
    /// Whose wait sleeps in the middle of this slot's stack; read by the holder of the claim.
    pub(crate) waiter: AtomicPtr<Parker>,
    /// The verbs of the task that runs, for dumps. Null between tasks.
    pub(crate) running: AtomicPtr<TaskVTable>,
    pub(crate) counters: Counters,
    /// The private side, for the occupant.
    pub(crate) worker: Worker,
}

// SAFETY: all but `worker` is Sync; `worker` is reached only by the slot's one occupant
// (`Shared::occupy` and the keeper loop), and occupation is handed over with Acquire and Release
// through the bitmaps of `Idle` and the slot's mode.
unsafe impl Sync for Slot {}
// SAFETY: as above; a worker's private side may move between threads with its slot.
unsafe impl Send for Slot {}

/// See the module.
pub(crate) struct Shared {
    pub(crate) this: Weak<Shared>,
    pub(crate) config: Config,
    pub(crate) slots: Box<[CachePadded<Slot>]>,
    pub(crate) idle: Idle,
    pub(crate) depot: Depot,
    pub(crate) phase: AtomicU8,
    pub(crate) keepers: Mutex<Keepers>,
    pub(crate) blocking: Blocking,
    pub(crate) sleepers: Sleepers,
    pub(crate) futures: Futures,
    pub(crate) timers: Timers,
    pub(crate) outside_wakes: Counter,
    pub(crate) borrowed: Counter,
    next_inbox: CachePadded<AtomicUsize>,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Arc<Shared> {
        let count = config.worker_threads;
        Arc::new_cyclic(|this| Shared {
            slots: (0..count)
                .map(|index| {
                    let (owner, stealer) = deque::new(config.queue_capacity)
                        .unwrap_or_else(|error| unreachable!("checked by the builder: {error}"));
                    CachePadded::new(Slot {
                        stealer,
                        inbox: Inbox::new(),
                        mode: AtomicU8::new(MODE_ASLEEP),
                        keeper: AtomicPtr::new(ptr::null_mut()),
                        waiter: AtomicPtr::new(ptr::null_mut()),
                        running: AtomicPtr::new(ptr::null_mut()),
                        counters: Counters::default(),
                        worker: Worker::new(index, owner, this.as_ptr()),
                    })
                })
                .collect(),
            idle: Idle::new(count),
            depot: Depot::new(),
            phase: AtomicU8::new(Phase::Open as u8),
            keepers: Mutex::new(Keepers::default()),
            blocking: Blocking::new(),
            sleepers: Sleepers::default(),
            futures: Futures::new(),
            timers: Timers::new(count),
            outside_wakes: Counter::default(),
            borrowed: Counter::default(),
            next_inbox: CachePadded::new(AtomicUsize::new(0)),
            this: this.clone(),
            config,
        })
    }

    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        // Relaxed: submissions look again after a fence (`refuse_after_publish`).
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Open,
            1 => Phase::Draining,
            2 => Phase::Dropping,
            _ => Phase::Gone,
        }
    }

    /// Whether any queue shows work.
    pub(crate) fn work_visible(&self) -> bool {
        self.slots
            .iter()
            .any(|slot| !slot.stealer.is_empty() || !slot.inbox.is_empty())
    }

    /// Queues a task from outside the pool's workers and makes sure that somebody will run it.
    ///
    /// # Safety
    /// `task` is a live header in no queue, handed over to the kernel until `run` or `abandon`.
    pub(crate) unsafe fn inject(&self, task: Task) {
        // Relaxed: any distribution will do.
        let index = self.next_inbox.fetch_add(1, Ordering::Relaxed) % self.slots.len();
        let slot = &self.slots[index];
        slot.counters.pushed_remote.add_shared(1);
        // SAFETY: handed over by the caller.
        unsafe { slot.inbox.push(task) };
        self.published();
    }

    /// To be called by a worker after it made work visible by an RMW.
    #[inline]
    pub(crate) fn wake_for_work(&self) {
        let counts = self.idle.after_publish();
        if counts.searching() == 0 && counts.asleep() != 0 {
            self.wake_one();
        }
    }

    /// As `wake_for_work`, on a thread that the pool may not wait for.
    #[inline]
    pub(crate) fn published(&self) {
        self.wake_for_work();
        // Relaxed suffices after the fence in `after_publish`, partner of the one in `close`: either
        // the shutdown sees the task in its last sweep, or this sees the shutdown.
        if self.phase.load(Ordering::Relaxed) != Phase::Open as u8 {
            self.sweep_if_gone();
        }
    }

    /// Wakes one sleeper unless somebody searches. See `idle`.
    #[cold]
    pub(crate) fn wake_one(&self) {
        loop {
            let counts = self.idle.glance();
            if counts.searching() != 0 || counts.asleep() == 0 {
                return;
            }
            if !self.idle.begin_wake() {
                spin_loop();
                continue;
            }
            if self.wake_claimed() || !self.idle.end_search() || !self.work_visible() {
                return;
            }
            // A sleeper is between its bit and its count.
            spin_loop();
        }
    }

    /// Claims a sleeper and wakes it with the caller's search token.
    fn wake_claimed(&self) -> bool {
        let from = self.next_inbox.load(Ordering::Relaxed) % self.slots.len();
        // Whoever sleeps until the next timer comes last.
        let attendant = self.timers.attendant();
        self.wake_claimed_but(from, attendant)
            || attendant.is_some() && self.wake_claimed_but(from, None)
    }

    fn wake_claimed_but(&self, from: usize, spared: Option<usize>) -> bool {
        if let Some(index) = self.idle.claim_but(Sleep::Waiting, from, spared) {
            self.count_wake();
            self.wake_waiter(index);
            return true;
        }
        if let Some(index) = self.idle.claim_but(Sleep::Base, from, spared) {
            self.count_wake();
            self.wake_keeper(index);
            return true;
        }
        false
    }

    fn count_wake(&self) {
        // SAFETY: the current worker, if any, belongs to this thread; its slot outlives the call.
        match unsafe { thread::current().as_ref() } {
            Some(worker) if ptr::eq(worker.shared(), self) => {
                worker.slot().counters.wakes_sent.add(1)
            }
            _ => self.outside_wakes.add_shared(1),
        }
    }

    fn wake_waiter(&self, index: usize) {
        // Relaxed: ordered by the claim, which acquired the bit that the waiter released.
        let parker = self.slots[index].waiter.load(Ordering::Relaxed);
        // SAFETY: set before the bit was; parkers live for ever.
        unsafe { &*parker }.release(1);
    }

    fn wake_keeper(&self, index: usize) {
        let slot = &self.slots[index];
        // Release: pairs with the keeper's Acquire; hands the slot over to it.
        slot.mode.store(MODE_WOKEN, Ordering::Release);
        // Acquire: pairs with the store that installed the keeper.
        let keeper = slot.keeper.load(Ordering::Acquire);
        // SAFETY: keepers live as long as the pool's shared part.
        unsafe { &*keeper }.parker().release(1);
    }

    /// Drops a search token and passes the duty to look on, if this was the last one.
    pub(crate) fn end_search(&self) {
        if self.idle.end_search() && self.work_visible() {
            self.wake_one();
        }
    }

    /// Takes the slot of a sleeping worker for the calling thread, if there is one.
    pub(crate) fn borrow_slot(&self) -> Option<&Worker> {
        // Relaxed glance: a missed sleeper only costs speed.
        if self.idle.glance().asleep() == 0 || self.phase() != Phase::Open {
            return None;
        }
        let index = self.idle.claim(Sleep::Base, 0)?;
        self.borrowed.add_shared(1);
        let worker = &self.slots[index].worker;
        worker.set_borrowed(true);
        Some(worker)
    }

    /// Ends a loan, or empties the slot of a thread that is about to block: nothing may stay private.
    pub(crate) fn vacate(&self, worker: &Worker) {
        worker.vacate();
        worker.set_borrowed(false);
        self.idle.announce(worker.index(), Sleep::Base);
        if self.work_visible() {
            self.wake_one();
        }
        if self.phase() != Phase::Open {
            keeper::end_if_over(self);
            self.sweep_if_gone();
        }
        self.pass_timers_on();
        self.check_stall();
    }

    /// Abandons what a late submission left behind once no worker thread is left to take it.
    pub(crate) fn sweep_if_gone(&self) {
        if self.live_threads() == 0 {
            self.sweep_all();
        }
    }

    /// [`sweep`](Self::sweep), after the one that is under way on this thread, if there is one.
    pub(crate) fn sweep_all(&self) {
        thread::sweep_in_turn(self, Shared::sweep);
    }

    /// Takes every task out of every queue and abandons it (children are run: their parents wait), until there is none: one that
    /// is run may queue others anywhere.
    pub(crate) fn sweep(&self) {
        while self.work_visible() {
            self.slots.iter().for_each(|slot| Self::sweep_slot(slot));
        }
    }

    fn sweep_slot(slot: &Slot) {
        loop {
            use taskweave_sys::inbox::Pop;
            match slot.inbox.try_pop() {
                Pop::Taken(task) => settle_unrun(task),
                Pop::Busy => taskweave_sys::sync::thread::yield_now(),
                Pop::Empty => break,
            }
        }
        loop {
            use taskweave_sys::deque::Steal;
            match slot.stealer.steal_one() {
                Steal::Taken { first, .. } => settle_unrun(first),
                Steal::Busy => taskweave_sys::sync::thread::yield_now(),
                Steal::Empty => break,
            }
        }
    }

    /// Waits for a latch on a thread that has entered the pool without a worker of it, since the pool is being shut down.
    pub(crate) fn wait_without_worker(&self, latch: &Latch) {
        while !latch.is_set() && self.work_visible() && self.live_threads() == 0 {
            // Also in the middle of a sweep, which can't go on before this wait ends.
            self.sweep();
        }
        wait_apart_from(latch);
    }
}

/// Settles a task of a pool that is being dropped.
pub(crate) fn settle_unrun(task: NonNull<Header>) {
    use crate::task::Class;
    // SAFETY: the queue handed the task over; it's live until one of the two verbs is called.
    let verbs = unsafe { vtable(task) };
    match verbs.class {
        // SAFETY: exactly one verb, once.
        Class::TopLevel => unsafe { (verbs.abandon)(task) },
        // SAFETY: exactly one verb, once.
        Class::Child => unsafe { (verbs.run)(task) },
    }
}
