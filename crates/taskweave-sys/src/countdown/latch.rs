//! A flag that is set once, and one who may wait for it.

use crate::sync::atomic::{AtomicU8, Ordering};

const UNSET: u8 = 0;
const WAITING: u8 = 1;
const SET: u8 = 2;

/// A one-shot flag with at most one waiter. The setter learns whether the waiter must be woken, by
/// means of the waiter's own.
#[derive(Debug)]
pub struct Latch(AtomicU8);

impl Latch {
    const_unless_loom! {
        /// A latch that isn't set.
        pub fn new() -> Self {
            Self(AtomicU8::new(UNSET))
        }
    }

    /// Sets it; returns whether the waiter must be woken. If not, the latch must not be touched any
    /// more: the waiter may have seen it and freed it. Nor if so, once the waiter is awake; copy
    /// what is needed to wake it beforehand.
    #[inline]
    #[must_use = "a waiter may have to be woken"]
    pub fn set(&self) -> bool {
        // Release: pairs with the Acquire in `probe` and `prepare_wait`. Acquire: pairs with the
        // Release in `prepare_wait`, for what the waiter left to be woken by.
        self.0.swap(SET, ordering!(AcqRel, "latch-set-relaxed")) == WAITING
    }

    /// Whether it is set.
    #[inline]
    pub fn probe(&self) -> bool {
        // Acquire: pairs with the Release in `set`.
        self.0.load(Ordering::Acquire) == SET
    }

    /// Announces the waiter; returns `false` if there is nothing to wait for, as the latch is set.
    #[inline]
    #[must_use = "if the latch is set already, nobody will wake the waiter"]
    pub fn prepare_wait(&self) -> bool {
        // Release: pairs with the Acquire in `set`. Acquire, on both outcomes: pairs with the
        // Release in `set`.
        self.0
            .compare_exchange(UNSET, WAITING, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
            || !self.probe()
    }

    /// The waiter waits no longer; returns `false` if it was too late, as the latch is set and the
    /// wake is on its way or has come.
    #[inline]
    #[must_use = "a wake that is on its way has to be expected"]
    pub fn cancel_wait(&self) -> bool {
        // Acquire on failure: pairs with the Release in `set`.
        self.0
            .compare_exchange(WAITING, UNSET, Ordering::Relaxed, Ordering::Acquire)
            .is_ok()
    }

    /// Makes it unset again, by whoever knows that nobody else uses it.
    #[inline]
    pub fn reset(&self) {
        // Relaxed: handing the latch out orders it.
        self.0.store(UNSET, Ordering::Relaxed);
    }
}

impl Default for Latch {
    fn default() -> Self {
        Self::new()
    }
}
