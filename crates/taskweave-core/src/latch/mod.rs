#![doc = include_str!("README.md")]

#[cfg(all(test, taskweave_loom))]
mod models;

use core::ptr;

use taskweave_sys::parker::Parker;
use taskweave_sys::sync::atomic::{AtomicIsize, AtomicPtr, Ordering};
use taskweave_sys::sync::cell::Cell;
use taskweave_sys::{mutated, ordering};

/// A flag that is set once and that one thread may sleep on.
pub(crate) struct Latch {
    /// Null: not set, nobody waits. [`SET`]: set. Else: not set, and this parker's owner waits.
    state: AtomicPtr<Parker>,
}

/// No parker has this address.
const SET: *mut Parker = ptr::without_provenance_mut(1);

impl Latch {
    pub(crate) fn new() -> Self {
        Latch {
            state: AtomicPtr::new(ptr::null_mut()),
        }
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        // Acquire: pairs with the Release half of the swap in `set`.
        self.state.load(Ordering::Acquire) == SET
    }

    /// Names who sleeps on the latch. False: it's set already, don't sleep.
    #[must_use]
    pub(crate) fn register(&self, parker: &'static Parker) -> bool {
        let parker = ptr::from_ref(parker).cast_mut();
        let seen = self.state.load(Ordering::Acquire);
        if seen == SET {
            return false;
        }
        if mutated!("end-register-by-store") {
            self.state.store(parker, Ordering::Release);
            return true;
        }
        // Release: pairs with the Acquire half of the swap in `set`. Acquire on failure: the flag
        // was set meanwhile, and what came before it is to be seen.
        self.state
            .compare_exchange(seen, parker, Ordering::Release, Ordering::Acquire)
            .is_ok()
    }

    /// Sets the flag and wakes the sleeper. The latch may be gone when this returns: nothing of it
    /// is touched after the swap.
    #[inline]
    pub(crate) fn set(&self) {
        // AcqRel: Release publishes all that came before to `is_set`; Acquire pairs with `register`.
        let waiter = self.state.swap(SET, ordering!(AcqRel, "end-set-relaxed"));
        if mutated!("end-touch-after-set") {
            self.state.load(Ordering::Relaxed);
        }
        if !waiter.is_null() && waiter != SET {
            // SAFETY: a registered parker lives for ever.
            unsafe { &*waiter }.release(1);
        }
    }

    /// Clears the flag for another round. Nobody may be waiting or setting.
    pub(crate) fn reset(&mut self) {
        self.state = AtomicPtr::new(ptr::null_mut());
    }

    /// Sleeps until the flag is set.
    pub(crate) fn wait(&self, parker: &'static Parker) {
        self.wait_with(parker, || {});
    }

    /// As `wait`; calls `before_sleep` each time it's about to sleep, prepared.
    pub(crate) fn wait_with(&self, parker: &'static Parker, before_sleep: impl Fn()) {
        while !self.is_set() {
            if !self.register(parker) {
                return;
            }
            let ticket = parker.prepare();
            if self.is_set() {
                ticket.cancel();
                return;
            }
            before_sleep();
            ticket.commit();
        }
    }
}

/// Counts what a waiter waits for, and opens a latch when all of it has ended.
///
/// The count is biased: the owner's own additions stay in a plain cell until it settles, so that a
/// million spawns by the owner cost no atomic operation.
pub(crate) struct Tally {
    /// `bias + remote additions − ends`, and after settling the number of parts still to end.
    count: AtomicIsize,
    /// What the owner added until it settled, [`SETTLED`] since. Touched by the owner's thread alone.
    local: Cell<isize>,
    pub(crate) latch: Latch,
}

#[inline(always)]
fn bias() -> isize {
    if mutated!("end-unbiased") { 0 } else { 1 << 48 }
}
const SETTLED: isize = -1;

// SAFETY: `local` is touched by the owning thread only (see `add_local`); the rest is atomic.
unsafe impl Sync for Tally {}

impl Tally {
    pub(crate) fn new() -> Self {
        Tally {
            count: AtomicIsize::new(bias()),
            local: Cell::new(0),
            latch: Latch::new(),
        }
    }

    /// Counts one more part. Once settled, only a part that hasn't ended may do so.
    ///
    /// # Safety
    /// Only the thread that created the tally calls this.
    #[inline]
    pub(crate) unsafe fn add_local(&self) {
        match self.local.get() {
            // The owner waits already, and runs a part meanwhile.
            SETTLED => self.add_remote(),
            local => self.local.set(local + 1),
        }
    }

    /// Counts one more part, from a part that is itself counted and hasn't ended.
    #[inline]
    pub(crate) fn add_remote(&self) {
        // Relaxed: the caller's own part keeps the count above zero, and its `done` comes later.
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// `n` parts have ended. The tally may be gone when this returns.
    #[inline]
    pub(crate) fn done(&self, n: isize) {
        // AcqRel: the last one sees what every part did and hands it on through the latch.
        let before = self
            .count
            .fetch_sub(n, ordering!(AcqRel, "end-done-relaxed"));
        if before == n {
            self.latch.set();
        }
    }

    /// The owner adds no more: from here on the latch opens when the count is down to zero.
    ///
    /// # Safety
    /// Called once, by the thread that created the tally.
    pub(crate) unsafe fn settle(&self) {
        let local = self.local.replace(SETTLED);
        self.done(bias() - local);
    }

    /// Sets up the next round with a known number of parts, all counted and settled.
    pub(crate) fn rearm(&mut self, parts: isize) {
        self.count = AtomicIsize::new(parts);
        self.latch.reset();
    }
}
