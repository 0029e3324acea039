//! What is known of a vertex beyond its body and its edges, in graphs that aren't plain.

use taskweave_sys::sync::atomic::{AtomicU64, Ordering};

/// Beside a vertex.
#[derive(Debug, Default)]
pub(super) struct More<'env> {
    pub(super) live: Live,
    _bodies: core::marker::PhantomData<&'env ()>,
}

/// Whether a live edge has arrived in the present pass: the number of the last pass in which one has, plus one.
#[derive(Debug, Default)]
pub(super) struct Live(AtomicU64);

impl Live {
    /// A predecessor that ran goes on with this vertex. Before its arrival.
    #[inline]
    pub(super) fn mark(&self, pass: u64) {
        // Relaxed: the arrival that follows, or the queue, publishes it.
        self.0.store(pass + 1, Ordering::Relaxed);
    }

    /// Whether this was called in this pass, when all predecessors have arrived.
    #[inline]
    pub(super) fn is_marked(&self, pass: u64) -> bool {
        // Relaxed: as in `mark`.
        self.0.load(Ordering::Relaxed) == pass + 1
    }
}
