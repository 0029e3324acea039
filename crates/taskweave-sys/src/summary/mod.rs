#![doc = include_str!("README.md")]

mod error;
mod layout;
mod levels;
#[cfg(all(test, not(any(taskweave_loom, taskweave_shuttle))))]
mod tests;
mod words;

use std::{fmt, ops::Range, sync::PoisonError};

use crossbeam_utils::CachePadded;

pub use error::TreeError;
use layout::{Layout, bits_of, leaves_of};
use levels::{FAN, Levels, MOST_LEAVES};

use crate::{
    signal::{IndexOutOfRange, nearest},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering, fence_after_rmw},
    },
    waker::WorkerWaker,
};

/// A summary of any number of signal words, parted among workers. See the [module](self).
pub struct SummaryTree {
    levels: Levels,
    /// A [`Layout`]. Changed by whoever holds `changing`.
    layout: CachePadded<AtomicU64>,
    wakers: Box<[Arc<WorkerWaker>]>,
    changing: Mutex<()>,
}

impl SummaryTree {
    /// How many signal words a leaf has: 64, except in models.
    pub const LEAF: usize = FAN;

    /// How many leaves a tree can have.
    pub const MOST_LEAVES: usize = MOST_LEAVES;

    /// A tree of `leaves` leaves, none of whose words is marked, parted among as many workers as
    /// there are `wakers`: worker *i* has waker *i*.
    ///
    /// Allocates a word for each leaf, rounded up to a power of two that is at least 64, and a
    /// sixty-fourth of that for what is above.
    ///
    /// # Errors
    /// If there are too many leaves or workers, or no memory.
    pub fn new(
        leaves: usize,
        wakers: impl IntoIterator<Item = Arc<WorkerWaker>>,
    ) -> Result<Self, TreeError> {
        let wakers: Box<[_]> = wakers.into_iter().collect();
        if wakers.len() > Layout::MOST_WORKERS {
            return Err(TreeError::TooManyWorkers {
                workers: wakers.len(),
                most: Layout::MOST_WORKERS,
            });
        }
        let levels = Levels::new();
        make_room(&levels, leaves)?;
        let layout = Layout(0).next(leaves, wakers.len());
        Ok(Self {
            levels,
            layout: CachePadded::new(AtomicU64::new(layout.0)),
            wakers,
            changing: Mutex::new(()),
        })
    }

    /// How many leaves there are at this moment.
    pub fn leaves(&self) -> usize {
        self.layout().leaves()
    }

    /// How many signal words there are at this moment: 64 a leaf.
    pub fn words(&self) -> usize {
        self.leaves() * FAN
    }

    /// Among how many workers the leaves are parted at this moment.
    pub fn workers(&self) -> usize {
        self.layout().workers()
    }

    /// The waker of a worker, whether it has leaves now or not.
    ///
    /// # Errors
    /// If there is no such worker.
    pub fn waker(&self, worker: usize) -> Result<&Arc<WorkerWaker>, IndexOutOfRange> {
        self.check_worker(worker)?;
        Ok(&self.wakers[worker])
    }

    /// The leaves of a worker, at this moment: from ⌊worker · leaves / workers⌋ to
    /// ⌊(worker + 1) · leaves / workers⌋. None, if it isn't among the [`workers`](Self::workers).
    ///
    /// # Errors
    /// If there is no such worker.
    pub fn partition(&self, worker: usize) -> Result<Range<usize>, IndexOutOfRange> {
        self.check_worker(worker)?;
        Ok(self.layout().partition(worker))
    }

    /// The worker that has `leaf` at this moment; nobody if there are no workers.
    ///
    /// # Errors
    /// If there is no such leaf.
    pub fn owner(&self, leaf: usize) -> Result<Option<usize>, IndexOutOfRange> {
        let layout = self.layout();
        IndexOutOfRange::check("leaf", leaf as u64, layout.leaves() as u64)?;
        Ok(layout.place(leaf).map(|place| place.worker))
    }

    /// The word of a leaf, for those who look at it themselves. To be written by this tree alone.
    ///
    /// # Errors
    /// If there is no such leaf.
    pub fn leaf_word(&self, leaf: usize) -> Result<&AtomicU64, IndexOutOfRange> {
        let limit = self.leaves() as u64;
        let missing = IndexOutOfRange {
            what: "leaf",
            index: leaf as u64,
            limit,
        };
        IndexOutOfRange::check("leaf", leaf as u64, limit)?;
        self.levels.leaf(leaf).ok_or(missing)
    }

