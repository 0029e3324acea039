#![doc = include_str!("stall/README.md")]

use std::sync::PoisonError;

use taskweave_sys::parker::Parker;
use taskweave_sys::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use taskweave_sys::sync::{Mutex, MutexGuard};

use crate::idle::Sleep;
use crate::latch::Latch;
use crate::shared::Shared;
use crate::thread;

/// Threads of a pool, or its guests, that sleep without a slot.
#[derive(Default)]
pub(crate) struct Sleepers {
    list: Mutex<Vec<Sleeper>>,
    /// Length of the list, to be read without the lock.
    count: AtomicUsize,
    /// Threads that run a body without a slot, asleep or not.
    pub(crate) without_slot: AtomicUsize,
    /// Threads from outside that run a task on the spot, without a slot.
    pub(crate) outside: AtomicUsize,
    /// Tasks in line for a limit that tasks of other pools use as well.
    pub(crate) in_line: AtomicUsize,
}

struct Sleeper {
    parker: &'static Parker,
    /// Set when the wait is to fail; null for waits that can't.
    verdict: *const AtomicBool,
    moved_from_outside: bool,
}

// SAFETY: a verdict lives as long as its entry.
unsafe impl Send for Sleeper {}

impl Sleepers {
    fn lock(&self) -> MutexGuard<'_, Vec<Sleeper>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters the current thread until the returned value is dropped.
    pub(crate) fn enter<'a>(
        &'a self,
        verdict: Option<&'a AtomicBool>,
        moved_from_outside: bool,
    ) -> Entered<'a> {
        let mut list = self.lock();
        list.push(Sleeper {
            parker: thread::parker(),
            verdict: verdict.map_or(core::ptr::null(), core::ptr::from_ref),
            moved_from_outside,
        });
        self.count.store(list.len(), Ordering::SeqCst);
        Entered { sleepers: self }
    }
}

/// An entry in the list.
pub(crate) struct Entered<'a> {
    sleepers: &'a Sleepers,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let parker = thread::parker();
        let mut list = self.sleepers.lock();
        list.retain(|sleeper| !core::ptr::eq(sleeper.parker, parker));
        self.sleepers.count.store(list.len(), Ordering::SeqCst);
    }
}

/// Asleep for certain, with no wake on its way.
fn sleeps(parker: &Parker) -> bool {
    // In this order: one that takes its permit between the two looks is a sleeper in the first and without a permit in the
    // second. A permit that comes between them comes from somebody who moves, and is found out by that.
    parker.permits() == 0 && parker.sleepers() > 0
}

impl Shared {
    /// To be called by whoever is about to sleep, once its parker is prepared, or has ended what others may have been moved by: fails
    /// one wait if nothing can move.
    pub(crate) fn check_stall(&self) {
        // A slot's own waits can be helped by nobody but the list's bodies; without any, some slot
        // or somebody outside is awake.
        if self.sleepers.count.load(Ordering::SeqCst) != 0 {
            self.fail_one_if_stalled();
        }
    }

    #[cold]
    fn fail_one_if_stalled(&self) {
        let list = self.sleepers.lock();
        let Some(since) = self.idle.stillness(self.slots.len()) else {
            return;
        };
        let without_slot = self.sleepers.without_slot.load(Ordering::SeqCst);
        let outside = self.sleepers.outside.load(Ordering::SeqCst)
            + self.sleepers.in_line.load(Ordering::SeqCst);
        // All who could have woken a listed sleeper by now, before the sleepers themselves.
        let still = without_slot == list.len()
            && outside == 0
            && self.blocking.is_idle()
            && list
                .iter()
                .all(|s| !s.moved_from_outside && sleeps(s.parker))
            && self.futures_are_still()
            && self.waits_are_still()
            && !self.work_visible()
            && self.idle.is_still(self.slots.len(), since);
        if !still {
            return;
        }
        if let Some(victim) = list.iter().rev().find(|s| !s.verdict.is_null()) {
            // SAFETY: the entry's frame removes it before it goes.
            unsafe { &*victim.verdict }.store(true, Ordering::Release);
            victim.parker.release(1);
        }
    }

    /// Whether the waits that sleep in the middle of a slot's stack do so for certain.
    fn waits_are_still(&self) -> bool {
        self.slots.iter().enumerate().all(|(index, slot)| {
            if !self.idle.is_asleep(index, Sleep::Waiting) {
                return true;
            }
            let waiter = slot.waiter.load(Ordering::Relaxed);
            // SAFETY: set before the bit was; parkers live for ever.
            waiter.is_null() || sleeps(unsafe { &*waiter })
        })
    }

    /// Sleeps until the latch is set, on a thread that has given its slot away.
    pub(crate) fn wait_without_slot(&self, latch: &Latch) {
        if latch.is_set() {
            return;
        }
        let _entered = self.sleepers.enter(None, false);
        latch.wait_with(thread::parker(), || self.check_stall());
    }
}
