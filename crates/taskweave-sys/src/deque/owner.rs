//! The owner's end.

use std::{cell::Cell, fmt, mem::MaybeUninit, ptr::NonNull};

use super::{
    Full,
    indices::Indices,
    ring::{Ring, Slot},
};
use crate::sync::{Arc, atomic::Ordering};

/// How many elements [`Owner::spill`] claims at once, and so keeps on the stack.
const SPILL_CHUNK: u16 = 32;

/// The one handle that may push and pop. See the [module](super).
///
/// It can be sent to another thread but not shared:
///
/// ```compile_fail
/// fn shared<T: Sync>(_: T) {}
/// let (owner, _stealer) = taskweave_sys::deque::new::<u8>(4).unwrap();
/// shared(owner);
/// ```
pub struct Owner<T> {
    /// The ring's slots, so that a push follows one pointer.
    slots: NonNull<Slot<T>>,
    /// The capacity less one.
    mask: usize,
    /// One past the youngest element. 64 bits wide so that positions never wrap; its low bits are
    /// the ring's index.
    bottom: Cell<u64>,
    /// The first private element: the shared word's `split`, which nobody else changes.
    split: Cell<u64>,
    /// The word's `split` is behind ours, as the oldest private elements were removed without a change to it. Then
    /// nothing is public, and the next publication tells.
    behind: Cell<bool>,
    /// The word as it was when this side last saw it: the start of the next exchange, as a load right behind a
    /// read-modify-write of the same place waits for it. If nothing was public then, nothing is.
    seen: Cell<Indices>,
    /// `bottom` mustn't pass this: the capacity beyond a `steal` seen earlier, which can only have
    /// moved up since.
    limit: Cell<u64>,
    /// Where `bottom` was when the deque was last found empty. As long as it is there, the deque is: only a push adds elements, and moves it.
    empty_at: Cell<u64>,
    ring: Arc<Ring<T>>,
}

// SAFETY: the slots belong to the ring, which goes along and is `Send`; the cells are used by
// whoever has the owner.
unsafe impl<T> Send for Owner<T> {}

/// A place in an [`Owner`]'s order of pushes, for [`Owner::pop_above`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64);

impl<T> Owner<T> {
    pub(super) fn new(ring: Arc<Ring<T>>) -> Self {
        let slots = ring.slots();
        Self {
            slots: NonNull::from(slots).cast(),
            mask: slots.len() - 1,
            bottom: Cell::new(0),
            split: Cell::new(0),
            behind: Cell::new(false),
            seen: Cell::new(ring.word.load(Ordering::Relaxed)),
            limit: Cell::new(slots.len() as u64),
            empty_at: Cell::new(0),
            ring,
        }
    }

    /// Adds an element, the youngest, which stays private until it is published.
    ///
    /// # Errors
    /// [`Full`] with the element, if all slots are in use; those that a thief is copying count.
    #[inline]
    pub fn push(&self, element: NonNull<T>) -> Result<(), Full<T>> {
        if self.bottom.get() == self.limit.get() && !self.refresh_limit() {
            return Err(Full(element));
        }
        self.push_within_limit(element);
        Ok(())
    }

    /// Takes the youngest element, private or public. What is public besides stays so.
    #[inline]
    pub fn pop(&self) -> Option<NonNull<T>> {
        if self.bottom.get() == self.split.get() && !self.take_back() {
            return None;
        }
        Some(self.pop_private())
    }

    /// Takes the youngest element that was pushed since `mark` was the
    /// [`position`](Self::position).
    #[inline]
    pub fn pop_above(&self, mark: Position) -> Option<NonNull<T>> {
        let bottom = self.bottom.get();
        if bottom <= mark.0 || (bottom == self.split.get() && !self.take_back()) {
            return None;
        }
        Some(self.pop_private())
    }

