//! What the tests share: batches that tell on whoever loses, splits or repeats them.
#![allow(dead_code, reason = "each test program uses its part")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use taskweave_progress::{Chainable, Receiver, Subtract};

/// How many parts each batch has.
const PARTS: u32 = 3;

/// Which parts of which batches of which writers, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace(BTreeMap<(u32, u32, u32), i64>);

impl Trace {
    /// One whole batch.
    pub(crate) fn batch(writer: u32, number: u32) -> Self {
        Self((0..PARTS).map(|part| ((writer, number, part), 1)).collect())
    }

    /// Adds, and never cancels: what was read twice stays.
    fn add(&mut self, other: &Self, sign: i64) {
        for (key, count) in &other.0 {
            let sum = self.0.entry(*key).or_default();
            *sum += sign * count;
            if *sum == 0 {
                self.0.remove(key);
            }
        }
    }

    /// Of each writer: the first batch and the one after the last. Panics unless all between are there, whole, once.
    #[track_caller]
    pub(crate) fn ranges(&self) -> BTreeMap<u32, (u32, u32)> {
        let mut ranges: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
        for (&(writer, number, part), &count) in &self.0 {
            assert_eq!(count, 1, "batch {number} of writer {writer}, part {part}");
            let range = ranges.entry(writer).or_insert((number, number));
            if part == 0 {
                assert_eq!(range.1, number, "writer {writer}: a gap");
                range.1 = number + 1;
            }
        }
        let whole: u32 = ranges.values().map(|(from, to)| to - from).sum();
        assert_eq!(self.0.len() as u32, whole * PARTS, "a batch was split");
        ranges
    }
}

impl Chainable for Trace {
    fn merge(&mut self, other: &Self) {
        self.add(other, 1);
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn is_neutral(&mut self) -> bool {
        self.0.is_empty()
    }

    fn entries(&self) -> usize {
        self.0.len()
    }
}

impl Subtract for Trace {
    fn subtract(&mut self, other: &Self) {
        self.add(other, -1);
    }
}

/// A receive whose fold panics at piece `at`, after it has taken note of it. How many pieces it got.
pub(crate) fn recv_and_panic(
    reader: &mut impl Receiver<Trace>,
    into: &mut Trace,
    at: usize,
) -> usize {
    let mut pieces = 0;
    let _ = catch_unwind(AssertUnwindSafe(|| {
        reader.recv_with(|piece| {
            into.merge(&piece);
            pieces += 1;
            if pieces > at {
                std::panic::resume_unwind(Box::new("a fold panics"));
            }
        })
    }));
    pieces
}

/// A repeatable stream of numbers.
pub(crate) struct Choices(u64);

impl Choices {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
