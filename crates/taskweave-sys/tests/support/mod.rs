//! What the tests share.
#![allow(dead_code, reason = "each suite uses its part")]

use std::ptr::{self, NonNull};

use taskweave_sys::{inbox::Linked, sync::atomic::AtomicPtr};

/// Fewer rounds where each takes long.
pub(crate) const fn rounds(usual: usize) -> usize {
    if cfg!(any(miri, taskweave_shuttle)) {
        usual / 1000 + 1
    } else {
        usual
    }
}

/// A boxed number: taking it twice is a double free, losing it a leak, both of which the address
/// sanitizer reports.
pub(crate) fn boxed(value: usize) -> NonNull<usize> {
    NonNull::from(Box::leak(Box::new(value)))
}

/// # Safety
/// The pointer comes from [`boxed`] and is used no more.
pub(crate) unsafe fn unboxed(pointer: NonNull<usize>) -> usize {
    // SAFETY: by this function's contract.
    *unsafe { Box::from_raw(pointer.as_ptr()) }
}

/// A node of an inbox.
pub(crate) struct Node {
    link: AtomicPtr<Node>,
    pub(crate) producer: usize,
    pub(crate) number: usize,
}

// SAFETY: the link is a field of the node, which nothing else uses, computed without a reference to
// the node.
unsafe impl Linked for Node {
    fn link(node: NonNull<Self>) -> NonNull<AtomicPtr<Self>> {
        // SAFETY: a node is valid, so that its field is within it.
        let link = unsafe { &raw mut (*node.as_ptr()).link };
        // SAFETY: a place within a valid node isn't null.
        unsafe { NonNull::new_unchecked(link) }
    }
}

impl Node {
    pub(crate) fn boxed(producer: usize, number: usize) -> NonNull<Self> {
        let link = AtomicPtr::new(ptr::null_mut());
        NonNull::from(Box::leak(Box::new(Self {
            link,
            producer,
            number,
        })))
    }

    /// # Safety
    /// The pointer comes from [`Node::boxed`] and is used no more.
    pub(crate) unsafe fn unboxed(pointer: NonNull<Self>) -> (usize, usize) {
        // SAFETY: by this function's contract.
        let node = unsafe { Box::from_raw(pointer.as_ptr()) };
        (node.producer, node.number)
    }
}

/// A small generator of choices, the same each time.
pub(crate) struct Choices(u64);

impl Choices {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed * 2 + 1)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}
