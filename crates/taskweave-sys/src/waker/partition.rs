//! The worker's part of a summary tree: which of its leaves have something to do.
//!
//! Three words in a row: the leaf (the source), the partition's summary, the partition bit of the
//! status. Whoever sets goes up through them, whoever clears goes up as well, and looks down again
//! after each step.

use super::{WorkerWaker, status::PARTITION};
use crate::{
    signal::{IndexOutOfRange, bit_below},
    sync::atomic::{AtomicU64, Ordering},
};

/// How many leaves a partition may have, and how its errors call them.
const LEAVES: u64 = 64;
const LEAF: &str = "leaf of a partition";

impl WorkerWaker {
    /// Sets the partition bit: there is something to do in this worker's part of the tree. Returns
    /// whether the bit was clear.
    ///
    /// Leaves a permit, as [`mark_active`](Self::mark_active) does.
    ///
    /// ```
    /// use taskweave_sys::waker::WorkerWaker;
    ///
    /// let waker = WorkerWaker::new();
    /// assert!(waker.mark_tasks());
    /// assert_eq!(waker.status_bits(), (false, true));
    /// assert!(waker.try_acquire());
    /// ```
    #[inline]
    pub fn mark_tasks(&self) -> bool {
        self.mark(PARTITION) != 0
    }

    /// Clears the partition bit if no leaf of the partition is marked; returns whether it did.
    ///
    /// Looks at the partition's summary again after the clear, and if a leaf was marked meanwhile,
    /// sets the bit again, with a permit.
    #[inline]
    pub fn try_unmark_tasks(&self) -> bool {
        if self.status.glance() & PARTITION == 0 || self.partition_has_leaves() {
            return false;
        }
        let cleared = self.status.clear(PARTITION) != 0;
        if !mutated!("waker-tasks-without-look") && self.partition_has_leaves() {
            self.mark_tasks();
            return false;
        }
        cleared
    }

    /// The partition's summary at this moment: bit *i* says that leaf `partition_start + i` may have
    /// something to do.
    #[inline]
    pub fn partition_summary(&self) -> u64 {
        // Relaxed: a hint, as the status is.
        self.partition.load(Ordering::Relaxed)
    }

    /// Whether a leaf of the partition may have something to do, as far as the summary knows.
    ///
    /// # Errors
    /// If `local_leaf_idx` isn't below 64.
    #[inline]
    pub fn partition_leaf_has_work(&self, local_leaf_idx: usize) -> Result<bool, IndexOutOfRange> {
        Ok(self.partition_summary() & leaf_bit(local_leaf_idx)? != 0)
    }

    /// Marks a leaf of the partition, and the partition; returns whether it was the first leaf.
    ///
    /// To be called *after* the leaf's word was changed. Leaves a permit, as
    /// [`mark_active`](Self::mark_active) does. Two read-modify-writes.
    ///
    /// # Errors
    /// If `local_leaf_idx` isn't below 64.
    #[inline]
    pub fn mark_partition_leaf_active(
        &self,
        local_leaf_idx: usize,
    ) -> Result<bool, IndexOutOfRange> {
        Ok(self.mark_leaves(leaf_bit(local_leaf_idx)?))
    }

    /// Clears a leaf of the partition if `leaf_word` is zero, and the partition bit with the last
    /// one; returns whether it cleared the leaf.
    ///
    /// Looks at `leaf_word` again after the clear, and if it was changed meanwhile, marks the leaf
    /// again, with a permit.
    ///
    /// # Errors
    /// If `local_leaf_idx` isn't below 64.
    pub fn clear_partition_leaf(
        &self,
        local_leaf_idx: usize,
        leaf_word: &AtomicU64,
    ) -> Result<bool, IndexOutOfRange> {
        let leaf = leaf_bit(local_leaf_idx)?;
        Ok(self.clear_leaf(leaf, || is_active(leaf_word)))
    }

