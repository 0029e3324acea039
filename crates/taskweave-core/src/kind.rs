//! How long bodies of a kind take: the measurement behind "a wake must pay".
//!
//! A futex wake costs the waker about 10 µs and the sleeper 16–18 µs, so four empty tasks are best
//! run where they are and four long ones shared at once. Nobody can tell which is which but by
//! measuring. Each worker keeps a small direct-mapped table from *kind* (the address of a body's
//! code) to an estimate of its length in clock ticks:
//!
//! * an unknown kind counts as long, and is measured the first time it runs;
//! * from then on one body in [`SAMPLE`] is, if anything is queued behind it, and a short one more seldom while everybody is busy: a look at the clock costs as much as many a body;
//! * a longer sample replaces the estimate at once, a shorter one moves it by a sixteenth of the distance;
//! * the kind that was found to be short last is remembered until a sample says otherwise, and while everybody is busy nothing else is asked;
//! * beside the estimate stands what's usual, which no single sample moves by more than a sixteenth of itself: for decisions that cost little, and are taken often.
//!
//! The worst case: a kind that is known to be short, and usually below an eighth of a microsecond, turns long while everybody is busy. The bodies until the next measurement are
//! mispredicted, at most 64 of them, four turns' worth: what waits behind them on this worker stays private for as long as they run. From then on it is long. If somebody is idle, that's
//! [`SAMPLE`] of them at most. So a vertex of a graph must not wait, by means of its own, for one that no edge puts before it: that takes a second worker and some luck.

use core::cell::Cell;

use taskweave_sys::machine::clock;

/// One body in so many is measured.
const SAMPLE: u8 = 16;
/// A shorter sample moves the estimate by this part of the distance: bodies of one kind that are mostly short and now
/// and then long count as long.
const MEMORY: u32 = 16;
const SLOTS: usize = 32;
/// A body below this part of a microsecond is short.
const SHORT_PARTS: u64 = 8;

#[derive(Clone, Copy, Default)]
struct Entry {
    kind: usize,
    ticks: u32,
    usual: u32,
    until_sample: u8,
}

/// The estimates of one worker.
pub(crate) struct Kinds {
    /// The kind that was last found to be short, by its last sample or later. 0: none.
    short: Cell<usize>,
    table: [Cell<Entry>; SLOTS],
    ticks_per_us: u64,
}

/// What's known of a kind before its body runs.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Estimate {
    /// `None`: never measured on this worker.
    ticks: Option<u32>,
    /// What most bodies of the kind take: moved little by one that takes much longer than the others.
    usual: u32,
}

/// A body whose length is being measured.
#[derive(Clone, Copy)]
pub(crate) struct Measure {
    pub(crate) kind: usize,
    pub(crate) start: u64,
}

impl Kinds {
    pub(crate) fn new() -> Self {
        Kinds {
            short: Cell::new(0),
            table: core::array::from_fn(|_| Cell::new(Entry::default())),
            ticks_per_us: clock::ticks_per_us().max(1),
        }
    }

    #[inline]
    fn slot(&self, kind: usize) -> &Cell<Entry> {
        // Code is aligned to 16 bytes; fold the higher bits in.
        let index = (kind >> 4) ^ (kind >> 9);
        &self.table[index % SLOTS]
    }

    /// What's known of the kind of a body that is about to run, and whether it's due for its sample.
    #[inline]
    pub(crate) fn before_body(&self, kind: usize) -> (Estimate, bool) {
        let slot = self.slot(kind);
        let mut entry = slot.get();
        if entry.kind != kind {
            return (Estimate::default(), true);
        }
        let estimate = Estimate {
            ticks: Some(entry.ticks),
            usual: entry.usual,
        };
        if u64::from(entry.ticks.max(entry.usual)) < self.short_ticks() {
            self.short.set(kind);
        }
        let is_due = entry.until_sample == 0;
        if !is_due {
            entry.until_sample -= 1;
            slot.set(entry);
        }
        (estimate, is_due)
    }

