#![doc = include_str!("README.md")]

mod interval;
mod lease;
mod lock;
#[cfg(all(test, taskweave_loom))]
mod models;
mod sleep;
mod timeout;
mod wheel;
#[cfg(all(test, not(any(taskweave_loom, taskweave_shuttle))))]
mod wheel_tests;

use core::ptr;
use core::task::Waker;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use taskweave_sys::mutated;
use taskweave_sys::parker::{Parker, Ticket};
use taskweave_sys::sync::atomic::{
    AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence, fence_after_rmw,
};
use taskweave_sys::sync::cell::Cell;

pub use interval::{Interval, interval};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout};

use crate::error::contain;
use crate::shared::Shared;
use crate::worker::Worker;
use lease::{Lease, Place};
use wheel::{Batch, NEVER, Node};

/// The clock is read about this often by workers that are busy.
const LOOK_US: u128 = 250;
/// And at least once in so many tasks.
const MOST_TASKS: u32 = 256;

/// The timers of a pool. See the essay.
pub(crate) struct Timers {
    start: Instant,
    wheels: Box<[Lease]>,
    /// No timer is due before this tick.
    next: CachePadded<AtomicU64>,
    /// Who sleeps until then, or null. Keepers' parkers live as long as the pool's shared part, those of threads for ever.
    attendant: AtomicPtr<Parker>,
    /// Its slot: a guess.
    attended_by: AtomicUsize,
    /// A model without timers doesn't explore when it's found that there are none.
    modelled: OnceLock<()>,
}

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slept {
    /// Somebody has woken the sleeper.
    Woken,
    /// A timer is due.
    Due,
}

impl Timers {
    pub(crate) fn new(wheels: usize) -> Self {
        Timers {
            start: Instant::now(),
            wheels: (0..wheels).map(|_| Lease::new()).collect(),
            next: CachePadded::new(AtomicU64::new(NEVER)),
            attendant: AtomicPtr::new(ptr::null_mut()),
            attended_by: AtomicUsize::new(0),
            modelled: OnceLock::new(),
        }
    }

    /// The tick at which a deadline has passed.
    fn tick_after(&self, deadline: Instant) -> u64 {
        let since = deadline.saturating_duration_since(self.start);
        let millis = u64::from(since.subsec_nanos().div_ceil(1_000_000));
        since
            .as_secs()
            .saturating_mul(1000)
            .saturating_add(millis)
            .min(NEVER - 1)
    }

    fn tick_now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }

    /// Whether there may be a timer. One load.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        if cfg!(taskweave_loom) && self.modelled.get().is_none() {
            return false;
        }
        // Relaxed: those who depend on it have a fence before.
        self.next.load(Ordering::Relaxed) != NEVER
    }

    /// Whether a timer may be due without anybody who sleeps until then.
    #[inline]
    pub(crate) fn is_unattended(&self) -> bool {
        // Relaxed: as above.
        self.any() && self.attendant.load(Ordering::Relaxed).is_null()
    }

    /// The slot whose thread sleeps until the next timer, if there is one: a guess.
    #[inline]
    pub(crate) fn attendant(&self) -> Option<usize> {
        // Relaxed: by its meaning.
        let attended = self.any() && !self.attendant.load(Ordering::Relaxed).is_null();
        attended.then(|| self.attended_by.load(Ordering::Relaxed))
    }

    /// Sleeps until it's woken, or a timer is due, if nobody else sees to that. The caller has been declared asleep, with a fence.
    pub(crate) fn sleep(&self, slot: usize, parker: &Parker, ticket: Ticket<'_>) -> Slept {
        if !self.any() {
            ticket.commit();
            return Slept::Woken;
        }
        let (attends, early) = self.attend(slot, parker);
        if !attends {
            ticket.commit();
            return Slept::Woken;
        }
        let next = self.attend_until(early);
        let slept = if next == NEVER {
            ticket.commit();
            Slept::Woken
        } else if ticket.commit_timeout(self.until(next)) {
            Slept::Woken
        } else {
            Slept::Due
        };
        // SeqCst: before whatever is looked at next.
        self.attendant.store(ptr::null_mut(), Ordering::SeqCst);
        slept
    }

    /// Becomes the attendant, if there is none. What `next` was before is of no use but to a fault.
    fn attend(&self, slot: usize, parker: &Parker) -> (bool, u64) {
        let early = self.next.load(Ordering::Relaxed);
        let me = ptr::from_ref(parker).cast_mut();
        let attends = self
            .attendant
            .compare_exchange(ptr::null_mut(), me, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok();
        // Partner of the fence in `lower_timer`.
        fence_after_rmw();
        if attends {
            self.attended_by.store(slot, Ordering::Relaxed);
        }
        (attends, early)
    }

    /// Until when the attendant sleeps.
    fn attend_until(&self, early: u64) -> u64 {
        if mutated!("timer-attend-looks-first") {
            return early;
        }
        // Relaxed: after the fence in `attend`.
        self.next.load(Ordering::Relaxed)
    }

    fn until(&self, tick: u64) -> Duration {
        let due = self.start.checked_add(Duration::from_millis(tick));
        due.map_or(Duration::MAX, |due| {
            due.saturating_duration_since(Instant::now())
        })
    }
}

