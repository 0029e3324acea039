//! A bounded queue of small numbers: many threads say what is ready, one thread takes it.
//!
//! It's a part for drivers which must stay on their own thread: an event loop that owns what the numbers stand for, say, and lets workers tell it what
//! to go on with. Where any worker may go on, work belongs into the deques, which are cheaper and need no visit of the driver.
//!
//! # States
//!
//! A ring of a power of two of cells, each empty ([`ReadyRing::SENTINEL`]) or full, and two counts that only grow: `tail`, places given to pushers, and `head`, places
//! the taker is done with.
//!
//! * **Push**: while `tail − head` is less than the capacity, take the place `tail` by an exchange of `tail`; then store the value in its cell.
//! * **Take**: look at the cell of `head`. If it's empty, there is nothing, or a pusher that has its place hasn't stored its value: later ones wait behind it.
//!   Else empty the cell, and then count `head` up.
//!
//! # Why it holds
//!
//! *No cell is written while it's full.* A pusher has seen a `head` that is less than a round behind its place, by an Acquire that pairs with the taker's Release: so the
//! taker has emptied the cell of the round before. *No value is taken twice or lost:* places are given once, by the exchange; there is one taker, by its type; values are never the sentinel.
//! *What a pusher did before is seen by the taker:* the cell is stored with Release and looked at with Acquire. *A stale `head`* only makes the ring look fuller than it is.

use core::fmt;

use crossbeam_utils::CachePadded;

use crate::sync::Arc;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// The pushing end, for any number of threads. Clones push into the same ring.
#[derive(Clone)]
pub struct ReadyRing {
    ring: Arc<Ring>,
}

/// The taking end, for one thread at a time.
pub struct Taker {
    ring: Arc<Ring>,
}

struct Ring {
    cells: Box<[AtomicUsize]>,
    tail: CachePadded<AtomicUsize>,
    head: CachePadded<AtomicUsize>,
}

/// Why a value wasn't pushed. It is handed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// The ring is full: the taker has to take something first.
    Full {
        /// The value.
        value: usize,
        /// How many the ring holds.
        capacity: usize,
    },
    /// The value is the one that stands for an empty cell.
    Sentinel,
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PushError::Full { value, capacity } => write!(
                f,
                "the ring holds {capacity} values already, so {value} has to wait until one is taken"
            ),
            PushError::Sentinel => {
                write!(
                    f,
                    "{} stands for nothing; push something smaller",
                    usize::MAX
                )
            }
        }
    }
}

impl std::error::Error for PushError {}

impl fmt::Debug for ReadyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadyRing")
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Taker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taker").finish_non_exhaustive()
    }
}

impl Ring {
    fn cell(&self, place: usize) -> &AtomicUsize {
        &self.cells[place & (self.cells.len() - 1)]
    }
}

impl ReadyRing {
    /// The value that can't be pushed.
    pub const SENTINEL: usize = usize::MAX;

    /// A ring of at least `capacity` values, rounded up to a power of two that is at least 2. The only allocations.
    ///
    /// # Panics
    /// If there is no such power of two. Memory that isn't there ends the process, as in every allocation.
    ///
    /// ```
    /// use taskweave_sys::ready_ring::{PushError, ReadyRing};
    ///
    /// let (ring, mut taker) = ReadyRing::with_capacity(1);
    /// assert_eq!(ring.capacity(), 2);
    /// ring.push(7)?;
    /// ring.push(8)?;
    /// assert_eq!(ring.push(9), Err(PushError::Full { value: 9, capacity: 2 }));
    /// assert_eq!(ring.push(ReadyRing::SENTINEL), Err(PushError::Sentinel));
    /// assert_eq!((taker.take(), taker.take(), taker.take()), (Some(7), Some(8), None));
    /// # Ok::<(), PushError>(())
    /// ```
    pub fn with_capacity(capacity: usize) -> (ReadyRing, Taker) {
        let Some(capacity) = capacity.max(2).checked_next_power_of_two() else {
            panic!("a ring of {capacity} values is more than any memory holds");
        };
        let ring = Arc::new(Ring {
            cells: (0..capacity)
                .map(|_| AtomicUsize::new(Self::SENTINEL))
                .collect(),
            tail: CachePadded::new(AtomicUsize::new(0)),
            head: CachePadded::new(AtomicUsize::new(0)),
        });
        let taker = Taker {
            ring: Arc::clone(&ring),
        };
        (ReadyRing { ring }, taker)
    }

    /// How many values it holds.
    pub fn capacity(&self) -> usize {
        self.ring.cells.len()
    }

    /// Adds a value behind all that have a place already. One exchange, one store.
    ///
    /// # Errors
    /// [`PushError`], with the value.
    pub fn push(&self, value: usize) -> Result<(), PushError> {
        if value == Self::SENTINEL {
            return Err(PushError::Sentinel);
        }
        let ring = &*self.ring;
        let capacity = self.capacity();
        // Relaxed: the exchange decides.
        let mut tail = ring.tail.load(Ordering::Relaxed);
        loop {
            // Acquire: pairs with the Release in `take`, so that the cell of this place has been emptied.
            let head = ring.head.load(ordering!(Acquire, "ring-room-relaxed"));
            let now = ring.tail.load(Ordering::Relaxed);
            if now != tail && !mutated!("ring-stale-tail") {
                // A count of before, perhaps older than `head`.
                tail = now;
                continue;
            }
            if tail.wrapping_sub(head) >= capacity {
                return Err(PushError::Full { value, capacity });
            }
            // Relaxed: the place says nothing of the value; the cell does.
            match ring.tail.compare_exchange_weak(
                tail,
                tail.wrapping_add(1),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => tail = now,
            }
        }
        // Release: pairs with the Acquire in `take`.
        ring.cell(tail)
            .store(value, ordering!(Release, "ring-push-relaxed"));
        Ok(())
    }
}

impl Taker {
    /// The oldest value, if it's there. One load if not; else a load and two stores.
    pub fn take(&mut self) -> Option<usize> {
        let ring = &*self.ring;
        // Relaxed: written by this end alone.
        let head = ring.head.load(Ordering::Relaxed);
        let cell = ring.cell(head);
        // Acquire: pairs with the Release in `push`.
        let value = cell.load(ordering!(Acquire, "ring-take-relaxed"));
        if value == ReadyRing::SENTINEL {
            return None;
        }
        // Relaxed: the count that follows publishes it.
        cell.store(ReadyRing::SENTINEL, Ordering::Relaxed);
        // Release: pairs with the Acquire in `push`.
        ring.head.store(
            head.wrapping_add(1),
            ordering!(Release, "ring-taken-relaxed"),
        );
        Some(value)
    }

    /// Drops what is there, and returns how much it was. Values whose pushers haven't stored them yet stay, and so do those behind them.
    pub fn reset(&mut self) -> usize {
        core::iter::from_fn(|| self.take()).count()
    }
}
