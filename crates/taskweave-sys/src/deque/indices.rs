//! The shared word: three wrapping 16-bit indices and the transitions between them.

use crate::sync::atomic::{AtomicU64, Ordering};

const REAL: u32 = 16;
/// On top, so that adding to it carries into nothing.
const SPLIT: u32 = 48;

/// One value of the word.
///
/// | bits | index | |
/// |---|---|---|
/// | 0..16 | `steal` | the oldest slot that a thief may still be reading |
/// | 16..32 | `real` | the oldest element that nobody has claimed |
/// | 32..48 | | zero |
/// | 48..64 | `split` | the first private slot |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Indices {
    pub(super) steal: u16,
    pub(super) real: u16,
    pub(super) split: u16,
}

impl Indices {
    #[inline(always)]
    fn unpack(word: u64) -> Self {
        Self {
            steal: word as u16,
            real: (word >> REAL) as u16,
            split: (word >> SPLIT) as u16,
        }
    }

    #[inline(always)]
    fn pack(self) -> u64 {
        u64::from(self.steal) | u64::from(self.real) << REAL | u64::from(self.split) << SPLIT
    }

    /// Elements that anyone may claim.
    #[inline(always)]
    pub(super) fn public(self) -> u16 {
        self.split.wrapping_sub(self.real)
    }

    /// Slots from the oldest that is still in use to the split.
    #[inline(always)]
    pub(super) fn shared_slots(self) -> u16 {
        self.split.wrapping_sub(self.steal)
    }

    /// Whether a thief is copying.
    #[inline(always)]
    pub(super) fn is_stealing(self) -> bool {
        self.steal != self.real
    }

    /// The owner removes the oldest `count` unclaimed elements, private ones too. Slots are free at
    /// once, unless a thief is copying.
    #[inline(always)]
    pub(super) fn with_oldest_removed(self, count: u16) -> Self {
        let real = self.real.wrapping_add(count);
        Self {
            steal: if self.is_stealing() && !mutated!("deque-owner-frees-under-a-thief") {
                self.steal
            } else {
                real
            },
            real,
            split: if count > self.public() {
                real
            } else {
                self.split
            },
        }
    }

    /// Nothing is public. The owner has removed what was private up to `first`, and makes the next `count` public.
    #[inline(always)]
    pub(super) fn with_published_from(self, first: u16, count: u16) -> Self {
        let frees = !self.is_stealing() || mutated!("deque-late-publish-frees-under-a-thief");
        Self {
            steal: if frees { first } else { self.steal },
            real: first,
            split: first.wrapping_add(count),
        }
    }

    /// The owner makes the youngest public element private again.
    #[inline(always)]
    pub(super) fn with_youngest_taken_back(self) -> Self {
        Self {
            split: self.split.wrapping_sub(1),
            ..self
        }
    }

    /// A thief claims the oldest `count` public elements; their slots stay in use.
    #[inline(always)]
    pub(super) fn with_claimed(self, count: u16) -> Self {
        let real = self.real.wrapping_add(count);
        let steal = if mutated!("deque-claim-frees") {
            real
        } else {
            self.steal
        };
        Self {
            steal,
            real,
            ..self
        }
    }

    /// The thief has copied what it claimed.
    #[inline(always)]
    pub(super) fn with_steal_finished(self) -> Self {
        Self {
            steal: self.real,
            ..self
        }
    }
}

/// The word itself.
#[derive(Debug)]
pub(super) struct Word(AtomicU64);

impl Word {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    #[inline(always)]
    pub(super) fn load(&self, order: Ordering) -> Indices {
        Indices::unpack(self.0.load(order))
    }

    #[inline(always)]
    pub(super) fn exchange(
        &self,
        from: Indices,
        to: Indices,
        success: Ordering,
    ) -> Result<(), Indices> {
        // Relaxed on failure: the next attempt's success orders what it read.
        self.0
            .compare_exchange(from.pack(), to.pack(), success, Ordering::Relaxed)
            .map(drop)
            .map_err(Indices::unpack)
    }

    /// Makes the oldest `count` private elements public; returns what it is then.
    #[inline(always)]
    pub(super) fn publish(&self, count: u16) -> Indices {
        let more = u64::from(count) << SPLIT;
        // Release: pairs with the Acquire of a thief's claim, which sees the slots, and what the
        // elements point to, as they are now.
        let before = self
            .0
            .fetch_add(more, ordering!(Release, "deque-publish-relaxed"));
        Indices::unpack(before.wrapping_add(more))
    }

    /// As [`publish`](Self::publish), when the word is behind the owner, whose first private element is at `first`.
    pub(super) fn publish_from(&self, first: u16, count: u16) -> Indices {
        // Relaxed: the exchange confirms it.
        let mut indices = self.load(Ordering::Relaxed);
        loop {
            let published = indices.with_published_from(first, count);
            // Release: as in `publish`.
            match self.exchange(
                indices,
                published,
                ordering!(Release, "deque-late-publish-relaxed"),
            ) {
                Ok(()) => return published,
                Err(changed) => indices = changed,
            }
        }
    }
}
