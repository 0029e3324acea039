#![doc = include_str!("README.md")]

mod chain;

use std::{
    fmt,
    ptr::{self, NonNull},
};

pub use chain::Chain;

use crossbeam_utils::CachePadded;

use crate::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// A node with room for a link to the next.
///
/// # Safety
/// For every node given to an [`Inbox`] or [`Chain`], `link` returns the same valid place each
/// time, and that place is left alone by everything else for as long as the node is in the inbox or
/// chain.
pub unsafe trait Linked: Sized {
    /// The place of the link. It is computed from the address, by `&raw`, without a reference to
    /// the node, whose other fields may be in use.
    fn link(node: NonNull<Self>) -> NonNull<AtomicPtr<Self>>;
}

/// What one attempt to take a node gave.
#[must_use = "a node that is dropped is lost"]
pub enum Pop<T> {
    /// There was nothing.
    Empty,
    /// Another consumer was at work, or a producer was halfway through its push: there may be
    /// nodes, but not now.
    Busy,
    /// The oldest node.
    Taken(NonNull<T>),
}

impl<T> fmt::Debug for Pop<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Busy => f.write_str("Busy"),
            Self::Taken(node) => f.debug_tuple("Taken").field(node).finish(),
        }
    }
}

/// What one attempt to take several nodes gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// There was nothing.
    Empty,
    /// Nothing could be taken: another consumer was at work, or a producer was halfway through its
    /// push.
    Busy,
    /// So many, at least one.
    Taken(usize),
}

/// An unbounded queue of linked nodes: many producers, one consumer at a time. See the
/// [module](self).
pub struct Inbox<T> {
    /// The youngest node, null if the queue is empty. Producers exchange it.
    back: CachePadded<AtomicPtr<T>>,
    front: CachePadded<Front<T>>,
}

struct Front<T> {
    /// Whether a consumer is at work.
    taken: AtomicBool,
    /// The oldest node. Null if there is none, and for a moment after the first was pushed. Written
    /// by the consumer at work, and by the producer who found `back` null.
    head: AtomicPtr<T>,
}

impl<T: Linked> Inbox<T> {
    const_unless_loom! {
        /// An empty queue.
        pub fn new() -> Self {
            Self {
                back: CachePadded::new(AtomicPtr::new(ptr::null_mut())),
                front: CachePadded::new(Front { taken: AtomicBool::new(false), head: AtomicPtr::new(ptr::null_mut()) }),
            }
        }
    }

    /// Adds a node. One read-modify-write, no allocation, never waits.
    ///
    /// # Safety
    /// The node is valid until it has been taken, and in no other inbox or chain.
    #[inline]
    pub unsafe fn push(&self, node: NonNull<T>) {
        // SAFETY: the node is valid and its link is ours.
        let link = unsafe { T::link(node).as_ref() };
        // Relaxed: the exchange in `push_linked` releases it.
        link.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: a segment of one node, which ends with a null link.
        unsafe { self.push_linked(node, node) };
    }

    /// Adds all nodes of a chain, with nothing in between, at the cost of one [`push`](Self::push).
    ///
    /// # Safety
    /// The nodes are valid until they have been taken.
    #[inline]
    pub unsafe fn push_chain(&self, chain: Chain<T>) {
        if let Some((first, last)) = chain.into_ends() {
            // SAFETY: a chain is linked from its first to its last node, whose link is null; its
            // nodes are in no other queue by its own contract.
            unsafe { self.push_linked(first, last) };
        }
    }

    /// # Safety
    /// The nodes from `first` to `last` are linked, valid until taken, in no other queue, and the
    /// link of `last` is null.
    #[inline]
    unsafe fn push_linked(&self, first: NonNull<T>, last: NonNull<T>) {
        // Release: pairs with the Acquire of the next producer here, whose store to the link of
        // `last` thus comes after its initialisation. Acquire: pairs with that Release, and with
        // the consumer's that set `back` to null, whose store to `head` comes before ours.
        let previous = self.back.swap(last.as_ptr(), Ordering::AcqRel);
        let place = match NonNull::new(previous) {
            // SAFETY: the previous node is still valid: it can't be taken before its link is set,
            // which is for us alone to do.
            Some(previous) => unsafe { T::link(previous).as_ref() },
            None => &self.front.head,
        };
        // Release: pairs with the Acquire of the consumer that follows this link, who then sees the
        // node. After this store, nothing of the segment may be touched.
        place.store(first.as_ptr(), ordering!(Release, "inbox-link-relaxed"));
    }

