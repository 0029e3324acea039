#![doc = include_str!("README.md")]

mod partition;
mod sleep;
mod status;

use std::fmt;

use crossbeam_utils::CachePadded;

use status::{PARTITION, SUMMARY, SUMMARY_BITS, Status, YIELD};

use crate::{
    parker::Parker,
    signal::{IndexOutOfRange, bit_below, nearest},
    sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence_after_rmw},
};

/// How errors call what a summary bit stands for.
const WORD: &str = "summary word";

/// A worker's summary of what there is to do, and the permits it sleeps on. See the [module](self).
///
/// Four cache lines that producers and the worker don't share needlessly: the status, the permits,
/// the partition's summary, the counts.
pub struct WorkerWaker {
    status: CachePadded<Status>,
    parker: CachePadded<Parker>,
    /// The leaves of the partition: a bit each.
    partition: CachePadded<AtomicU64>,
    counts: CachePadded<Counts>,
}

/// What is counted for callers, and for nothing else here.
struct Counts {
    workers: AtomicUsize,
    /// Sleepers announced by `register_sleeper`, not by an acquire: no more may be unregistered.
    registered: AtomicU32,
}

impl WorkerWaker {
    /// How many summary bits there are: indices are below it.
    pub const SUMMARY_BITS: u32 = SUMMARY_BITS;

    /// How many permits [`new`](Self::new) keeps for those who come later: one for each bit of the
    /// status. [Why this loses no wake](self#the-cap).
    pub const PERMIT_CAP: u32 = 64;

    const_unless_loom! {
        /// A waker with nothing marked, without permits, sleepers or workers.
        pub fn new() -> Self {
            Self::capped(Self::PERMIT_CAP)
        }
    }

    const_unless_loom! {
        /// A waker that keeps up to `cap` permits, for whoever uses it as a semaphore; at least one.
        pub fn with_permit_cap(cap: std::num::NonZero<u32>) -> Self {
            Self::capped(cap.get())
        }
    }

    const_unless_loom! {
        fn capped(cap: u32) -> Self {
            Self {
                status: CachePadded::new(Status::new()),
                parker: CachePadded::new(Parker::with_cap(cap)),
                partition: CachePadded::new(AtomicU64::new(0)),
                counts: CachePadded::new(Counts {
                    workers: AtomicUsize::new(0),
                    registered: AtomicU32::new(0),
                }),
            }
        }
    }

    /// The whole status word: summary bits 0 to 61, the partition bit 62, the yield bit 63. A hint,
    /// for diagnosis.
    #[inline]
    pub fn status(&self) -> u64 {
        self.status.glance()
    }

    /// Whether the yield bit is set, and whether the partition bit is: `(yield, partition)`. A hint.
    #[inline]
    pub fn status_bits(&self) -> (bool, bool) {
        let status = self.status.glance();
        (status & YIELD != 0, status & PARTITION != 0)
    }

    /// Asks the worker to yield; returns whether nobody had asked before.
    ///
    /// Leaves a permit, as [`mark_active`](Self::mark_active) does, so that a worker that sleeps
    /// wakes up and sees it.
    #[inline]
    pub fn mark_yield(&self) -> bool {
        self.mark(YIELD) != 0
    }

    /// Clears the yield bit; returns whether it was set. The worker then sees what each of those who
    /// asked had done before.
    #[inline]
    pub fn try_unmark_yield(&self) -> bool {
        // A look first, as a worker does this often and mostly in vain. One that comes too late is
        // seen next time, as its permit is still there.
        self.status.glance() & YIELD != 0 && self.status.clear(YIELD) != 0
    }

    /// Marks signal word `index` as active; returns whether it wasn't before. To be called *after*
    /// the word was changed, by whoever found it empty; harmless at any other time.
    ///
    /// A bit that was clear adds a permit, within the cap. In every case a permit is left: when this
    /// returns one is there, or was taken since the call began, by someone who sees what was done
    /// before the call. Writes the status also if the bit is set, [and must](self#publishing-on-a-set-bit).
    ///
    /// Costs one read-modify-write on a bit that is set while there is a permit, else two, and a
    /// system call only if there are more sleepers than permits.
    ///
    /// # Errors
    /// If `index` isn't below 62.
    #[inline]
    pub fn mark_active(&self, index: u64) -> Result<bool, IndexOutOfRange> {
        Ok(self.mark(summary_bit(index)?) != 0)
    }

    /// [`mark_active`](Self::mark_active) for all bits of `mask` in one step; returns how many
    /// weren't set before, each of which adds a permit. An empty mask does nothing.
    ///
    /// # Errors
    /// If `mask` has bit 62 or 63. Then nothing is marked.
    #[inline]
    pub fn mark_active_mask(&self, mask: u64) -> Result<u32, IndexOutOfRange> {
        match mask.checked_ilog2() {
            Some(highest) => summary_bit(highest.into())?,
            None => return Ok(0),
        };
        Ok(self.mark(mask).count_ones())
    }

