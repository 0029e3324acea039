//! The levels of the tree: setting, clearing, searching. Who is told of it is not their business.

use std::collections::TryReserveError;

use super::words::Words;
use crate::{
    signal::nearest,
    sync::atomic::{AtomicU64, Ordering},
};

/// How many bits of a word are used: all, except in models, which can't have that many.
pub(super) const FAN: usize = if cfg!(taskweave_loom) { 2 } else { 64 };
/// The level of the leaves and those above.
const LEVELS: usize = 4;
/// So many leaves fit under the one word of the highest level.
pub(super) const MOST_LEAVES: usize = FAN.pow(LEVELS as u32 - 1);

/// Bit *b* of word *w* of a level says that word *w* · 64 + *b* of the level below isn't zero; on
/// level 0, that the signal word of this number isn't.
pub(super) struct Levels([Words; LEVELS]);

impl Levels {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Words::new()))
    }

    /// Makes room for `leaves` leaves, and for the words above them. One thread at a time.
    pub(super) fn ensure(&self, leaves: usize) -> Result<(), TryReserveError> {
        let mut count = leaves;
        for level in &self.0 {
            level.ensure(count)?;
            count = count.div_ceil(FAN);
        }
        Ok(())
    }

    /// The word of a leaf, if there is room for it.
    pub(super) fn leaf(&self, leaf: usize) -> Option<&AtomicU64> {
        self.0[0].get(leaf)
    }

    /// Sets the bit of a signal word, and those above as far as words were zero; returns whether it
    /// was clear. Ends with a read-modify-write.
    pub(super) fn set(&self, word: usize) -> bool {
        let before = self.set_from(0, word);
        before & bit(word) == 0
    }

    /// Sets bit `index` of `level` and those above as far as words were zero; returns what the first
    /// word was before. One who finds a word that isn't zero need not go on: the one that found it
    /// zero does, or has.
    fn set_from(&self, level: usize, mut index: usize) -> u64 {
        let mut first = None;
        for level in &self.0[level..] {
            let Some(word) = level.get(index / FAN) else {
                break;
            };
            // Release: pairs with the Acquire in `clear`, whose caller looks below afterwards.
            let before = word.fetch_or(bit(index), Ordering::Release);
            first.get_or_insert(before);
            if before != 0 {
                break;
            }
            index /= FAN;
        }
        first.unwrap_or(0)
    }

    /// Clears the bit of a signal word; returns whether it was set, and whether that leaves its leaf
    /// at zero. The caller looks at the signal word after this.
    pub(super) fn clear_word(&self, word: usize) -> (bool, bool) {
        let before = self.clear(0, word);
        (before & bit(word) != 0, before & !bit(word) == 0)
    }

    /// Clears the bits above a leaf that is zero, as far as words become zero, each with another
    /// look below.
    pub(super) fn clear_above(&self, leaf: usize) {
        let mut index = leaf;
        for level in 1..LEVELS {
            let before = self.clear(level, index);
            let below = self.0[level - 1].get(index);
            // Acquire: pairs with the Release in `set_from`.
            let active = below.is_some_and(|below| below.load(Ordering::Acquire) != 0);
            if active && !mutated!("summary-level-without-look") {
                self.set_from(level, index);
                return;
            }
            if before & !bit(index) != 0 {
                return;
            }
            index /= FAN;
        }
    }

    fn clear(&self, level: usize, index: usize) -> u64 {
        self.0[level].get(index / FAN).map_or(0, |word| {
            // Acquire: pairs with the Release in `set_from`.
            word.fetch_and(!bit(index), ordering!(Acquire, "summary-clear-relaxed"))
        })
    }

    /// The marked signal word nearest to `from`, the lower of two.
    pub(super) fn nearest(&self, from: usize) -> Option<usize> {
        match (self.at_or_after(from), self.at_or_before(from)) {
            (Some(above), Some(below)) if above - from < from - below => Some(above),
            (above, below) => below.or(above),
        }
    }

    /// The marked signal word of `leaf` that is nearest to `from`.
    pub(super) fn nearest_in(&self, leaf: usize, from: usize) -> Option<usize> {
        let first = leaf * FAN;
        let place = from.clamp(first, first + FAN - 1) - first;
        Some(first + nearest(self.bits(0, leaf)?, place as u32)? as usize)
    }

    fn at_or_after(&self, from: usize) -> Option<usize> {
        let (mut level, mut at) = (0, from);
        loop {
            let word = at / FAN;
            let bits = self.bits(level, word)? & u64::MAX << (at % FAN);
            if bits == 0 {
                // The next one, if any, is behind this word, as seen from the level above.
                level += 1;
                at = word + 1;
                if level == LEVELS {
                    return None;
                }
                continue;
            }
            let found = word * FAN + bits.trailing_zeros() as usize;
            if level == 0 {
                return Some(found);
            }
            // A stale bit: the word below turns out to be zero, and the search comes back up.
            level -= 1;
            at = found * FAN;
        }
    }

    fn at_or_before(&self, from: usize) -> Option<usize> {
        let (mut level, mut at) = (0, from);
        loop {
            let word = at / FAN;
            let bits = self.bits(level, word).unwrap_or(0) & u64::MAX >> (63 - at % FAN);
            if bits == 0 {
                level += 1;
                at = word.checked_sub(1)?;
                if level == LEVELS {
                    return None;
                }
                continue;
            }
            let found = word * FAN + bits.ilog2() as usize;
            if level == 0 {
                return Some(found);
            }
            level -= 1;
            at = found * FAN + FAN - 1;
        }
    }

    fn bits(&self, level: usize, word: usize) -> Option<u64> {
        // Acquire: for those who look at a signal word because of its bit.
        Some(self.0[level].get(word)?.load(Ordering::Acquire))
    }
}

fn bit(index: usize) -> u64 {
    1 << (index % FAN)
}
