//! Chains: nodes linked by one thread, to be pushed as one.

use std::{
    fmt,
    ptr::{self, NonNull},
};

use super::Linked;
use crate::sync::atomic::Ordering;

/// A list of nodes under construction. Dropping it forgets the nodes.
pub struct Chain<T> {
    ends: Option<(NonNull<T>, NonNull<T>)>,
    len: usize,
}

// SAFETY: a chain holds addresses, as an inbox does; `push_back` demands that the nodes' links are
// the chain's own.
unsafe impl<T> Send for Chain<T> {}

impl<T: Linked> Chain<T> {
    /// A chain of no nodes.
    pub const fn new() -> Self {
        Self { ends: None, len: 0 }
    }

    /// Adds a node at the end.
    ///
    /// # Safety
    /// The node is valid as long as the chain is in use, and in no other chain or inbox.
    #[inline]
    pub unsafe fn push_back(&mut self, node: NonNull<T>) {
        // SAFETY: the node is valid and its link is ours.
        let link = unsafe { T::link(node).as_ref() };
        // Relaxed: whoever takes over the chain orders this store, an inbox by its exchange.
        link.store(ptr::null_mut(), Ordering::Relaxed);
        self.ends = Some(match self.ends {
            None => (node, node),
            Some((first, last)) => {
                // SAFETY: the nodes of the chain are valid while it is in use.
                let link = unsafe { T::link(last).as_ref() };
                // Relaxed: as above.
                link.store(node.as_ptr(), Ordering::Relaxed);
                (first, node)
            }
        });
        self.len += 1;
    }

    /// Adds a node at the front.
    ///
    /// # Safety
    /// As for [`push_back`](Self::push_back).
    #[inline]
    pub unsafe fn push_front(&mut self, node: NonNull<T>) {
        // SAFETY: the node is valid and its link is ours.
        let link = unsafe { T::link(node).as_ref() };
        let next = self
            .ends
            .map_or(ptr::null_mut(), |(first, _)| first.as_ptr());
        // Relaxed: as in `push_back`.
        link.store(next, Ordering::Relaxed);
        self.ends = Some((node, self.ends.map_or(node, |(_, last)| last)));
        self.len += 1;
    }

    /// Takes the node at the front.
    #[inline]
    pub fn pop_front(&mut self) -> Option<NonNull<T>> {
        let (first, last) = self.ends?;
        // SAFETY: the nodes of the chain are valid while it is in use.
        let link = unsafe { T::link(first).as_ref() };
        // Relaxed: stored by this thread, or by one that handed the chain over.
        self.ends = NonNull::new(link.load(Ordering::Relaxed)).map(|next| (next, last));
        self.len -= 1;
        Some(first)
    }

    /// How many nodes.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn into_ends(self) -> Option<(NonNull<T>, NonNull<T>)> {
        self.ends
    }
}

impl<T: Linked> Default for Chain<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Chain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("len", &self.len).finish()
    }
}