    /// Makes the partition's summary anew from the leaves `partition_start .. partition_end` of
    /// `leaf_words`; returns whether any of them has something to do.
    ///
    /// To be called when the partition has changed, and by a worker that is about to sleep although
    /// leaves may have been changed without a [mark](Self::mark_partition_leaf_active). Leaves that
    /// turn out to be active are marked, with a permit. Whatever was marked beyond the partition's
    /// end is cleared. A leaf that is changed during the call is seen by it, or its mark stays.
    ///
    /// # Errors
    /// If the partition ends before it starts, or beyond `leaf_words`, or has more than 64 leaves.
    pub fn sync_partition_summary(
        &self,
        partition_start: usize,
        partition_end: usize,
        leaf_words: &[AtomicU64],
    ) -> Result<bool, IndexOutOfRange> {
        let (start, end) = (partition_start as u64, partition_end as u64);
        IndexOutOfRange::check("start of a partition", start, end.saturating_add(1))?;
        IndexOutOfRange::check("end of a partition", end, leaf_words.len() as u64 + 1)?;
        IndexOutOfRange::check("length of a partition", end - start, LEAVES + 1)?;
        let leaves = &leaf_words[partition_start..partition_end];
        Ok(self.sync_leaves(leaves.len(), |leaf| is_active(&leaves[leaf])))
    }

    /// Marks leaves, whose words have been changed; returns whether none was marked before.
    #[inline]
    pub(crate) fn mark_leaves(&self, leaves: u64) -> bool {
        // Release: pairs with the Acquire in `clear_leaf` and `sync_leaves`. Written also if nothing
        // changes, as the status is.
        let before = self.partition.fetch_or(leaves, Ordering::Release);
        self.mark_tasks();
        before == 0
    }

    /// Clears a leaf unless it is `active`, which is asked again after the clear.
    pub(crate) fn clear_leaf(&self, leaf: u64, active: impl Fn() -> bool) -> bool {
        if active() {
            return false;
        }
        // Acquire: pairs with the Release in `mark_leaves`; the look that follows sees what was
        // changed before.
        let before = self.partition.fetch_and(!leaf, Ordering::Acquire);
        if !mutated!("waker-leaf-without-look") && active() {
            self.mark_leaves(leaf);
            return false;
        }
        if before & !leaf == 0 {
            self.try_unmark_tasks();
        }
        before & leaf != 0
    }

    /// Makes the summary of `count` leaves anew; returns whether any is `active`.
    pub(crate) fn sync_leaves(&self, count: usize, active: impl Fn(usize) -> bool) -> bool {
        let mut found = 0;
        for leaf in (0..count).filter(|&leaf| active(leaf)) {
            found |= 1 << leaf;
        }
        // Relaxed: what is set behind this look needs no clear.
        if self.partition.load(Ordering::Relaxed) & !found != 0 {
            // Acquire: as in `clear_leaf`.
            let before = self.partition.fetch_and(found, Ordering::Acquire);
            let cleared = |leaf: &usize| before & !found & 1 << leaf != 0;
            let mut again = 0;
            for leaf in (0..count).filter(cleared) {
                if !mutated!("waker-sync-without-look") && active(leaf) {
                    again |= 1 << leaf;
                }
            }
            found |= again;
        }
        if found == 0 {
            self.try_unmark_tasks();
            return false;
        }
        // Release: as in `mark_leaves`.
        let before = self.partition.fetch_or(found, Ordering::Release);
        if found & !before != 0 || self.status.set(PARTITION) != 0 {
            self.mark_tasks();
        }
        true
    }

    #[inline]
    fn partition_has_leaves(&self) -> bool {
        // Acquire: for whoever then looks at the leaves; the order after the clear of the status is that
        // one's own.
        self.partition.load(Ordering::Acquire) != 0
    }
}

#[inline]
fn leaf_bit(local: usize) -> Result<u64, IndexOutOfRange> {
    bit_below(local as u64, LEAVES, LEAF)
}

#[inline]
fn is_active(leaf: &AtomicU64) -> bool {
    // Acquire: pairs with the Release of whoever changes the leaf.
    leaf.load(Ordering::Acquire) != 0
}
