//! A word of 64 signals, and what the summaries of such words share: the search for the nearest bit,
//! and the error for an index that isn't there.
//!
//! A signal says that there is something to do at a place: a queue that isn't empty, a future that
//! was woken. Setting one is a read-modify-write also if it is set already. That is what a word of
//! signals is good for: whoever [takes](Signal::take) them sees everything that was done before each
//! of them was set, by whoever set it last, too. A setter that only looked, and found its signal set,
//! could be overlooked: the taker may have swapped the word a moment before, and have looked at the
//! place a moment too early.
//!
//! The one that finds the word empty ([`Set::First`]) tells others that it no longer is, by a bit of
//! a [`WorkerWaker`](crate::waker::WorkerWaker) or a [`SummaryTree`](crate::summary::SummaryTree), or by
//! submitting a task that takes the word. The others needn't: that one has done so, or is about to.

use std::fmt;

use crate::sync::atomic::{AtomicU64, Ordering};

/// 64 signals in a word. See the [module](self).
///
/// ```
/// use taskweave_sys::signal::{Set, Signal};
///
/// let signal = Signal::new();
/// assert_eq!(signal.set(5)?, Set::First);
/// assert_eq!(signal.set(7)?, Set::Joined);
/// assert_eq!(signal.set(7)?, Set::Already);
/// assert_eq!(signal.take(), 1 << 5 | 1 << 7);
/// assert!(signal.is_empty());
/// # Ok::<(), taskweave_sys::signal::IndexOutOfRange>(())
/// ```
#[derive(Debug)]
pub struct Signal(AtomicU64);

/// What a signal met when it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// The word was empty: others have to be told that it no longer is.
    First,
    /// The word had other signals. Whoever set the first of them tells.
    Joined,
    /// The signal was set. What was done before is seen by whoever takes it, all the same.
    Already,
}

impl Signal {
    /// How many signals a word has.
    pub const COUNT: u64 = 64;

    const_unless_loom! {
        /// A word without signals.
        pub fn new() -> Self {
            Self(AtomicU64::new(0))
        }
    }

    /// Sets a signal. One read-modify-write, in every case.
    ///
    /// # Errors
    /// If `index` isn't below 64.
    #[inline]
    pub fn set(&self, index: u64) -> Result<Set, IndexOutOfRange> {
        let bit = bit_below(index, Self::COUNT, "signal")?;
        // Release: pairs with the Acquire of those who take it.
        let before = self.0.fetch_or(bit, Ordering::Release);
        Ok(match before {
            0 => Set::First,
            _ if before & bit == 0 => Set::Joined,
            _ => Set::Already,
        })
    }

    /// Takes all signals. One read-modify-write.
    #[inline]
    pub fn take(&self) -> u64 {
        // Acquire: pairs with the Release in `set`, of every setter since the word was last taken.
        self.0.swap(0, Ordering::Acquire)
    }

    /// Takes one signal, if it is set; returns whether it was. One read-modify-write.
    ///
    /// # Errors
    /// If `index` isn't below 64.
    #[inline]
    pub fn take_one(&self, index: u64) -> Result<bool, IndexOutOfRange> {
        let bit = bit_below(index, Self::COUNT, "signal")?;
        // Acquire: as in `take`.
        Ok(self.0.fetch_and(!bit, Ordering::Acquire) & bit != 0)
    }

    /// The signals at this moment.
    #[inline]
    pub fn bits(&self) -> u64 {
        // Acquire: pairs with the Release in `set`.
        self.0.load(Ordering::Acquire)
    }

    /// Whether there is none at this moment.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bits() == 0
    }

    /// The word itself, for [`try_unmark_if_empty`](crate::waker::WorkerWaker::try_unmark_if_empty)
    /// and its like, which look at it again.
    #[inline]
    pub fn word(&self) -> &AtomicU64 {
        &self.0
    }
}

impl Default for Signal {
    fn default() -> Self {
        Self::new()
    }
}

/// The set bit of `bits` that is nearest to place `from`; of two that are equally near, the lower
/// one. A place beyond the last one is taken for the last.
///
/// ```
/// use taskweave_sys::signal::nearest;
///
/// assert_eq!(nearest(0b1000_0010, 4), Some(1), "three places each way");
/// assert_eq!(nearest(0b1000_0010, 5), Some(7));
/// assert_eq!(nearest(0, 5), None);
/// ```
#[inline]
pub fn nearest(bits: u64, from: u32) -> Option<u32> {
    let from = from.min(63);
    let (above, below) = (bits >> from, bits << (63 - from));
    let (up, down) = (above.trailing_zeros(), below.leading_zeros());
    match (above, below) {
        (0, 0) => None,
        (_, 0) => Some(from + up),
        (0, _) => Some(from - down),
        _ if down <= up => Some(from - down),
        _ => Some(from + up),
    }
}

/// An index that isn't there. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexOutOfRange {
    /// What was counted: "summary word", for one.
    pub what: &'static str,
    /// The index.
    pub index: u64,
    /// How many there are: the least index that isn't there.
    pub limit: u64,
}

impl IndexOutOfRange {
    pub(crate) fn check(what: &'static str, index: u64, limit: u64) -> Result<(), Self> {
        if index < limit {
            Ok(())
        } else {
            Err(Self { what, index, limit })
        }
    }
}

impl fmt::Display for IndexOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, index, limit } = self;
        write!(f, "there is no {what} {index}: use one below {limit}")
    }
}

impl std::error::Error for IndexOutOfRange {}

/// The bit of `index`, which must be below `limit`, which is at most 64.
#[inline]
pub(crate) fn bit_below(
    index: u64,
    limit: u64,
    what: &'static str,
) -> Result<u64, IndexOutOfRange> {
    IndexOutOfRange::check(what, index, limit)?;
    Ok(1 << index)
}