    /// Marks signal word `word` as active and tells the worker that has its leaf; returns whether it
    /// wasn't marked before. To be called *after* the word was changed, by whoever found it empty.
    ///
    /// Leaves a permit with that worker, as [`WorkerWaker::mark_active`] does. Three
    /// read-modify-writes if the leaf has marked words already, one more for each level that has
    /// none, and at times one for the permit.
    ///
    /// # Errors
    /// If there is no such word.
    pub fn mark(&self, word: usize) -> Result<bool, IndexOutOfRange> {
        self.check_word(word)?;
        let newly = self.levels.set(word);
        if !mutated!("summary-mark-without-fence") {
            // Pairs with the fence in `change`: either this sees the new layout, or the one who
            // changes it sees the leaf.
            fence_after_rmw();
        }
        let leaf = word / FAN;
        if let Some(place) = self.layout().place(leaf) {
            self.wakers[place.worker].mark_leaves(1 << place.bit);
        }
        Ok(newly)
    }

    /// Clears the mark of signal word `word` if `signal`, the word itself, is empty, and what is
    /// above it as far as it becomes empty; returns whether it did.
    ///
    /// Looks at `signal` again after the clear, and if it was changed meanwhile, marks it again,
    /// with a permit.
    ///
    /// # Errors
    /// If there is no such word.
    pub fn unmark_if_empty(
        &self,
        word: usize,
        signal: &AtomicU64,
    ) -> Result<bool, IndexOutOfRange> {
        self.check_word(word)?;
        // Acquire, here and below: pairs with the Release of whoever sets a signal.
        if signal.load(Ordering::Acquire) != 0 {
            return Ok(false);
        }
        let (cleared, leaf_is_zero) = self.levels.clear_word(word);
        if !mutated!("summary-word-without-look") && signal.load(Ordering::Acquire) != 0 {
            self.mark(word)?;
            return Ok(false);
        }
        if leaf_is_zero {
            let leaf = word / FAN;
            self.levels.clear_above(leaf);
            self.leave_partition(leaf);
        }
        Ok(cleared)
    }

    /// The marked word nearest to `word`, the lower of two that are equally near; `None` if none is
    /// marked. A word beyond the last is taken for the last. A hint: what is there orders itself.
    pub fn nearest(&self, word: usize) -> Option<usize> {
        let last = self.words().checked_sub(1)?;
        self.levels.nearest(word.min(last))
    }

    /// A marked word for `worker`: in its own partition, in the leaf nearest to `word`, or else the
    /// nearest one anywhere; `None` if none is marked.
    ///
    /// A worker that calls this after it took a permit, and works until there is nothing, misses
    /// nothing in its own partition.
    ///
    /// # Errors
    /// If there is no such worker.
    pub fn select(&self, worker: usize, word: usize) -> Result<Option<usize>, IndexOutOfRange> {
        self.check_worker(worker)?;
        Ok(self
            .nearest_own(worker, word)
            .or_else(|| self.nearest(word)))
    }

    /// Makes the partition summary of `worker` anew from its leaves; returns whether any is active.
    ///
    /// # Errors
    /// If there is no such worker.
    pub fn sync(&self, worker: usize) -> Result<bool, IndexOutOfRange> {
        self.check_worker(worker)?;
        let layout = self.layout();
        let active = self.sync_once(worker, layout);
        if self.layout() == layout {
            return Ok(active);
        }
        Ok(self.repair(worker))
    }

    /// Adds leaves until there are at least `leaves`; returns how many there are. Partitions change.
    ///
    /// Nobody stops meanwhile; nothing moves. One thread grows at a time, and looks at every leaf.
    ///
    /// # Errors
    /// If that is too many, or no memory is left for them.
    pub fn grow(&self, leaves: usize) -> Result<usize, TreeError> {
        self.change(|layout| {
            if leaves <= layout.leaves() {
                return Ok(layout);
            }
            make_room(&self.levels, leaves)?;
            Ok(layout.next(leaves, layout.workers()))
        })
        .map(Layout::leaves)
    }

    /// Parts the leaves among the first `workers` wakers from now on. What is marked in a leaf that
    /// changes hands is told to its new worker, with a permit.
    ///
    /// Nobody stops meanwhile. One thread changes at a time, and looks at every leaf. Without workers
    /// marks are kept until there is one.
    ///
    /// # Errors
    /// If there aren't as many wakers.
    pub fn set_workers(&self, workers: usize) -> Result<(), IndexOutOfRange> {
        let limit = self.wakers.len() as u64 + 1;
        IndexOutOfRange::check("number of workers", workers as u64, limit)?;
        self.change(|layout| {
            if workers == layout.workers() {
                return Ok(layout);
            }
            Ok(layout.next(layout.leaves(), workers))
        })
        .map(|_| ())
    }

