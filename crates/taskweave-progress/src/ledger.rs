//! Ledger: one sum of everything that was ever sent.

use std::fmt;
use std::sync::PoisonError;

use taskweave_sys::sync::atomic::{AtomicU64, Ordering};
use taskweave_sys::sync::{Arc, Mutex, MutexGuard};

use crate::chainable::Subtract;
use crate::{Atom, Chainable, Medium, Receiver, Sender};

/// The sum of everything that was ever sent; a reader takes off what it has seen. For comparison.
///
/// Nothing is kept for readers, however many there are and however far behind. But a receive costs all that is alive, not only what has changed. Use
/// [`Exchange`](crate::Exchange).
pub struct Ledger<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    sum: Mutex<T>,
    changes: AtomicU64,
}

/// A reader of a [`Ledger`], with a copy of the sum as of its last look.
pub struct LedgerReader<T> {
    shared: Arc<Shared<T>>,
    seen: T,
    changes: u64,
}

impl<T: Chainable> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, T> {
        self.sum.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sum and the number of changes that have led to it.
    fn copy(&self) -> (T, u64) {
        let mut copy = T::default();
        let mut sum = self.lock();
        sum.tidy();
        copy.merge(&sum);
        // Relaxed: under the lock.
        (copy, self.changes.load(Ordering::Relaxed))
    }
}

impl<T: Subtract> Ledger<T> {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                sum: Mutex::new(T::default()),
                changes: AtomicU64::new(0),
            }),
        }
    }
}

impl<T: Subtract> Medium<T> for Ledger<T> {
    type Writer = Self;
    type Reader = LedgerReader<T>;

    fn writer(&self) -> Self {
        self.clone()
    }

    fn reader(&self) -> LedgerReader<T> {
        let (seen, changes) = self.shared.copy();
        LedgerReader {
            shared: Arc::clone(&self.shared),
            seen,
            changes,
        }
    }

    /// One, always.
    fn length(&self) -> usize {
        1
    }
}

impl<T: Chainable> Sender<T> for Ledger<T> {
    fn send(&mut self, batch: &mut T) {
        if batch.is_neutral() {
            return;
        }
        let mut sum = self.shared.lock();
        sum.absorb(batch);
        // Release: pairs with the Acquire in `recv_with`. Under the lock.
        self.shared.changes.fetch_add(1, Ordering::Release);
    }
}

impl<T: Subtract> Receiver<T> for LedgerReader<T> {
    fn recv_with(&mut self, mut fold: impl FnMut(Atom<'_, T>)) -> usize {
        // Acquire: pairs with the Release in `send`.
        if self.shared.changes.load(Ordering::Acquire) == self.changes {
            return 0;
        }
        let (now, changes) = self.shared.copy();
        let mut difference = T::default();
        difference.merge(&now);
        difference.subtract(&self.seen);
        difference.tidy();
        (self.seen, self.changes) = (now, changes);
        if difference.is_neutral() {
            return 0;
        }
        fold(Atom::Owned(difference));
        1
    }
}

impl<T: Subtract> Default for Ledger<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Ledger<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for Ledger<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for LedgerReader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerReader")
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}
