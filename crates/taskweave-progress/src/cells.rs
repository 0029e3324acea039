//! Cells: a sum for each reader.

use std::fmt;
use std::sync::PoisonError;

use crossbeam_utils::CachePadded;
use taskweave_sys::sync::atomic::{AtomicBool, Ordering};
use taskweave_sys::sync::{Arc, Mutex, MutexGuard};

use crate::{Atom, Chainable, Medium, Receiver, Sender};

/// A sum for each reader, to which every send adds. For comparison, and good enough for up to four readers.
///
/// Simple, and a laggard's backlog is what is alive. But a send takes as many locks, and makes as many copies, as there are readers.
pub struct Cells<T> {
    shared: Arc<Mutex<List<T>>>,
}

type List<T> = Vec<Arc<CachePadded<Cell<T>>>>;

struct Cell<T> {
    sum: Mutex<T>,
    /// Whether anything was added since the last receive.
    filled: AtomicBool,
}

/// A reader of [`Cells`].
pub struct CellsReader<T> {
    cells: Cells<T>,
    own: Arc<CachePadded<Cell<T>>>,
}

impl<T: Chainable> Cells<T> {
    /// Without readers.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Mutex::new(Vec::new())),
        }
    }

    /// What all cells hold, counted.
    pub fn entries(&self) -> usize {
        let cells = lock(&self.shared);
        cells.iter().map(|cell| lock(&cell.sum).entries()).sum()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Chainable> Medium<T> for Cells<T> {
    type Writer = Self;
    type Reader = CellsReader<T>;

    fn writer(&self) -> Self {
        self.clone()
    }

    fn reader(&self) -> CellsReader<T> {
        let own = Arc::new(CachePadded::new(Cell {
            sum: Mutex::new(T::default()),
            filled: AtomicBool::new(false),
        }));
        lock(&self.shared).push(Arc::clone(&own));
        CellsReader {
            cells: self.clone(),
            own,
        }
    }

    /// One for each reader.
    fn length(&self) -> usize {
        lock(&self.shared).len()
    }
}

impl<T: Chainable> Sender<T> for Cells<T> {
    /// Holds the list's lock throughout, so that no reader is registered or dropped halfway.
    fn send(&mut self, batch: &mut T) {
        if batch.is_neutral() {
            return;
        }
        for cell in lock(&self.shared).iter() {
            lock(&cell.sum).merge(batch);
            // Release: pairs with the Acquire in `recv_with`.
            cell.filled.store(true, Ordering::Release);
        }
        batch.clear();
    }
}

impl<T: Chainable> Receiver<T> for CellsReader<T> {
    fn recv_with(&mut self, mut fold: impl FnMut(Atom<'_, T>)) -> usize {
        // Acquire: pairs with the Release in `send`.
        if !self.own.filled.load(Ordering::Acquire) {
            return 0;
        }
        let mut sum = lock(&self.own.sum);
        // Relaxed: under the lock, under which what it tells of is taken.
        self.own.filled.store(false, Ordering::Relaxed);
        let mut taken = std::mem::take(&mut *sum);
        drop(sum);
        if taken.is_neutral() {
            return 0;
        }
        fold(Atom::Owned(taken));
        1
    }
}

impl<T> Drop for CellsReader<T> {
    fn drop(&mut self) {
        lock(&self.cells.shared).retain(|cell| !Arc::ptr_eq(cell, &self.own));
    }
}

impl<T: Chainable> Default for Cells<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Cells<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for Cells<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cells").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for CellsReader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CellsReader").finish_non_exhaustive()
    }
}
