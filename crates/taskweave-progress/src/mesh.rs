//! Mesh: a chain for each writer.

use std::fmt;
use std::sync::PoisonError;

use taskweave_sys::sync::atomic::{AtomicU64, Ordering};
use taskweave_sys::sync::{Arc, Mutex, MutexGuard};

use crate::{Atom, Chain, ChainReader, Chainable, Medium, Receiver, Sender};

/// A [`Chain`] for each writer; readers look at all of them. For comparison.
///
/// Writers don't meet. But neither do their batches: what one adds and another takes away never cancels out while it waits, so that a laggard's backlog grows with what was sent. A writer's chain
/// stays for as long as the mesh, also when the writer is gone. Use [`Exchange`](crate::Exchange).
pub struct Mesh<T: Chainable> {
    shared: Arc<Shared<T>>,
}

struct Shared<T: Chainable> {
    members: Mutex<Members<T>>,
    /// How many writers there have been.
    writers: AtomicU64,
}

struct Members<T: Chainable> {
    chains: Vec<Chain<T>>,
    /// What readers have to add to their lists: the readers of new chains, made with the chain so that nothing is missed.
    new: Vec<(u64, Vec<ChainReader<T>>)>,
    next: u64,
}

/// A writer of a [`Mesh`], with a chain of its own.
#[derive(Debug)]
pub struct MeshWriter<T>(Chain<T>);

/// A reader of a [`Mesh`].
pub struct MeshReader<T: Chainable> {
    shared: Arc<Shared<T>>,
    name: u64,
    readers: Vec<ChainReader<T>>,
    writers: u64,
}

impl<T: Chainable> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Members<T>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Chainable> Mesh<T> {
    /// A mesh without writers and readers.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                members: Mutex::new(Members {
                    chains: Vec::new(),
                    new: Vec::new(),
                    next: 0,
                }),
                writers: AtomicU64::new(0),
            }),
        }
    }
}

impl<T: Chainable> Medium<T> for Mesh<T> {
    type Writer = MeshWriter<T>;
    type Reader = MeshReader<T>;

    fn writer(&self) -> MeshWriter<T> {
        let chain = Chain::new();
        let mut members = self.shared.lock();
        for (_, readers) in &mut members.new {
            readers.push(chain.reader());
        }
        members.chains.push(chain.clone());
        // Release: pairs with the Acquire in `recv_with`.
        self.shared.writers.fetch_add(1, Ordering::Release);
        MeshWriter(chain)
    }

    fn reader(&self) -> MeshReader<T> {
        let mut members = self.shared.lock();
        let name = members.next;
        members.next += 1;
        members.new.push((name, Vec::new()));
        let readers = members.chains.iter().map(Chain::reader).collect();
        // Relaxed: under the lock.
        let writers = self.shared.writers.load(Ordering::Relaxed);
        drop(members);
        MeshReader {
            shared: Arc::clone(&self.shared),
            name,
            readers,
            writers,
        }
    }

    fn length(&self) -> usize {
        self.shared.lock().chains.iter().map(Chain::length).sum()
    }
}

impl<T: Chainable> Sender<T> for MeshWriter<T> {
    fn send(&mut self, batch: &mut T) {
        self.0.send(batch);
    }
}

impl<T: Chainable> Receiver<T> for MeshReader<T> {
    fn recv_with(&mut self, mut fold: impl FnMut(Atom<'_, T>)) -> usize {
        // Acquire: pairs with the Release in `writer`.
        if self.shared.writers.load(Ordering::Acquire) != self.writers {
            let mut members = self.shared.lock();
            // Relaxed: under the lock.
            self.writers = self.shared.writers.load(Ordering::Relaxed);
            let own = members.new.iter_mut().find(|(name, _)| *name == self.name);
            if let Some((_, readers)) = own {
                self.readers.append(readers);
            }
        }
        self.readers
            .iter_mut()
            .map(|reader| reader.recv_with(&mut fold))
            .sum()
    }
}

impl<T: Chainable> Drop for MeshReader<T> {
    fn drop(&mut self) {
        let mut members = self.shared.lock();
        members.new.retain(|(name, _)| *name != self.name);
    }
}

impl<T: Chainable> Default for Mesh<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Chainable> Clone for Mesh<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T: Chainable> fmt::Debug for Mesh<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mesh").finish_non_exhaustive()
    }
}

impl<T: Chainable> fmt::Debug for MeshReader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeshReader")
            .field("chains", &self.readers.len())
            .finish_non_exhaustive()
    }
}
