//! Join counters that are never reset: see the essay in the folder.

use taskweave_sys::sync::atomic::{AtomicU32, Ordering};
use taskweave_sys::{mutated, ordering};

pub(super) struct JoinCounter(AtomicU32);

impl JoinCounter {
    pub(super) fn new() -> Self {
        JoinCounter(AtomicU32::new(0))
    }

    /// A predecessor has ended. True: it was the last one of the `in_degree` in this pass.
    #[inline]
    #[must_use]
    pub(super) fn arrive(&self, in_degree: u32, pass: u32) -> bool {
        let target = Self::target(in_degree, pass);
        // Acquire: pairs with the Release of all the others, which have arrived if this is the value.
        if self.0.load(ordering!(Acquire, "pass-last-arrival-relaxed")) == target.wrapping_sub(1) {
            // Nobody else will arrive in this pass. Relaxed: the next one begins after its end.
            self.0.store(target, Ordering::Relaxed);
            return true;
        }
        // AcqRel: the last to arrive sees what all the others did.
        let before = self
            .0
            .fetch_add(1, ordering!(AcqRel, "pass-arrive-relaxed"));
        before.wrapping_add(1) == target
    }

    /// Whether all predecessors have ended in this pass, at this moment. By an exchange, for the sake of the model that is to find it a fault to ask: loom
    /// overlooks that a load meets another thread's exchange if that one has loaded just before.
    pub(super) fn is_full(&self, in_degree: u32, pass: u32) -> bool {
        self.0.fetch_add(0, Ordering::AcqRel) == Self::target(in_degree, pass)
    }

    fn target(in_degree: u32, pass: u32) -> u32 {
        let pass = if mutated!("pass-target-of-one") {
            0
        } else {
            pass
        };
        in_degree.wrapping_mul(pass.wrapping_add(1))
    }
}
