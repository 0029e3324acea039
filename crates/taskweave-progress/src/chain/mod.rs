#![doc = include_str!("README.md")]

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::PoisonError;

use taskweave_sys::sync::atomic::{AtomicU64, Ordering};
use taskweave_sys::sync::{Arc, Mutex, MutexGuard, thread};

use crate::log::{Log, Mark, sole};
use crate::{Atom, Chainable, Medium, Receiver, Sender};

/// One shared, mergeable log. Cloneable: every clone is a writer to the same one. See the [module](self).
pub struct Chain<T> {
    shared: Arc<Shared<T>>,
}

/// A reader of a [`Chain`], from its registration on.
pub struct ChainReader<T: Chainable> {
    shared: Arc<Shared<T>>,
    /// Taken back when the reader is dropped.
    mark: Option<Mark>,
    /// The change counter as of the last look at the log.
    seen: u64,
    /// Taken and not folded yet.
    taken: VecDeque<Arc<T>>,
    locks: u64,
}

struct Shared<T> {
    log: Mutex<Log<T>>,
    /// How often something was sent.
    changes: AtomicU64,
}

impl<T: Chainable> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Log<T>> {
        // A merge that panicked has left a log whose structure is whole.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Chainable> Chain<T> {
    /// A chain without readers.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                log: Mutex::new(Log::new()),
                changes: AtomicU64::new(0),
            }),
        }
    }

    /// Sends what `batch` holds to every reader, and leaves `batch` neutral. One lock; an allocation if a reader has caught up since the last send.
    ///
    /// ```
    /// use taskweave_progress::{Chain, Receiver};
    ///
    /// let chain = Chain::new();
    /// let mut reader = chain.reader();
    /// chain.send(&mut 3_i64);
    /// chain.clone().send(&mut -1);
    /// let mut sum = 0;
    /// assert!(reader.recv(&mut sum));
    /// assert_eq!(sum, 2);
    /// assert!(!reader.recv(&mut sum), "nothing has come since");
    /// ```
    pub fn send(&self, batch: &mut T) {
        if batch.is_neutral() {
            return;
        }
        let mut log = self.shared.lock();
        if !log.is_read() {
            batch.clear();
            return;
        }
        log.open().absorb(batch);
        log.compact();
        // Relaxed: written under the lock alone.
        let changes = self.shared.changes.load(Ordering::Relaxed);
        // Relaxed: it only tells to look; what is found is ordered by the lock.
        self.shared.changes.store(changes + 1, Ordering::Relaxed);
    }

    /// A reader of what is sent from now on.
    pub fn reader(&self) -> ChainReader<T> {
        let mut log = self.shared.lock();
        let mark = Some(log.mark());
        // Relaxed: under the lock.
        let seen = self.shared.changes.load(Ordering::Relaxed);
        drop(log);
        ChainReader {
            shared: Arc::clone(&self.shared),
            mark,
            seen,
            taken: VecDeque::new(),
            locks: 0,
        }
    }

    /// How many nodes there are: the base, before which everybody has read, and those that somebody has yet to read. At most readers + 2 while nobody is within a receive.
    pub fn length(&self) -> usize {
        self.shared.lock().length()
    }

    /// How many entries wait.
    pub fn entries(&self) -> usize {
        self.shared.lock().entries()
    }
}

impl<T: Chainable> ChainReader<T> {
    /// How often it has taken the lock.
    pub fn locks(&self) -> u64 {
        self.locks
    }

    fn lock(&mut self) -> MutexGuard<'_, Log<T>> {
        self.locks += 1;
        self.shared.lock()
    }

    fn fold(&mut self, fold: &mut impl FnMut(Atom<'_, T>)) -> (usize, bool) {
        let (mut count, mut shared) = (0, false);
        // Out of the list first: what a fold that panics was given is not given again.
        while let Some(node) = self.taken.pop_front() {
            count += 1;
            match sole(node) {
                Ok(value) => fold(Atom::Owned(value)),
                Err(node) => {
                    shared = true;
                    fold(Atom::Shared(&node));
                }
            }
        }
        (count, shared)
    }
}

impl<T: Chainable> Receiver<T> for ChainReader<T> {
    /// No lock and no write if nothing has come; else two locks, and the fold under neither.
    fn recv_with(&mut self, mut fold: impl FnMut(Atom<'_, T>)) -> usize {
        // What a fold that panicked has left.
        let (left, had_pinned) = self.fold(&mut fold);
        // Relaxed: as in `send`. Who knows of a send sees its count, whatever the ordering.
        if self.shared.changes.load(Ordering::Relaxed) == self.seen {
            if had_pinned {
                self.lock().compact();
            }
            return left;
        }
        self.locks += 1;
        let mut log = self.shared.lock();
        // Relaxed: under the lock.
        self.seen = self.shared.changes.load(Ordering::Relaxed);
        if let Some(mark) = &mut self.mark {
            log.take(mark, &mut self.taken);
        }
        drop(log);
        let (count, shared) = self.fold(&mut fold);
        if shared {
            // Nodes that were pinned meanwhile can be merged now.
            self.lock().compact();
        }
        left + count
    }
}

impl<T: Chainable> Drop for ChainReader<T> {
    fn drop(&mut self) {
        // Before the mark goes, so that what was pinned is merged. Foreign code: a drop that panics is no reason to keep the mark.
        let dropped = catch_unwind(AssertUnwindSafe(|| self.taken.clear()));
        if let Some(mark) = self.mark.take() {
            self.lock().unmark(mark);
        }
        match dropped {
            // A second panic would end the process.
            Err(payload) if thread::panicking() => std::mem::forget(payload),
            Err(payload) => resume_unwind(payload),
            Ok(()) => {}
        }
    }
}

impl<T: Chainable> Sender<T> for Chain<T> {
    fn send(&mut self, batch: &mut T) {
        Chain::send(self, batch);
    }
}

impl<T: Chainable> Medium<T> for Chain<T> {
    type Writer = Self;
    type Reader = ChainReader<T>;

    fn writer(&self) -> Self {
        self.clone()
    }

    fn reader(&self) -> ChainReader<T> {
        Chain::reader(self)
    }

    fn length(&self) -> usize {
        Chain::length(self)
    }
}

impl<T> Clone for Chain<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T: Chainable> Default for Chain<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Chain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").finish_non_exhaustive()
    }
}

impl<T: Chainable> fmt::Debug for ChainReader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainReader")
            .field("locks", &self.locks)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, taskweave_loom))]
mod models;