    /// Takes the oldest node. Never waits.
    #[inline]
    pub fn try_pop(&self) -> Pop<T> {
        let mut taken = None;
        match self.try_take(1, |node| taken = Some(node)) {
            Take::Empty => Pop::Empty,
            Take::Busy => Pop::Busy,
            Take::Taken(_) => taken.map_or(Pop::Empty, Pop::Taken),
        }
    }

    /// Takes up to `max` nodes, the oldest first, and hands each to `receive`. Never waits.
    ///
    /// Each node is out of the queue when `receive` gets it, which may free it, or push it
    /// anywhere, this queue included. Until `receive` has had the last one, other consumers get
    /// [`Take::Busy`].
    #[inline]
    pub fn try_take(&self, max: usize, mut receive: impl FnMut(NonNull<T>)) -> Take {
        if max == 0 || self.is_empty() {
            return Take::Empty;
        }
        let Some(mut consumer) = Consumer::enter(self) else {
            return Take::Busy;
        };
        let mut taken = 0;
        while taken < max {
            match consumer.next() {
                Pop::Taken(node) => {
                    taken += 1;
                    receive(node);
                }
                _ if taken > 0 => break,
                Pop::Empty => return Take::Empty,
                Pop::Busy => return Take::Busy,
            }
        }
        Take::Taken(taken)
    }

    /// Whether there is nothing to take. A node whose push has returned is never overlooked; one
    /// whose push is under way may count.
    #[inline]
    pub fn is_empty(&self) -> bool {
        // Acquire: pairs with the Release of the consumer that took the last node.
        self.back.load(Ordering::Acquire).is_null()
    }
}

impl<T: Linked> Default for Inbox<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Inbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: for people to read.
        f.debug_struct("Inbox")
            .field("empty", &self.back.load(Ordering::Relaxed).is_null())
            .finish()
    }
}

/// The right to take nodes, one holder at a time.
struct Consumer<'a, T> {
    inbox: &'a Inbox<T>,
}

impl<'a, T: Linked> Consumer<'a, T> {
    #[inline]
    fn enter(inbox: &'a Inbox<T>) -> Option<Self> {
        // Acquire: pairs with the Release of the consumer before, whose store to `head` comes
        // before ours. Relaxed on failure: nothing is read by one who isn't admitted.
        let admission = inbox.front.taken.compare_exchange(
            false,
            true,
            ordering!(Acquire, "inbox-enter-relaxed"),
            Ordering::Relaxed,
        );
        if mutated!("inbox-refused-opens") {
            return Some(Self { inbox }).filter(|_| admission.is_ok());
        }
        // Lazily: one who isn't admitted must not open the door by dropping what was never its own.
        admission.is_ok().then(|| Self { inbox })
    }

    fn next(&mut self) -> Pop<T> {
        let Inbox { back, front } = self.inbox;
        // Acquire: pairs with the Release of the producer that found the queue empty.
        let Some(node) = NonNull::new(front.head.load(Ordering::Acquire)) else {
            // Relaxed: a guess between two answers that are both allowed.
            return if back.load(Ordering::Relaxed).is_null() {
                Pop::Empty
            } else {
                Pop::Busy
            };
        };
        // SAFETY: the node is in the queue, so that it is valid.
        let link = unsafe { T::link(node).as_ref() };
        // Acquire: pairs with the Release of the producer that linked the next node.
        let mut next = link.load(Ordering::Acquire);
        if next.is_null() {
            // The last node, it seems. The head is cleared before `back`, as from then on a
            // producer may set it.
            front.head.store(ptr::null_mut(), Ordering::Relaxed);
            // Release: pairs with the Acquire of the producer that finds null, whose store to
            // `head` comes after ours.
            if mutated!("inbox-take-last-without-exchange") {
                back.store(ptr::null_mut(), Ordering::Release);
                return Pop::Taken(node);
            }
            if back
                .compare_exchange(
                    node.as_ptr(),
                    ptr::null_mut(),
                    Ordering::Release,
                    Ordering::Relaxed,
                )
                .is_ok()
            {
                return Pop::Taken(node);
            }
            // A producer has put its node behind this one and will store to its link: taking it now
            // would leave that store a dangling place. Acquire: as above.
            next = link.load(Ordering::Acquire);
        }
        if next.is_null() && !mutated!("inbox-take-before-linked") {
            // Relaxed: whoever reads `head` next is a consumer, who enters after this one has left.
            front.head.store(node.as_ptr(), Ordering::Relaxed);
            return Pop::Busy;
        }
        // Relaxed: as above.
        front.head.store(next, Ordering::Relaxed);
        Pop::Taken(node)
    }
}

impl<T> Drop for Consumer<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `enter` of the next consumer.
        self.inbox
            .front
            .taken
            .store(false, ordering!(Release, "inbox-leave-relaxed"));
    }
}
