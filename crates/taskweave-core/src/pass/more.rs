//! What is known of a vertex beyond its body and its edges, in graphs that aren't plain.

use std::sync::Arc;

use taskweave_sys::sync::Mutex;
use taskweave_sys::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use taskweave_sys::sync::cell::UnsafeCell;

use super::FrozenPass;
use super::completion::{Completion, Pending};
use super::nested::Rounds;
use crate::limit::Limit;
use crate::shared::Shared;
use crate::task::Task;

/// Beside a vertex.
#[derive(Default)]
pub(super) struct More<'env> {
    pub(super) live: Live,
    /// The worker it had better run on.
    pub(super) place: Option<u32>,
    pub(super) limit: Option<Limit>,
    /// It has a unit of its limit.
    admitted: AtomicBool,
    pub(super) action: UnsafeCell<Action<'env>>,
    pub(super) pending: Mutex<Pending>,
    /// The graph that it runs.
    pub(super) inner: Option<FrozenPass<'env>>,
}

/// What a vertex does when it's its turn.
#[derive(Default)]
pub(super) enum Action<'env> {
    /// It runs its body.
    #[default]
    Body,
    /// It begins something that ends elsewhere.
    Begin(Box<dyn FnMut(Completion) + Send + 'env>),
    /// It runs a graph of its own.
    Nested(Rounds<'env>),
}

/// An action's name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Body,
    Begin,
    Nested,
}

impl More<'_> {
    pub(super) fn manner(&self) -> Manner {
        // SAFETY: written by the one party that runs the vertex, which asks.
        self.action.with(|action| match unsafe { &*action } {
            Action::Body => Manner::Body,
            Action::Begin(_) => Manner::Begin,
            Action::Nested(_) => Manner::Nested,
        })
    }

    /// Takes a unit of the limit, if there is one. False: the task is in line, and the caller has handed it over.
    ///
    /// # Safety
    /// `task` is this vertex's, in no queue.
    pub(super) unsafe fn admit(&self, task: Task, pool: &Shared) -> bool {
        let Some(limit) = &self.limit else {
            return true;
        };
        let pool: Arc<Shared> = match pool.this.upgrade() {
            Some(pool) => pool,
            None => unreachable!("a pool in which a pass goes on is alive"),
        };
        // SAFETY: passed on; the note is as much part of the graph as the header.
        unsafe { limit.admit(task, &pool, &self.admitted) }
    }

    /// Gives the unit back, if there is one.
    pub(super) fn give_back(&self) {
        if let Some(limit) = &self.limit
            // Relaxed: set by the queue's last holder, for the party that runs the vertex.
            && self.admitted.load(Ordering::Relaxed)
        {
            self.admitted.store(false, Ordering::Relaxed);
            limit.release();
        }
    }
}

/// Whether a live edge has arrived in the present pass: the number of the last pass in which one has, plus one.
#[derive(Debug, Default)]
pub(super) struct Live(AtomicU64);

impl Live {
    /// A predecessor that ran goes on with this vertex. Before its arrival.
    #[inline]
    pub(super) fn mark(&self, pass: u64) {
        // Relaxed: the arrival that follows, or the queue, publishes it.
        self.0.store(pass + 1, Ordering::Relaxed);
    }

    /// Whether this was called in this pass, when all predecessors have arrived.
    #[inline]
    pub(super) fn is_marked(&self, pass: u64) -> bool {
        // Relaxed: as in `mark`.
        self.0.load(Ordering::Relaxed) == pass + 1
    }
}