    /// Takes the oldest element that no thief has claimed, public or private.
    #[inline]
    pub fn pop_oldest(&self) -> Option<NonNull<T>> {
        let mut oldest = None;
        self.remove_oldest(1, |index| {
            // SAFETY: the owner wrote the slot, and hasn't written to it since: it was unclaimed
            // until now.
            oldest = Some(unsafe { self.slot(index).read() });
        });
        oldest
    }

    /// Where the next element will be pushed.
    #[inline]
    pub fn position(&self) -> Position {
        Position(self.bottom.get())
    }

    /// Makes the oldest `count` private elements public, or all if there are fewer; returns how
    /// many.
    #[inline]
    pub fn publish(&self, count: usize) -> usize {
        let count = count.min(self.private_len());
        if count > 0 {
            // At most the capacity, which fits.
            let word = &self.ring.word;
            self.seen.set(if self.behind.replace(false) {
                word.publish_from(self.split.get() as u16, count as u16)
            } else {
                word.publish(count as u16)
            });
            self.split.set(self.split.get() + count as u64);
        }
        count
    }

    /// Makes all elements public; returns how many weren't.
    #[inline]
    pub fn publish_all(&self) -> usize {
        self.publish(usize::MAX)
    }

    /// Removes up to `max` elements, the oldest first, public ones too, and hands each to
    /// `receive`; returns how many.
    ///
    /// Elements are claimed 32 at a time, at one compare-exchange. `receive` may use the deque. If
    /// it unwinds, those claimed but not yet received are lost.
    pub fn spill(&self, max: usize, mut receive: impl FnMut(NonNull<T>)) -> usize {
        let mut spilled = 0;
        loop {
            let mut chunk = [const { MaybeUninit::<NonNull<T>>::uninit() }; SPILL_CHUNK as usize];
            let mut places = chunk.iter_mut();
            let most = (max - spilled).min(usize::from(SPILL_CHUNK)) as u16;
            let claimed = self.remove_oldest(most, |index| {
                if let Some(place) = places.next() {
                    // SAFETY: the owner wrote the slot, and hasn't written to it since: it was
                    // unclaimed until now.
                    place.write(unsafe { self.slot(index).read() });
                }
            });
            for place in &chunk[..claimed] {
                // SAFETY: `remove_oldest` has filled as many places as it says.
                receive(unsafe { place.assume_init() });
            }
            spilled += claimed;
            if claimed == 0 || spilled == max {
                return spilled;
            }
        }
    }

    /// How many elements are private. Reads no shared memory.
    #[inline]
    pub fn private_len(&self) -> usize {
        (self.bottom.get() - self.split.get()) as usize
    }

    /// How many elements thieves could claim at this moment. One load.
    #[inline]
    pub fn public_len(&self) -> usize {
        // Relaxed: a number, out of date as soon as it is known.
        self.ring.word.load(Ordering::Relaxed).public().into()
    }

    /// How many elements [`pop`](Self::pop) could return, if no thief comes.
    #[inline]
    pub fn len(&self) -> usize {
        self.private_len() + self.public_len()
    }

    /// Whether there is nothing to pop. Reads shared memory only until the answer is yes, and then not before the next push.
    #[inline]
    pub fn is_empty(&self) -> bool {
        let bottom = self.bottom.get();
        if bottom == self.empty_at.get() {
            return true;
        }
        let is_empty = self.len() == 0;
        if is_empty {
            self.empty_at.set(bottom);
        }
        is_empty
    }

