//! The thieves' end.

use std::{fmt, ptr::NonNull};

use super::{Owner, Steal, ring::Ring};
use crate::sync::{Arc, atomic::Ordering};

/// A handle that takes the oldest public elements. See the [module](super).
pub struct Stealer<T> {
    ring: Arc<Ring<T>>,
}

impl<T> Stealer<T> {
    pub(super) fn new(ring: Arc<Ring<T>>) -> Self {
        Self { ring }
    }

    /// Takes half of the public elements, rounded up, but at most `max` and at most one more than
    /// `dest` has room for. Returns the oldest; the others are pushed onto `dest` in their order,
    /// and all of `dest` is made public.
    ///
    /// With a `max` of zero it takes nothing and says [`Steal::Empty`]. It never waits: see
    /// [`Steal::Busy`].
    pub fn steal_into(&self, dest: &Owner<T>, max: usize) -> Steal<T> {
        let room = if max > 1 { dest.room() } else { 0 };
        self.steal(
            max.min(room + 1),
            |element| dest.push_within_limit(element),
            || dest.publish_all(),
        )
    }

    /// Takes the oldest public element.
    #[inline]
    pub fn steal_one(&self) -> Steal<T> {
        self.steal(1, |_| {}, || 0)
    }

    /// How many elements there are to steal at this moment.
    #[inline]
    pub fn public_len(&self) -> usize {
        // Relaxed: a number, out of date as soon as it is known.
        self.ring.word.load(Ordering::Relaxed).public().into()
    }

    /// Whether there is nothing to steal at this moment. The owner may still have private elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.public_len() == 0
    }

    #[inline]
    fn steal(
        &self,
        max: usize,
        mut keep: impl FnMut(NonNull<T>),
        publish: impl FnOnce() -> usize,
    ) -> Steal<T> {
        let word = &self.ring.word;
        // Relaxed: the claim confirms it.
        let indices = word.load(Ordering::Relaxed);
        let count = usize::from(indices.public().div_ceil(2)).min(max) as u16;
        if count == 0 {
            return Steal::Empty;
        }
        // Acquire: pairs with the Release in `publish`, for the slots and what the elements point
        // to.
        if (indices.is_stealing() && !mutated!("deque-claim-while-stealing"))
            || word
                .exchange(
                    indices,
                    indices.with_claimed(count),
                    ordering!(Acquire, "deque-claim-relaxed"),
                )
                .is_err()
        {
            return Steal::Busy;
        }
        let read = |offset: u16| {
            // SAFETY: the slot was written before it was published, which the claim has acquired;
            // nobody writes to it until `steal` has passed it, which only the one thief under way
            // makes happen.
            unsafe { self.ring.slot(indices.real.wrapping_add(offset)).read() }
        };
        let first = read(0);
        for offset in 1..count {
            keep(read(offset));
        }
        // As it most likely is: a load right behind the claim would wait for it.
        let mut current = indices.with_claimed(count);
        // Release: pairs with the Acquire in the owner's `refresh_limit`, which may write to these
        // slots next.
        while let Err(changed) = word.exchange(
            current,
            current.with_steal_finished(),
            ordering!(Release, "deque-finish-relaxed"),
        ) {
            current = changed;
        }
        if count > 1 {
            publish();
        }
        Steal::Taken {
            first,
            more: usize::from(count) - 1,
        }
    }
}

impl<T> Clone for Stealer<T> {
    fn clone(&self) -> Self {
        Self {
            ring: Arc::clone(&self.ring),
        }
    }
}

impl<T> fmt::Debug for Stealer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stealer")
            .field("public", &self.public_len())
            .finish()
    }
}
