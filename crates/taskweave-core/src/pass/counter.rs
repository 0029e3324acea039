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
        // AcqRel: the last to arrive sees what all the others did.
        let before = self
            .0
            .fetch_add(1, ordering!(AcqRel, "pass-arrive-relaxed"));
        before.wrapping_add(1) == Self::target(in_degree, pass)
    }

    /// Whether all predecessors have ended in this pass, at this moment.
    pub(super) fn is_full(&self, in_degree: u32, pass: u32) -> bool {
        self.0.load(Ordering::Acquire) == Self::target(in_degree, pass)
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
