//! Who has which leaves: one formula, and the word that says how many leaves and workers there are.

use std::ops::Range;

/// How many things are parted among how many parts, as evenly as can be: sizes differ by one at
/// most, and every part is a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) items: usize,
    /// At least one.
    pub(super) parts: usize,
}

impl Parts {
    /// The items of `part`: from ⌊part · items / parts⌋ to ⌊(part + 1) · items / parts⌋.
    pub(super) fn range(self, part: usize) -> Range<usize> {
        let start = |part: usize| (part as u64 * self.items as u64 / self.parts as u64) as usize;
        start(part)..start(part + 1)
    }

    /// The part that has `item`, which must be one of the items: the same formula, solved for the
    /// part, ⌈(item + 1) · parts / items⌉ − 1.
    pub(super) fn part_of(self, item: usize) -> usize {
        (((item as u64 + 1) * self.parts as u64 - 1) / self.items as u64) as usize
    }
}

/// Where a leaf belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) worker: usize,
    /// Which bit of the worker's partition summary stands for it …
    pub(super) bit: usize,
    /// … and for these others, itself included.
    pub(super) leaves: Range<usize>,
}

/// One value of the layout word: leaves in the low 20 bits, workers in the next 16, and above them
/// how often it was changed, so that no value comes again while somebody remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout(pub(super) u64);

const LEAF_BITS: u32 = 20;
const WORKER_BITS: u32 = 16;

/// The bits of a partition's summary.
pub(super) const MOST_BITS: usize = 64;

impl Layout {
    /// The most workers that the word has room for.
    pub(super) const MOST_WORKERS: usize = (1 << WORKER_BITS) - 1;

    pub(super) fn leaves(self) -> usize {
        (self.0 & ((1 << LEAF_BITS) - 1)) as usize
    }

    pub(super) fn workers(self) -> usize {
        (self.0 >> LEAF_BITS) as usize & Self::MOST_WORKERS
    }

    /// The next layout, of so many leaves and workers.
    pub(super) fn next(self, leaves: usize, workers: usize) -> Self {
        let shift = LEAF_BITS + WORKER_BITS;
        let changes = (self.0 >> shift).wrapping_add(1) << shift;
        Self(changes | (workers as u64) << LEAF_BITS | leaves as u64)
    }

    /// The leaves of `worker`, none if it isn't one of the workers.
    pub(super) fn partition(self, worker: usize) -> Range<usize> {
        if worker < self.workers() {
            self.among_workers().range(worker)
        } else {
            0..0
        }
    }

    /// Where `leaf`, which must be one of the leaves, belongs; nowhere without workers.
    pub(super) fn place(self, leaf: usize) -> Option<Place> {
        if self.workers() == 0 {
            return None;
        }
        let worker = self.among_workers().part_of(leaf);
        let partition = self.partition(worker);
        let bits = among_bits(&partition);
        let bit = bits.part_of(leaf - partition.start);
        let leaves = shifted(bits.range(bit), partition.start);
        Some(Place {
            worker,
            bit,
            leaves,
        })
    }

    fn among_workers(self) -> Parts {
        Parts {
            items: self.leaves(),
            parts: self.workers(),
        }
    }
}

/// How many bits the summary of a partition uses: one for each leaf, as long as there are enough.
pub(super) fn bits_of(partition: &Range<usize>) -> usize {
    partition.len().min(MOST_BITS)
}

/// The leaves that a bit of the partition's summary stands for.
pub(super) fn leaves_of(partition: &Range<usize>, bit: usize) -> Range<usize> {
    shifted(among_bits(partition).range(bit), partition.start)
}

fn among_bits(partition: &Range<usize>) -> Parts {
    Parts {
        items: partition.len(),
        parts: bits_of(partition),
    }
}

fn shifted(range: Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}
