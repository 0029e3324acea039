#![doc = include_str!("README.md")]

mod biased;
mod latch;

use crate::sync::atomic::{AtomicUsize, Ordering, fence};

pub use biased::Biased;
pub use latch::Latch;

/// A counter of things outstanding, of which the last one done learns that it was.
#[derive(Debug)]
pub struct Countdown(AtomicUsize);

impl Countdown {
    const_unless_loom! {
        /// A countdown from `count`.
        pub fn new(count: usize) -> Self {
            Self(AtomicUsize::new(count))
        }
    }

    /// Adds `count`, on behalf of something that is still outstanding itself, so that the countdown
    /// can't end meanwhile.
    #[inline]
    pub fn add(&self, count: usize) {
        // Relaxed: the one who adds is counted, and its own `done` releases.
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// `count` are done; returns whether these were the last. If not, the countdown must not be
    /// touched any more: it may be gone.
    ///
    /// The last one sees all that the others did before their `done`.
    #[inline]
    #[must_use = "the last one done has to act"]
    pub fn done(&self, count: usize) -> bool {
        // Release: pairs with the Acquire fence of the last one.
        let before = self
            .0
            .fetch_sub(count, ordering!(Release, "countdown-done-relaxed"));
        debug_assert!(before >= count, "{count} done of {before} outstanding");
        if before != count {
            return false;
        }
        if !mutated!("countdown-without-fence") {
            // Acquire: pairs with the Release of all that were done before.
            fence(Ordering::Acquire);
        }
        true
    }

    /// How many are outstanding at this moment.
    #[inline]
    pub fn outstanding(&self) -> usize {
        // Acquire: pairs with the Release in `done`, for a waiter that looks for zero.
        self.0.load(Ordering::Acquire)
    }

    /// Starts over from `count`, by whoever knows that nobody else uses it.
    #[inline]
    pub fn reset(&self, count: usize) {
        // Relaxed: handing the countdown out orders it.
        self.0.store(count, Ordering::Relaxed);
    }
}