    /// Whether bodies of this kind are known to be so short that even to look at a queue costs a tenth of them. The answer for one kind is remembered until
    /// a sample says otherwise: one comparison.
    #[inline]
    pub(crate) fn is_known_short(&self, kind: usize) -> bool {
        self.short.get() == kind
    }

    /// Below so many ticks bodies are short: to make what waits behind them public, and to take it back, costs a tenth of them or more.
    #[inline]
    pub(crate) fn short_ticks(&self) -> u64 {
        self.us(1) / SHORT_PARTS
    }

    /// Whether bodies of this kind are known, and most take at least `ticks`.
    #[inline]
    pub(crate) fn is_usually(&self, kind: usize, ticks: u64) -> bool {
        let entry = self.slot(kind).get();
        entry.kind == kind && u64::from(entry.usual) >= ticks
    }

    /// Records that a body of this kind took `ticks`.
    pub(crate) fn record(&self, kind: usize, ticks: u64) {
        let slot = self.slot(kind);
        let entry = slot.get();
        let sample = u32::try_from(ticks).unwrap_or(u32::MAX);
        let estimate = if entry.kind != kind || sample >= entry.ticks {
            sample
        } else {
            entry.ticks - (entry.ticks - sample).div_ceil(MEMORY)
        };
        let usual = if entry.kind != kind {
            sample
        } else if sample > entry.usual {
            entry.usual + (sample - entry.usual).min(entry.usual).div_ceil(MEMORY)
        } else {
            entry.usual - (entry.usual - sample) / MEMORY
        };
        // By the estimate, too: one that was long once may be so again.
        if u64::from(estimate.max(usual)) < self.short_ticks() {
            self.short.set(kind);
        } else if self.short.get() == kind {
            self.short.set(0);
        }
        slot.set(Entry {
            kind,
            ticks: estimate,
            usual,
            until_sample: SAMPLE - 1,
        });
    }

    /// Records how long a body took that has ended just now.
    pub(crate) fn record_since(&self, Measure { kind, start }: Measure) {
        self.record(kind, self.now().saturating_sub(start));
    }

    pub(crate) fn now(&self) -> u64 {
        clock::ticks()
    }

    /// `us` microseconds in clock ticks.
    #[inline]
    pub(crate) fn us(&self, us: u64) -> u64 {
        us * self.ticks_per_us
    }
}

impl Estimate {
    /// Whether most bodies of this kind take at least `ticks`.
    #[inline]
    pub(crate) fn is_usually(self, ticks: u64) -> bool {
        self.ticks.is_none() || u64::from(self.usual) >= ticks
    }

    /// Whether `n` bodies of this kind are expected to take at least `ticks` together.
    #[inline]
    pub(crate) fn at_least(self, n: usize, ticks: u64) -> bool {
        match self.ticks {
            None => true,
            Some(each) => u64::from(each) * n as u64 >= ticks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_long_and_one_long_sample_is_believed() {
        let kinds = Kinds::new();
        assert!(kinds.before_body(0x1000).0.at_least(1, u64::MAX));
        kinds.record(0x1000, 10);
        assert!(!kinds.before_body(0x1000).0.at_least(1, 11));
        assert!(kinds.before_body(0x1000).0.at_least(4, 40));
        kinds.record(0x1000, 1_000_000);
        assert!(kinds.before_body(0x1000).0.at_least(1, 1_000_000));
        for _ in 0..400 {
            kinds.record(0x1000, 10);
        }
        assert!(!kinds.before_body(0x1000).0.at_least(1, 11));
    }

    #[test]
    fn samples_come_round() {
        let kinds = Kinds::new();
        assert!(kinds.before_body(0x40).1);
        kinds.record(0x40, 5);
        let due = (0..64).filter(|_| {
            let due = kinds.before_body(0x40).1;
            if due {
                kinds.record(0x40, 5);
            }
            due
        });
        assert_eq!(due.count(), 64 / usize::from(SAMPLE));
    }
}
