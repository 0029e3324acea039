//! An array of words that grows while others use it: what is there never moves.

use std::{
    collections::TryReserveError,
    ptr::{self, NonNull},
};

use crate::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// The words of the first segment; every later one is as large as all before it together.
const FIRST: usize = if cfg!(taskweave_loom) { 2 } else { 64 };
/// Enough for the leaves of the largest tree.
const SEGMENTS: usize = if cfg!(taskweave_loom) { 3 } else { 13 };

/// The array. Segments are appended, by one thread at a time, and freed with it.
pub(super) struct Words {
    /// Null, or a boxed slice of as many words as `size` says for this place.
    segments: [AtomicPtr<AtomicU64>; SEGMENTS],
}

impl Words {
    pub(super) fn new() -> Self {
        Self {
            segments: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        }
    }

    /// Makes room for `count` words, zero at first. To be called by one thread at a time.
    pub(super) fn ensure(&self, count: usize) -> Result<(), TryReserveError> {
        let segments = (0..SEGMENTS).take_while(|&segment| start(segment) < count);
        for segment in segments {
            // Relaxed: written by those who call this, who take turns.
            if self.segments[segment].load(Ordering::Relaxed).is_null() {
                let mut words = Vec::new();
                words.try_reserve_exact(size(segment))?;
                words.extend((0..size(segment)).map(|_| AtomicU64::new(0)));
                let words: *mut [AtomicU64] = Box::into_raw(words.into_boxed_slice());
                // Release: pairs with the Acquire in `get`.
                self.segments[segment].store(words.cast(), Ordering::Release);
            }
        }
        Ok(())
    }

    /// A word, if there is room for it.
    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&AtomicU64> {
        let segment = segment_of(index);
        // Acquire: pairs with the Release in `ensure`.
        let words = NonNull::new(self.segments.get(segment)?.load(Ordering::Acquire))?;
        // SAFETY: the segment has `size(segment)` words, and `segment_of` is the segment whose
        // words begin at `start(segment)` and include `index`.
        let word = unsafe { words.add(index - start(segment)) };
        // SAFETY: the word is initialised and only shared from then on, and lives as long as `self`,
        // which alone frees it.
        Some(unsafe { word.as_ref() })
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        for (segment, words) in self.segments.iter().enumerate() {
            // Relaxed: whoever drops it has it alone.
            let words = words.load(Ordering::Relaxed);
            if !words.is_null() {
                let words = ptr::slice_from_raw_parts_mut(words, size(segment));
                // SAFETY: made by `Box::into_raw` from a slice of this length, and freed once, as
                // nobody else has the array any more.
                drop(unsafe { Box::from_raw(words) });
            }
        }
    }
}

fn segment_of(index: usize) -> usize {
    match (index / FIRST).checked_ilog2() {
        None => 0,
        Some(doublings) => doublings as usize + 1,
    }
}

fn start(segment: usize) -> usize {
    match segment {
        0 => 0,
        later => FIRST << (later - 1),
    }
}

fn size(segment: usize) -> usize {
    match segment {
        0 => FIRST,
        later => FIRST << (later - 1),
    }
}

#[cfg(all(test, not(any(taskweave_loom, taskweave_shuttle))))]
mod tests {
    use super::{FIRST, Ordering, SEGMENTS, Words, segment_of, size, start};

    #[test]
    fn segments_follow_one_another() {
        for segment in 1..SEGMENTS {
            assert_eq!(start(segment), start(segment - 1) + size(segment - 1));
            assert_eq!(segment_of(start(segment)), segment);
            assert_eq!(segment_of(start(segment) - 1), segment - 1);
        }
    }

    #[test]
    fn words_stay_where_they_are() {
        let words = Words::new();
        assert!(words.get(0).is_none());
        words.ensure(1).unwrap();
        assert!(words.get(FIRST - 1).is_some() && words.get(FIRST).is_none());
        let before: *const _ = words.get(3).unwrap();
        words.get(3).unwrap().store(7, Ordering::Relaxed);
        words.ensure(10 * FIRST).unwrap();
        assert_eq!(before, std::ptr::from_ref(words.get(3).unwrap()));
        assert_eq!(words.get(3).unwrap().load(Ordering::Relaxed), 7);
        assert_eq!(
            words.get(10 * FIRST - 1).unwrap().load(Ordering::Relaxed),
            0
        );
        assert!(words.get(usize::MAX).is_none());
    }
}