impl Shared {
    /// Links a timer into wheel `index`.
    ///
    /// # Safety
    /// As for `Wheel::insert`; the node is the caller's.
    #[inline]
    unsafe fn set_timer(
        &self,
        index: usize,
        node: *mut Node,
        deadline: Instant,
        waker: Waker,
    ) -> Set {
        let when = self.timers.tick_after(deadline);
        // SAFETY: the caller's.
        unsafe { &mut *node }.set(when, waker);
        let place = self.timers.wheels[index].place();
        let due = place.with(|wheel| {
            if wheel.closed {
                return Err(Set::Closed);
            }
            // SAFETY: passed on.
            unsafe { wheel.insert(node) }.ok_or(Set::Passed)
        });
        match due {
            Ok(due) => {
                self.lower_timer(due);
                Set::In(place)
            }
            Err(why) => {
                // SAFETY: it isn't linked. The waker is dropped without the lock.
                drop(unsafe { &mut *node }.take_waker());
                why
            }
        }
    }

    /// A timer is due at this tick: whoever sleeps until the next one is to know.
    fn lower_timer(&self, due: u64) {
        let timers = &self.timers;
        if cfg!(taskweave_loom) {
            timers.modelled.get_or_init(|| ());
        }
        // Relaxed: whoever erases it does so before the lock under which the timer was linked, or finds the timer.
        if timers.next.load(Ordering::Relaxed) <= due
            || timers.next.fetch_min(due, Ordering::SeqCst) <= due
            || mutated!("timer-set-without-look")
        {
            return;
        }
        // Partner of the fence in `sleep`, and of the one in `Idle::announce`.
        fence_after_rmw();
        let attendant = timers.attendant.load(Ordering::SeqCst);
        if !attendant.is_null() {
            // SAFETY: attendants' parkers outlive the pool's shared part.
            unsafe { &*attendant }.release(1);
            return;
        }
        // A worker looks by itself before its next task.
        if !Worker::with_current_of(self, |worker| worker.is_some()) {
            self.wake_one();
        }
    }

    /// Wakes all that is due.
    pub(crate) fn fire_timers(&self) {
        let timers = &self.timers;
        let now = timers.tick_now();
        self.fire_until(now);
    }

    fn fire_until(&self, now: u64) {
        let timers = &self.timers;
        if !mutated!("timer-fire-erases-last") {
            // SeqCst: before the locks.
            timers.next.store(NEVER, Ordering::SeqCst);
        }
        let mut next = NEVER;
        let mut batch = Batch::default();
        for place in &timers.wheels {
            loop {
                let due = place.with(|wheel| {
                    wheel.advance(now, &mut batch);
                    wheel.next_due()
                });
                let full = batch.is_full();
                batch.drain().for_each(|waker| contain(|| waker.wake()));
                if !full {
                    next = next.min(due);
                    break;
                }
            }
        }
        if mutated!("timer-fire-erases-last") {
            timers.next.store(NEVER, Ordering::SeqCst);
        }
        if next != NEVER {
            self.lower_timer(next);
        }
    }

    /// The pool has ended: its timers go elsewhere.
    pub(crate) fn close_timers(&self) {
        let timers = &self.timers;
        timers.wheels.iter().for_each(|place| place.close());
        timers.next.store(NEVER, Ordering::SeqCst);
    }

    /// A slot was left to a keeper that sleeps: somebody has to see to the timers.
    pub(crate) fn pass_timers_on(&self) {
        if self.timers.any() {
            // Partner of the fence in `lower_timer`, after the announcement.
            fence(Ordering::SeqCst);
            if self.timers.is_unattended() {
                self.wake_one();
            }
        }
    }
}

/// What became of a timer.
#[derive(Clone, Copy)]
enum Set {
    /// It's linked there.
    In(&'static Place),
    /// Its time has come.
    Passed,
    /// The pool has ended.
    Closed,
}

/// When a worker's occupant has last read the clock.
pub(crate) struct Looks {
    left: Cell<u32>,
    tasks: Cell<u32>,
    last: Cell<Option<Instant>>,
}

impl Looks {
    pub(crate) fn new() -> Self {
        Looks {
            left: Cell::new(0),
            tasks: Cell::new(0),
            last: Cell::new(None),
        }
    }
}

impl Worker {
    /// Between two tasks: fires what is due, unless somebody sleeps until then.
    #[inline]
    pub(crate) fn look_at_timers(&self) {
        if self.shared().timers.any() {
            self.look_now_and_then();
        }
    }

    #[cold]
    fn look_now_and_then(&self) {
        let shared = self.shared();
        if !shared.timers.is_unattended() {
            return;
        }
        let left = self.looks.left.get();
        if left > 0 {
            self.looks.left.set(left - 1);
            return;
        }
        let now = Instant::now();
        let tasks = self.looks.tasks.get().max(1);
        let spent = self
            .looks
            .last
            .replace(Some(now))
            .map_or(0, |last| now.saturating_duration_since(last).as_micros());
        // As many as take a quarter of a millisecond, if they are like the last ones.
        let more = u32::try_from(u128::from(tasks) * LOOK_US / spent.max(1)).unwrap_or(MOST_TASKS);
        let more = more.min(MOST_TASKS).min(tasks.saturating_mul(2));
        self.looks.tasks.set(more);
        self.looks.left.set(more.saturating_sub(1));
        // Relaxed: read again when something is due.
        if shared.timers.tick_now() >= shared.timers.next.load(Ordering::Relaxed) {
            shared.fire_timers();
        }
    }

    /// A timer is due: the next look reads the clock.
    pub(crate) fn timers_are_due(&self) {
        self.looks.left.set(0);
    }
}