    /// How many slots there are.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.mask + 1
    }

    /// How many elements can be pushed before the deque is full. One load.
    #[inline]
    pub fn room(&self) -> usize {
        self.refresh_limit();
        (self.limit.get() - self.bottom.get()) as usize
    }

    /// Another handle for thieves.
    pub fn stealer(&self) -> super::Stealer<T> {
        super::Stealer::new(Arc::clone(&self.ring))
    }

    /// Whether there is room after another look at how far the thieves are.
    #[cold]
    fn refresh_limit(&self) -> bool {
        // Acquire: pairs with the Release of a thief that has finished; its reads of the slots come
        // before what is written there next.
        let indices = self
            .ring
            .word
            .load(ordering!(Acquire, "deque-refresh-relaxed"));
        let split = self.split.get();
        let in_use = indices.shared_slots();
        let steal = if in_use == 0 {
            split
        } else {
            let behind = (split as u16).wrapping_sub(indices.split);
            split - u64::from(behind) - u64::from(in_use)
        };
        let limit = steal + self.capacity() as u64;
        self.limit.set(limit);
        self.bottom.get() != limit
    }

    /// There is room.
    #[inline(always)]
    pub(super) fn push_within_limit(&self, element: NonNull<T>) {
        let bottom = self.bottom.get();
        // SAFETY: `bottom` is below the limit, so that its slot's last element was removed, and
        // whoever read it has finished.
        unsafe { self.slot(bottom as u16).write(element) };
        self.bottom.set(bottom + 1);
    }

    /// There is a private element.
    #[inline(always)]
    fn pop_private(&self) -> NonNull<T> {
        let bottom = self.bottom.get() - 1;
        self.bottom.set(bottom);
        // SAFETY: the owner wrote the slot, and it is private: no other thread comes near it.
        unsafe { self.slot(bottom as u16).read() }
    }

    /// With no private element left: makes the youngest public one private; returns whether there was one.
    #[cold]
    fn take_back(&self) -> bool {
        loop {
            let indices = self.seen.get();
            if indices.public() == 0 {
                return false;
            }
            if self.exchange(indices.with_youngest_taken_back()) {
                self.split.set(self.split.get() - 1);
                return true;
            }
        }
    }

    /// Removes up to `max` of the oldest elements and calls `read` with the index of each, oldest
    /// first; returns how many.
    #[inline]
    fn remove_oldest(&self, max: u16, mut read: impl FnMut(u16)) -> usize {
        loop {
            let indices = self.seen.get();
            let private = self.private_len() as u16;
            if indices.public() == 0 {
                // Only the owner makes anything public, so all that's left is its own.
                let count = private.min(max);
                let first = self.split.get();
                if count > 0 {
                    self.behind.set(true);
                    self.split.set(first + u64::from(count));
                }
                for offset in 0..count {
                    read((first as u16).wrapping_add(offset));
                }
                return count.into();
            }
            let count = (indices.public() + private).min(max);
            if count == 0 {
                return 0;
            }
            if self.exchange(indices.with_oldest_removed(count)) {
                let private = count.saturating_sub(indices.public());
                self.split.set(self.split.get() + u64::from(private));
                for offset in 0..count {
                    read(indices.real.wrapping_add(offset));
                }
                return count.into();
            }
        }
    }

    /// Changes the word from what was last seen of it. If it has changed, sees what it is now and returns false.
    #[inline(always)]
    fn exchange(&self, to: Indices) -> bool {
        // Relaxed: the slots concerned were written by this thread and are read by no other. That a thief may free
        // them under our hands doesn't matter, as only this thread would write to them again.
        match self
            .ring
            .word
            .exchange(self.seen.get(), to, Ordering::Relaxed)
        {
            Ok(()) => {
                self.seen.set(to);
                true
            }
            Err(changed) => {
                self.see(changed);
                false
            }
        }
    }

    /// Out of line, so that what comes next waits for a prediction and not for the exchange.
    #[cold]
    #[inline(never)]
    fn see(&self, changed: Indices) {
        self.seen.set(changed);
    }

    #[inline(always)]
    fn slot(&self, index: u16) -> &Slot<T> {
        // SAFETY: masked with the capacity less one, a power of two less one, the place is within
        // the slots.
        let slot = unsafe { self.slots.add(usize::from(index) & self.mask) };
        // SAFETY: the slots live as long as the ring that `self` keeps, and are changed through
        // cells only.
        unsafe { slot.as_ref() }
    }
}

impl<T> fmt::Debug for Owner<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner")
            .field("private", &self.private_len())
            .field("public", &self.public_len())
            .field("capacity", &self.capacity())
            .finish()
    }
}
