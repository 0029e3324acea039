#![doc = include_str!("README.md")]

mod control;
mod ends;
mod lane;

use std::fmt;
use std::sync::PoisonError;

use crossbeam_utils::CachePadded;
use taskweave_sys::sync::atomic::{AtomicU64, Ordering};
use taskweave_sys::sync::{Arc, Mutex, MutexGuard};

use crate::{Chainable, Medium};
use control::Control;

pub use ends::{Reader, Writer};

/// Writers and readers that keep up at the price of a ring, and laggards at the price of a merged log. See the [module](self).
///
/// A handle; clones are the same exchange.
///
/// ```
/// use taskweave_progress::{Exchange, Receiver, Sender};
/// use timely::progress::ChangeBatch;
///
/// let exchange = Exchange::<ChangeBatch<u64>>::new();
/// let mut reader = exchange.reader();
/// let mut writer = exchange.writer();
///
/// // Time 3 is left for time 4, a hundred thousand times over; nobody reads meanwhile.
/// let mut batch = ChangeBatch::new();
/// for time in 0..100_000 {
///     batch.update(time, -1);
///     batch.update(time + 1, 1);
///     writer.send(&mut batch);
/// }
/// let mut changes = ChangeBatch::new();
/// assert!(reader.recv(&mut changes));
/// assert_eq!(changes.into_inner().to_vec(), [(0, -1), (100_000, 1)]);
/// ```
pub struct Exchange<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    /// How often a lane was made or a ring replaced.
    layout: CachePadded<AtomicU64>,
    control: Mutex<Control<T>>,
}

/// What an [`Exchange`] consists of at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Rings in use: as many as there ever were writers at a time.
    pub lanes: usize,
    /// Registered readers.
    pub readers: usize,
    /// Those of them that were demoted and haven't received since.
    pub laggards: usize,
    /// Nodes of the laggards' log, its base included: at most laggards + 2 while nobody is within a receive.
    pub nodes: usize,
    /// What log and debts hold, counted in entries.
    pub entries: usize,
    /// How often a reader was demoted.
    pub demotions: u64,
    /// How often a writer had to leave a ring to a reader that stalled within a receive.
    pub replaced_rings: u64,
}

impl<T: Chainable> Exchange<T> {
    /// How many batches a ring holds unless told otherwise.
    pub const RING: usize = 64;
    /// The most that a ring may hold.
    pub const MAX_RING: usize = 1 << 20;

    /// An exchange without writers and readers, with rings of [`RING`](Self::RING) batches.
    pub fn new() -> Self {
        Self::with_ring(Self::RING)
    }

    /// An exchange whose rings hold about `batches`: rounded up to a power of two, at least 2, at most [`MAX_RING`](Self::MAX_RING). The larger, the more a reader may be behind before it costs
    /// anything, and the more memory for each writer.
    pub fn with_ring(batches: usize) -> Self {
        let size = batches.clamp(2, Self::MAX_RING).next_power_of_two();
        Self {
            shared: Arc::new(Shared {
                layout: CachePadded::new(AtomicU64::new(0)),
                control: Mutex::new(Control::new(size as u64)),
            }),
        }
    }

    /// One more writer. Takes over the ring of one that was dropped, or allocates one.
    pub fn writer(&self) -> Writer<T> {
        Writer::new(&self.shared)
    }

    /// One more reader, which hears of what is sent from now on.
    pub fn reader(&self) -> Reader<T> {
        Reader::new(&self.shared)
    }

    /// Counts of what there is. Takes the lock.
    pub fn stats(&self) -> Stats {
        self.shared.lock().stats()
    }
}

impl<T: Chainable> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Control<T>> {
        // A merge that panicked under the lock has lost a batch, as its documentation says, and the rest is whole.
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lanes have been made or rings replaced. Under the lock.
    fn layout_changes(&self) {
        // Release: pairs with the Acquire in `Reader::begin`, although a lane's `publish`, which comes later, would do.
        self.layout.fetch_add(1, Ordering::Release);
    }
}

impl<T: Chainable> Medium<T> for Exchange<T> {
    type Writer = Writer<T>;
    type Reader = Reader<T>;

    fn writer(&self) -> Writer<T> {
        Exchange::writer(self)
    }

    fn reader(&self) -> Reader<T> {
        Exchange::reader(self)
    }

    /// The nodes of the laggards' log.
    fn length(&self) -> usize {
        self.stats().nodes
    }
}

impl<T: Chainable> Default for Exchange<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Exchange<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for Exchange<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

#[cfg(all(test, taskweave_loom))]
mod models;