    /// Changes the layout to what `next` says, and tells all workers what they have now.
    fn change<E>(&self, next: impl FnOnce(Layout) -> Result<Layout, E>) -> Result<Layout, E> {
        let _turn = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.layout();
        let layout = next(before)?;
        if layout == before {
            return Ok(layout);
        }
        // Release: pairs with the Acquire in `layout`, for what was allocated.
        self.layout.swap(layout.0, Ordering::AcqRel);
        if !mutated!("summary-change-without-fence") {
            // Pairs with the fence in `mark`.
            fence_after_rmw();
        }
        for worker in 0..self.wakers.len() {
            self.tell(worker, layout);
        }
        Ok(layout)
    }

    /// Makes a partition summary anew, and leaves a permit if there is something in it, for whoever
    /// looked when it was different.
    fn tell(&self, worker: usize, layout: Layout) -> bool {
        let active = self.sync_once(worker, layout);
        if active && !mutated!("summary-tell-without-permit") {
            self.wakers[worker].mark_tasks();
        }
        active
    }

    /// Does what was done by a layout that is no longer right once more.
    fn repair(&self, worker: usize) -> bool {
        loop {
            let layout = self.layout();
            let active = self.tell(worker, layout);
            if self.layout() == layout {
                return active;
            }
        }
    }

    fn sync_once(&self, worker: usize, layout: Layout) -> bool {
        let partition = layout.partition(worker);
        self.wakers[worker].sync_leaves(bits_of(&partition), |bit| {
            self.any_active(leaves_of(&partition, bit))
        })
    }

    /// A leaf became zero: its worker's partition may, too.
    fn leave_partition(&self, leaf: usize) {
        let mut layout = self.layout();
        while let Some(place) = layout.place(leaf) {
            self.wakers[place.worker]
                .clear_leaf(1 << place.bit, || self.any_active(place.leaves.clone()));
            // Under another layout the bit that was cleared stands for other leaves. If somebody had
            // set it for them, the clear has read from that, and this sees the layout that it was
            // set by.
            let now = self.layout();
            if now == layout || mutated!("summary-clear-without-recheck") {
                return;
            }
            self.repair(place.worker);
            layout = now;
        }
    }

    fn any_active(&self, mut leaves: Range<usize>) -> bool {
        leaves.any(|leaf| {
            // Acquire: pairs with the Release of those who set it.
            let word = self.levels.leaf(leaf);
            word.is_some_and(|word| word.load(Ordering::Acquire) != 0)
        })
    }

    /// By the partition's summary and the leaves alone: of these a clear that was too early is put
    /// right with a permit, of the levels above without.
    fn nearest_own(&self, worker: usize, word: usize) -> Option<usize> {
        let layout = self.layout();
        let partition = layout.partition(worker);
        let last = partition.clone().next_back()?;
        let leaf = (word / FAN).clamp(partition.start, last);
        let near = layout.place(leaf)?.bit as u32;
        let mut bits = self.wakers[worker].partition_summary();
        while let Some(bit) = nearest(bits, near) {
            bits &= !(1 << bit);
            if bit as usize >= bits_of(&partition) {
                continue;
            }
            let mut leaves = leaves_of(&partition, bit as usize);
            if let Some(found) = leaves.find_map(|leaf| self.levels.nearest_in(leaf, word)) {
                return Some(found);
            }
        }
        None
    }

    fn layout(&self) -> Layout {
        // Acquire: pairs with the Release in `change`.
        Layout(self.layout.load(Ordering::Acquire))
    }

    fn check_worker(&self, worker: usize) -> Result<(), IndexOutOfRange> {
        IndexOutOfRange::check("worker", worker as u64, self.wakers.len() as u64)
    }

    fn check_word(&self, word: usize) -> Result<(), IndexOutOfRange> {
        IndexOutOfRange::check("signal word", word as u64, self.words() as u64)
    }
}

fn make_room(levels: &Levels, leaves: usize) -> Result<(), TreeError> {
    if leaves > MOST_LEAVES {
        return Err(TreeError::TooManyLeaves {
            leaves,
            most: MOST_LEAVES,
        });
    }
    levels
        .ensure(leaves)
        .map_err(|why| TreeError::Memory { leaves, why })
}

impl fmt::Debug for SummaryTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = self.layout();
        f.debug_struct("SummaryTree")
            .field("leaves", &layout.leaves())
            .field("workers", &layout.workers())
            .finish_non_exhaustive()
    }
}
