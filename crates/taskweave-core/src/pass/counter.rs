//! Join counters that are never reset: see the essay in the folder.

use taskweave_sys::sync::atomic::{AtomicU32, Ordering};

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
        let order = if cfg!(taskweave_mutation = "pass_arrive_relaxed") {
            Ordering::Relaxed
        } else {
            Ordering::AcqRel
        };
        let arrived = self.0.fetch_add(1, order).wrapping_add(1);
        arrived == in_degree.wrapping_mul(pass.wrapping_add(1))
    }
}
