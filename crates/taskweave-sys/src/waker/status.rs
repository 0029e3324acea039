//! The status word: 62 summary bits, the partition bit, the yield bit.

use crate::sync::atomic::{AtomicU64, Ordering};

/// How many summary bits there are.
pub(super) const SUMMARY_BITS: u32 = 62;
/// All of them.
pub(super) const SUMMARY: u64 = (1 << SUMMARY_BITS) - 1;
/// There is something to do in the worker's partition.
pub(super) const PARTITION: u64 = 1 << 62;
/// The worker is asked to yield.
pub(super) const YIELD: u64 = 1 << 63;

/// The word and its two transitions. Both write it in every case, which is what makes a set and a
/// clear of the same bit see each other: see the module's essay.
#[derive(Debug)]
pub(super) struct Status(AtomicU64);

impl Status {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Self(AtomicU64::new(0))
        }
    }

    /// Sets bits; returns those that were clear before.
    #[inline]
    pub(super) fn set(&self, bits: u64) -> u64 {
        if mutated!("waker-set-load-only") && self.0.load(Ordering::Relaxed) & bits == bits {
            return 0;
        }
        // Release: pairs with the Acquire in `clear`, whose caller then looks at what was published
        // before this.
        let before = self
            .0
            .fetch_or(bits, ordering!(Release, "waker-set-relaxed"));
        bits & !before
    }

    /// Clears bits; returns those that were set before. The caller looks at their sources *after*
    /// this, and sets them again if need be.
    #[inline]
    pub(super) fn clear(&self, bits: u64) -> u64 {
        // Acquire: pairs with the Release in `set`: of all sets before this, also of those that
        // changed nothing.
        let before = self
            .0
            .fetch_and(!bits, ordering!(Acquire, "waker-clear-relaxed"));
        before & bits
    }

    /// A hint.
    #[inline]
    pub(super) fn glance(&self) -> u64 {
        // Relaxed: a bit only says where to look, and what is there orders itself.
        self.0.load(Ordering::Relaxed)
    }

    /// The word, after all that was published before its bits were set.
    #[inline]
    pub(super) fn load(&self) -> u64 {
        // Acquire: pairs with the Release in `set`.
        self.0.load(Ordering::Acquire)
    }
}
