//! The outputs of a graph's tasks.

use taskweave_sys::sync::atomic::{AtomicU64, Ordering};

use super::fault::Found;
use crate::graph::{GraphSpec, PAIR};

/// One output after the other, each from the start of a cache line on.
#[derive(Debug)]
pub(super) struct Store {
    lines: Box<[Line]>,
    lines_each: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; 8]);

/// What a task hands to those that read it: pairs of its step, in the pass, and its point.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    lines: &'a [Line],
    bytes: usize,
}

impl Store {
    pub(super) fn new(cells: usize, spec: &GraphSpec) -> Self {
        let lines_each = spec.lines();
        Self {
            lines: (0..cells * lines_each).map(|_| Line::default()).collect(),
            lines_each,
            bytes: spec.output_bytes,
        }
    }

    #[inline]
    pub(super) fn output(&self, cell: usize) -> Output<'_> {
        let first = cell * self.lines_each;
        Output {
            lines: &self.lines[first..first + self.lines_each],
            bytes: self.bytes,
        }
    }
}

/// The word that says when an output was written.
#[inline]
fn stamp(pass: u32, step: u32) -> u64 {
    u64::from(pass) << 32 | u64::from(step)
}

impl<'a> Output<'a> {
    /// Its length.
    pub fn bytes(self) -> usize {
        self.bytes
    }

    /// Only as many bytes of it, at most all.
    #[must_use]
    pub fn shortened(self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        Self { bytes, ..self }
    }

    #[inline]
    fn pairs(self) -> impl Iterator<Item = (&'a AtomicU64, &'a AtomicU64)> {
        let words = self.lines.iter().flat_map(|line| line.0.as_chunks::<2>().0);
        words
            .take(self.bytes / PAIR)
            .map(|[step, point]| (step, point))
    }

    /// Whether every pair is this one. Relaxed throughout: an engine orders a task before those that read it, and where it doesn't, a wrong
    /// value shall be seen.
    #[inline]
    pub(super) fn holds(self, pass: u32, step: u32, point: u32) -> bool {
        self.holds_first(pass, step, point)
            && (self.bytes == PAIR || self.holds_all(pass, step, point))
    }

    fn holds_all(self, pass: u32, step: u32, point: u32) -> bool {
        let expected = (stamp(pass, step), u64::from(point));
        self.pairs().all(|(step, point)| {
            (step.load(Ordering::Relaxed), point.load(Ordering::Relaxed)) == expected
        })
    }

    /// Whether the first pair is this one.
    #[inline]
    pub(super) fn holds_first(self, pass: u32, step: u32, point: u32) -> bool {
        let [first, second, ..] = &self.lines[0].0;
        first.load(Ordering::Relaxed) == stamp(pass, step)
            && second.load(Ordering::Relaxed) == u64::from(point)
    }

    #[inline]
    pub(super) fn fill(self, pass: u32, step: u32, point: u32) {
        let fill = |first: &AtomicU64, second: &AtomicU64| {
            first.store(stamp(pass, step), Ordering::Relaxed);
            second.store(u64::from(point), Ordering::Relaxed);
        };
        let [first, second, ..] = &self.lines[0].0;
        fill(first, second);
        if self.bytes > PAIR {
            self.pairs().for_each(|(first, second)| fill(first, second));
        }
    }

    /// Each pair's step, without the pass, and its point.
    pub(super) fn words(self) -> impl Iterator<Item = (u32, u64)> + use<'a> {
        self.pairs().map(|(step, point)| {
            let step = step.load(Ordering::Relaxed) as u32;
            (step, point.load(Ordering::Relaxed))
        })
    }

    /// The first pair that tells something else than the first one, or the first.
    pub(super) fn found(self, pass: u32) -> Found {
        let mut pairs = self
            .pairs()
            .map(|(step, point)| (step.load(Ordering::Relaxed), point.load(Ordering::Relaxed)));
        let first = pairs.next().unwrap_or((0, 0));
        let (word, point) = pairs.find(|&pair| pair != first).unwrap_or(first);
        match (word >> 32) as u32 {
            0 => Found::Nothing,
            of if of == pass => Found::Pair {
                step: word as u32,
                point,
            },
            _ => Found::EarlierPass {
                step: word as u32,
                point,
            },
        }
    }
}
