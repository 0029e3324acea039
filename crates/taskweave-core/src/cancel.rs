//! Cancellation: a flag that tasks which haven't begun respect, and bodies may ask.

use std::fmt;
use std::sync::{Arc, PoisonError, Weak};

use taskweave_sys::sync::atomic::{AtomicBool, Ordering};
use taskweave_sys::sync::{Mutex, MutexGuard};

use crate::future::SlotRef;

/// Cancels what was started with it. Clones are the same token; a child is cancelled with its parent, not the
/// other way round.
///
/// A task that hasn't begun when its token is cancelled never runs, and its handle says
/// [`TaskError::Cancelled`](crate::TaskError::Cancelled). A body that has begun goes on, unless it asks
/// [`is_cancelled`](Self::is_cancelled) and ends by itself. A future is dropped where it waits, or after the poll that is under way.
#[derive(Clone, Default)]
pub struct CancelToken {
    node: Arc<Node>,
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("is_cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Node {
    cancelled: AtomicBool,
    children: Mutex<Vec<Weak<Node>>>,
    /// The future that this token was made for, while it hasn't ended.
    future: Mutex<Option<SlotRef>>,
    /// Kept alive, so that a cancel finds its way through tokens that nobody has any more.
    parent: Option<Arc<Node>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        // One after the other: a long line of ancestors that all end here would overflow the stack.
        let mut next = self.parent.take();
        while let Some(mut node) = next.and_then(Arc::into_inner) {
            next = node.parent.take();
        }
    }
}

impl CancelToken {
    /// A token that isn't cancelled. One allocation.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is cancelled when this one is. One lock, one allocation, and now and then one more for the list of children.
    pub fn child(&self) -> CancelToken {
        let mut node = Node::default();
        node.parent = Some(Arc::clone(&self.node));
        let child = CancelToken {
            node: Arc::new(node),
        };
        let mut children = lock(&self.node.children);
        if self.is_cancelled() {
            child.node.cancelled.store(true, Ordering::Release);
        } else {
            if children.len() == children.capacity() {
                children.retain(|old| old.strong_count() > 0);
            }
            children.push(Arc::downgrade(&child.node));
        }
        drop(children);
        child
    }

    /// A token for one future alone, which is polled when the token is cancelled.
    pub(crate) fn child_for(&self, future: SlotRef) -> CancelToken {
        let child = self.child();
        *lock(&child.node.future) = Some(future);
        child
    }

    /// The future that this was made for ends.
    pub(crate) fn part(&self) {
        *lock(&self.node.future) = None;
    }

    /// Cancels this token and its descendants. Never blocks on a task.
    pub fn cancel(&self) {
        let mut open = vec![Arc::clone(&self.node)];
        while let Some(node) = open.pop() {
            let mut children = lock(&node.children);
            // Release: pairs with the Acquire in `is_cancelled`. Under the lock, so that no child is
            // added between the flag and the visit.
            node.cancelled.store(true, Ordering::Release);
            open.extend(children.drain(..).filter_map(|child| child.upgrade()));
            drop(children);
            let future = lock(&node.future);
            // Counted while it can't end, woken without the lock.
            let count = future.map(SlotRef::count);
            drop(future);
            if let Some(count) = count {
                count.wake();
            }
        }
    }

    /// Whether it was cancelled. One load.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        // Acquire: pairs with the Release in `cancel`.
        self.node.cancelled.load(Ordering::Acquire)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
