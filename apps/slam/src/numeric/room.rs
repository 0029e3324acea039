//! Places in scratch memory, found when the plan is made.
//!
//! A front's update matrix lives from its own factorisation to its parent's, so places are given back in another order than they are taken. A place goes
//! into the smallest gap that has room, the first of several, or to the end. Taking and giving back cost the logarithm of the number of gaps: a star has
//! as many places at once as it has leaves.

use std::collections::{BTreeMap, BTreeSet};

/// The gaps between what is taken.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// Length by offset; no two of them touch, and none touches the end.
    gaps: BTreeMap<usize, usize>,
    /// The same, by length.
    by_length: BTreeSet<(usize, usize)>,
    /// Where the last place ends.
    end: usize,
    /// The most that was in use: where the last place ever ended.
    pub(crate) length: usize,
}

impl Room {
    /// The offset of a free place of this length, which isn't zero.
    pub(crate) fn take(&mut self, length: usize) -> usize {
        match self.by_length.range((length, 0)..).next() {
            Some(&(room, at)) => {
                self.remove_gap(at);
                self.add_gap(at + length, room - length);
                at
            }
            None => {
                let at = self.end;
                self.end += length;
                self.length = self.length.max(self.end);
                at
            }
        }
    }

    /// Frees a place that was taken, with its length.
    pub(crate) fn give_back(&mut self, at: usize, length: usize) {
        let (mut start, mut end) = (at, at + length);
        if let Some((&before, &room)) = self.gaps.range(..at).next_back()
            && before + room == start
        {
            start = before;
            self.remove_gap(before);
        }
        if let Some(&room) = self.gaps.get(&end) {
            self.remove_gap(end);
            end += room;
        }
        if end == self.end {
            self.end = start;
        } else {
            self.add_gap(start, end - start);
        }
    }

    fn add_gap(&mut self, at: usize, length: usize) {
        if length > 0 {
            self.gaps.insert(at, length);
            self.by_length.insert((length, at));
        }
    }

    fn remove_gap(&mut self, at: usize) {
        let length = self.gaps.remove(&at).expect("a gap begins here");
        self.by_length.remove(&(length, at));
    }

    /// How many gaps there are between what is taken.
    #[cfg(test)]
    pub(crate) fn gaps(&self) -> usize {
        self.gaps.len()
    }
}
