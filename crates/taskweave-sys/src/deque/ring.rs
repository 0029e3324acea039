//! The memory that owner and thieves share.

use std::ptr::{self, NonNull};

use crossbeam_utils::CachePadded;

use super::indices::Word;
use crate::sync::cell::UnsafeCell;

/// Null only before the first element is written to it.
pub(super) struct Slot<T>(UnsafeCell<*mut T>);

impl<T> Slot<T> {
    /// # Safety
    /// An element was written to the slot, that write happened before this call, and nobody writes
    /// meanwhile.
    #[inline(always)]
    pub(super) unsafe fn read(&self) -> NonNull<T> {
        // SAFETY: nobody writes meanwhile, by this function's own contract.
        let element = self.0.with(|slot| unsafe { *slot });
        // SAFETY: an element was written, and `write` takes no null.
        unsafe { NonNull::new_unchecked(element) }
    }

    /// # Safety
    /// Nobody reads or writes meanwhile.
    #[inline(always)]
    pub(super) unsafe fn write(&self, element: NonNull<T>) {
        // SAFETY: nobody reads or writes meanwhile, by this function's own contract.
        self.0.with_mut(|slot| unsafe { *slot = element.as_ptr() });
    }
}

pub(super) struct Ring<T> {
    pub(super) word: CachePadded<Word>,
    slots: Box<[Slot<T>]>,
}

// SAFETY: a ring holds addresses, which it never dereferences, so that `T` doesn't matter; a slot
// is read and written by one thread at a time, as the module's essay argues.
unsafe impl<T> Send for Ring<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Ring<T> {}

impl<T> Ring<T> {
    /// `capacity` is a power of two up to 2^15.
    pub(super) fn new(capacity: usize) -> Self {
        let slots = (0..capacity)
            .map(|_| Slot(UnsafeCell::new(ptr::null_mut())))
            .collect();
        Self {
            word: CachePadded::new(Word::new()),
            slots,
        }
    }

    #[inline(always)]
    pub(super) fn slots(&self) -> &[Slot<T>] {
        &self.slots
    }

    /// The slot of an index.
    #[inline(always)]
    pub(super) fn slot(&self, index: u16) -> &Slot<T> {
        let place = usize::from(index) & (self.slots.len() - 1);
        // SAFETY: the length is a power of two and not zero, so that masking with one less gives a
        // place below it.
        unsafe { self.slots.get_unchecked(place) }
    }
}