    /// Clears the bit of word `bit_index` if `signal`, the word itself, is empty; returns whether it
    /// did. It's right to leave this out: a stale bit costs a look in vain, and no wake.
    ///
    /// Looks at `signal` again after the clear, and if it was changed meanwhile, marks it again,
    /// with a permit.
    ///
    /// # Errors
    /// If `bit_index` isn't below 62.
    #[inline]
    pub fn try_unmark_if_empty(
        &self,
        bit_index: u64,
        signal: &AtomicU64,
    ) -> Result<bool, IndexOutOfRange> {
        let bit = summary_bit(bit_index)?;
        // Acquire, here and below: pairs with the Release of whoever sets a signal.
        if self.status.glance() & bit == 0 || signal.load(Ordering::Acquire) != 0 {
            return Ok(false);
        }
        let cleared = self.status.clear(bit) != 0;
        if !mutated!("waker-unmark-without-look") && signal.load(Ordering::Acquire) != 0 {
            self.mark(bit);
            return Ok(false);
        }
        Ok(cleared)
    }

    /// Clears the bit of word `bit_index`, whatever the word holds; returns whether it was set.
    ///
    /// For a caller that looks at the word *after* this and [marks](Self::mark_active) it if it isn't
    /// empty, or empties it. A look before this isn't enough, as the word may have been changed and
    /// marked in between; [`try_unmark_if_empty`](Self::try_unmark_if_empty) does both.
    ///
    /// # Errors
    /// If `bit_index` isn't below 62.
    #[inline]
    pub fn try_unmark(&self, bit_index: u64) -> Result<bool, IndexOutOfRange> {
        Ok(self.status.clear(summary_bit(bit_index)?) != 0)
    }

    /// The summary bits, as a hint: bit *i* says that word *i* may have signals. What is found there
    /// is ordered by the word itself.
    #[inline]
    pub fn snapshot_summary(&self) -> u64 {
        self.status.glance() & SUMMARY
    }

    /// The summary bits, seen in such a way that what was done before each was set is seen, too.
    #[inline]
    pub fn summary_bits(&self) -> u64 {
        self.status.load() & SUMMARY
    }

    /// The marked word nearest to `nearest_to_index`, the lower of two that are equally near; `None`
    /// if none is marked. An index beyond the last word is taken for the last.
    ///
    /// ```
    /// use taskweave_sys::waker::WorkerWaker;
    ///
    /// let waker = WorkerWaker::new();
    /// assert_eq!(waker.summary_select(30), None);
    /// waker.mark_active_mask(1 << 7 | 1 << 40)?;
    /// assert_eq!((waker.summary_select(20), waker.summary_select(61)), (Some(7), Some(40)));
    /// # Ok::<(), taskweave_sys::signal::IndexOutOfRange>(())
    /// ```
    #[inline]
    pub fn summary_select(&self, nearest_to_index: u64) -> Option<u64> {
        let from = nearest_to_index.min(u64::from(SUMMARY_BITS) - 1) as u32;
        nearest(self.snapshot_summary(), from).map(u64::from)
    }

    /// Counts a worker; returns how many there are now. Workers look at the count to learn that
    /// their partitions have changed; nothing else depends on it.
    pub fn register_worker(&self) -> usize {
        // Relaxed, as for all counts: they say nothing about other memory.
        self.counts.workers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a worker less; returns how many are left. At zero it stays.
    pub fn unregister_worker(&self) -> usize {
        let less = |count: usize| count.checked_sub(1);
        self.counts
            .workers
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .map_or(0, |before| before - 1)
    }

    /// How many workers are registered at this moment.
    #[inline]
    pub fn get_worker_count(&self) -> usize {
        self.counts.workers.load(Ordering::Relaxed)
    }

    /// Sets bits, and leaves a permit; returns the bits that were clear.
    #[inline]
    fn mark(&self, bits: u64) -> u64 {
        let newly = self.status.set(bits);
        if newly != 0 {
            self.parker.release(newly.count_ones());
        } else if !mutated!("waker-set-bit-without-permit") {
            if !mutated!("waker-mark-without-fence") {
                // Pairs with the fence of those who take a permit: if this doesn't see a permit
                // taken, then the one who takes it sees what was published before this mark.
                fence_after_rmw();
            }
            if self.parker.permits() == 0 {
                self.parker.release(1);
            }
        }
        newly
    }
}

impl Default for WorkerWaker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WorkerWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (is_yield, is_partition_active) = self.status_bits();
        f.debug_struct("WorkerWaker")
            .field("summary", &format_args!("{:#x}", self.snapshot_summary()))
            .field("yield", &is_yield)
            .field("partition", &is_partition_active)
            .field("leaves", &format_args!("{:#x}", self.partition_summary()))
            .field("permits", &self.permits())
            .field("sleepers", &self.sleepers())
            .field("workers", &self.get_worker_count())
            .finish()
    }
}

#[inline]
fn summary_bit(index: u64) -> Result<u64, IndexOutOfRange> {
    bit_below(index, SUMMARY_BITS.into(), WORD)
}
