//! A countdown whose owner adds for free.

use crate::sync::atomic::{AtomicUsize, Ordering, fence};

/// More than can ever be outstanding.
const BIAS: usize = 1 << (usize::BITS - 2);

/// A counter of things outstanding for an owner who adds most of them, and counts them in a
/// variable of its own until it settles.
///
/// Until then the counter stands high above zero, so that no `done` is the last.
#[derive(Debug)]
pub struct Biased(AtomicUsize);

impl Biased {
    const_unless_loom! {
        /// A counter of nothing, not settled.
        pub fn new() -> Self {
            Self(AtomicUsize::new(BIAS))
        }
    }

    /// Adds `count`, by something that is itself outstanding, or by the owner before it settles.
    #[inline]
    pub fn remote_add(&self, count: usize) {
        // Relaxed: the one who adds is counted, and its own `done` releases.
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// `count` are done; returns whether these were the last, which can only be after the owner has
    /// settled. If not, the counter must not be touched any more by this thread: it may be gone.
    #[inline]
    #[must_use = "the last one done has to wake the owner"]
    pub fn done(&self, count: usize) -> bool {
        // Release: pairs with the Acquire fence of the last one.
        let before = self
            .0
            .fetch_sub(count, ordering!(Release, "biased-done-relaxed"));
        debug_assert!(before >= count, "{count} done of {before} outstanding");
        before == count && acquire()
    }

    /// The owner has added `local` in all, and will add no more; returns whether everything is done
    /// already. If not, the last `done` says so.
    ///
    /// Call it once.
    #[inline]
    #[must_use = "if it isn't over, the owner has to wait"]
    pub fn owner_settle(&self, local: usize) -> bool {
        // Release: so that the last one done sees what the owner did before.
        let change = local.wrapping_sub(BIAS);
        let before = self.0.fetch_add(change, Ordering::Release);
        before.wrapping_add(change) == 0 && acquire()
    }

    /// Starts over, by whoever knows that nobody else uses it.
    #[inline]
    pub fn reset(&self) {
        // Relaxed: handing the counter out orders it.
        self.0.store(BIAS, Ordering::Relaxed);
    }
}

impl Default for Biased {
    fn default() -> Self {
        Self::new()
    }
}

/// What follows sees what happened before every `done`.
#[inline(always)]
fn acquire() -> bool {
    if !mutated!("biased-without-fence") {
        // Acquire: pairs with the Release in `done` and `owner_settle`.
        fence(Ordering::Acquire);
    }
    true
}
