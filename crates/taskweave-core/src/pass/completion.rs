//! Vertices that begin something and end when that has ended.

use core::fmt;
use std::sync::{Arc, PoisonError};

use taskweave_sys::mutated;
use taskweave_sys::sync::MutexGuard;
use taskweave_sys::sync::atomic::Ordering;

use super::more::Action;
use super::report::Verdict;
use super::state::{Core, SharedCore};
use super::step::Ended;
use crate::error::{catch, discard};
use crate::shared::Shared;
use crate::thread;
use crate::worker::Worker;

/// Ends a vertex that has begun something: from any thread, once. Clones stand for the same vertex in the same pass, and the first one that is used wins; later ones, and
/// those of a pass that has ended, are refused. If all are dropped, that is an error of the vertex, so a pass never waits for nothing (but it does wait
/// for a completion that was leaked).
pub struct Completion {
    share: SharedCore<'static>,
    pool: Arc<Shared>,
    vertex: usize,
    pass: u64,
}

/// The vertex has been completed before, and perhaps its whole pass has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleCompletion {
    /// The pass that it belonged to.
    pub pass: u64,
}

impl fmt::Display for StaleCompletion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the vertex was completed before in pass {}; a completion is good for one pass, and the first one counts",
            self.pass
        )
    }
}

impl std::error::Error for StaleCompletion {}

/// Nobody is left who could complete a vertex.
#[derive(Debug)]
struct Abandoned;

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its completion was dropped; call `complete` on it, or on a clone")
    }
}

impl std::error::Error for Abandoned {}

/// What is to come of a vertex that has begun something. See the essay.
#[derive(Default)]
pub(super) struct Pending {
    pass: u64,
    /// Completions of this pass.
    handles: usize,
    /// The body hasn't returned.
    running: bool,
    /// Nobody has completed it.
    open: bool,
    /// How it was completed while the body was running.
    ended: Option<Ended>,
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion")
            .field("vertex", &self.share.names[self.vertex])
            .field("pass", &self.pass)
            .finish_non_exhaustive()
    }
}

impl Completion {
    /// Goes on with the successors.
    ///
    /// # Errors
    /// [`StaleCompletion`].
    pub fn complete(self) -> Result<(), StaleCompletion> {
        self.complete_with(Verdict::Continue)
    }

    /// Ends the vertex as a body that says this.
    ///
    /// # Errors
    /// [`StaleCompletion`]; the verdict is dropped then.
    pub fn complete_with(self, verdict: Verdict) -> Result<(), StaleCompletion> {
        let pending = self.pending();
        if !self.is_of(&pending) || !pending.open {
            drop(pending);
            discard(verdict);
            return Err(StaleCompletion { pass: self.pass });
        }
        self.settle(pending, Ok(verdict));
        Ok(())
    }

    /// Whether it would be refused.
    pub fn is_stale(&self) -> bool {
        let pending = self.pending();
        !self.is_of(&pending) || !pending.open
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.share.lock_pending(self.vertex)
    }

    fn is_of(&self, pending: &Pending) -> bool {
        pending.pass == self.pass || mutated!("completion-of-any-pass")
    }

    /// The vertex is open, and this decides how it ends.
    fn settle(&self, mut pending: MutexGuard<'_, Pending>, ended: Ended) {
        pending.open = false;
        if pending.running && !mutated!("completion-overlooks-the-body") {
            pending.ended = Some(ended);
            return;
        }
        drop(pending);
        // Whatever runs on this thread goes on, so nothing is left to its worker.
        self.share.end_vertex(self.vertex, ended, None);
        leave(&self.pool);
    }
}

/// The pool no longer has to expect a completion from outside.
fn leave(pool: &Shared) {
    pool.sleepers.outside.fetch_sub(1, Ordering::SeqCst);
    pool.check_stall();
}

impl Clone for Completion {
    fn clone(&self) -> Self {
        let mut pending = self.pending();
        if pending.pass == self.pass {
            pending.handles += 1;
        }
        drop(pending);
        Completion {
            share: SharedCore::clone(&self.share),
            pool: Arc::clone(&self.pool),
            ..*self
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        let mut pending = self.pending();
        if pending.pass != self.pass {
            return;
        }
        pending.handles -= 1;
        if pending.handles == 0 && pending.open && !mutated!("completion-drop-says-nothing") {
            self.settle(pending, Ok(Verdict::Fail(Arc::new(Abandoned))));
        }
    }
}

impl<'env> Core<'env> {
    fn lock_pending(&self, vertex: usize) -> MutexGuard<'_, Pending> {
        let pending = &self.more[vertex].pending;
        pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a body that gets a completion. The vertex may have ended when this returns, and with it the pass.
    pub(super) fn call_with_completion(&self, vertex: usize) {
        let pass = self.round().pass;
        let Some(pool) = self.pool().this.upgrade() else {
            unreachable!("a pool in which a pass goes on is alive");
        };
        let share = self.share();
        {
            let mut pending = self.lock_pending(vertex);
            // An earlier pass's completions no longer count.
            *pending = Pending {
                pass,
                handles: 1,
                running: true,
                open: true,
                ended: None,
            };
        }
        pool.sleepers.outside.fetch_add(1, Ordering::SeqCst);
        let completion = Completion {
            share: SharedCore::clone(&share),
            pool: Arc::clone(&pool),
            vertex,
            pass,
        };
        let rooted = thread::enter_root(self.round().root);
        let result = share.more[vertex].action.with_mut(|action| {
            // SAFETY: one party runs a vertex in a pass, and it hasn't ended before this body has.
            match unsafe { &mut *action } {
                Action::Begin(body) => catch(|| body(completion)),
                _ => unreachable!("asked before"),
            }
        });
        drop(rooted);
        let mut pending = share.lock_pending(vertex);
        if mutated!("completion-overlooks-the-body") && !pending.open {
            return;
        }
        pending.running = false;
        let ended = match result {
            Ok(()) => pending.ended.take(),
            Err(payload) => {
                pending.open = false;
                discard(pending.ended.take());
                Some(Err(payload))
            }
        };
        drop(pending);
        if let Some(ended) = ended {
            Worker::with_current_of(&pool, |worker| share.end_vertex(vertex, ended, worker));
            leave(&pool);
        }
    }

    /// One more share, of the shape that doesn't say what bodies borrow: what they do is gone before that ends, see `strip`.
    fn share(&self) -> SharedCore<'static> {
        let this = core::ptr::from_ref(self);
        // SAFETY: every core is in an `Arc`, and somebody has a share while its pass goes on.
        unsafe { SharedCore::increment_strong_count(this) };
        // SAFETY: the share was taken just now. A longer lifetime changes no layout, and the owner strips the core of everything that borrows before
        // the borrows end, if no pass goes on; one that does borrows nothing or has the owner wait for it.
        unsafe { SharedCore::from_raw(this.cast::<Core<'static>>()) }
    }
}
