//! A writer's ring, and where readers stand in it.

use std::fmt;

use crossbeam_utils::CachePadded;
use taskweave_sys::ordering;
use taskweave_sys::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use taskweave_sys::sync::cell::UnsafeCell;

/// How much a writer has published.
pub(super) struct Lane {
    written: CachePadded<AtomicU64>,
}

impl Lane {
    pub(super) fn new() -> Self {
        Self {
            written: CachePadded::new(AtomicU64::new(0)),
        }
    }

    /// Makes the batches before `position` visible.
    pub(super) fn publish(&self, position: u64) {
        // Release: pairs with the Acquire in `written`; the batch is in its slot.
        self.written
            .store(position, ordering!(Release, "lane-publish-relaxed"));
    }

    /// How many batches there have been; they can be read.
    pub(super) fn written(&self) -> u64 {
        // Acquire: pairs with the Release in `publish`.
        self.written.load(Ordering::Acquire)
    }
}

/// The slots of a lane. The batch of position p is in slot p mod size.
pub(super) struct Ring<T> {
    slots: Box<[UnsafeCell<T>]>,
}

// SAFETY: slots are read by several threads and written by one, by the protocol that callers of `read` and `write` promise to keep.
unsafe impl<T: Send + Sync> Sync for Ring<T> {}

impl<T: Default> Ring<T> {
    /// `size` is a power of two.
    pub(super) fn new(size: u64) -> Self {
        Self {
            slots: (0..size).map(|_| UnsafeCell::new(T::default())).collect(),
        }
    }
}

impl<T> Ring<T> {
    fn slot(&self, position: u64) -> &UnsafeCell<T> {
        // The size is a power of two that fits memory.
        &self.slots[position as usize & (self.slots.len() - 1)]
    }

    /// Shows the batch of this position.
    ///
    /// # Safety
    /// It was published, as the caller has seen, and the writer doesn't write the slot until `read` has returned.
    pub(super) unsafe fn read<R>(&self, position: u64, read: impl FnOnce(&T) -> R) -> R {
        self.slot(position).with(|slot| {
            // SAFETY: nobody writes, as the caller promises.
            read(unsafe { &*slot })
        })
    }

    /// Gives the slot of this position to be filled.
    ///
    /// # Safety
    /// The caller is the lane's writer, and nobody reads or will read what the slot held.
    pub(super) unsafe fn write(&self, position: u64, write: impl FnOnce(&mut T)) {
        self.slot(position).with_mut(|slot| {
            // SAFETY: nobody else uses the slot, as the caller promises.
            write(unsafe { &mut *slot });
        });
    }
}

/// Where one reader stands in one lane. Written by the reader, or for it under the lock when it lags and isn't busy.
pub(super) struct Place {
    done: AtomicU64,
    end: AtomicU64,
}

impl Place {
    pub(super) fn new(position: u64) -> Self {
        Self {
            done: AtomicU64::new(position),
            end: AtomicU64::new(position),
        }
    }

    /// Everything before it is folded.
    pub(super) fn done(&self) -> u64 {
        // Acquire: pairs with the Release in `set_done`: who overwrites a slot does so after it was read.
        self.done.load(Ordering::Acquire)
    }

    pub(super) fn set_done(&self, position: u64) {
        // Release: pairs with the Acquire in `done`.
        self.done
            .store(position, ordering!(Release, "reader-done-relaxed"));
    }

    /// Where the receive under way ends. To be asked only after the gate has told that there is one.
    pub(super) fn end(&self) -> u64 {
        // Relaxed: the gate orders it.
        self.end.load(Ordering::Relaxed)
    }

    pub(super) fn set_end(&self, position: u64) {
        // Relaxed: the gate publishes it.
        self.end.store(position, Ordering::Relaxed);
    }
}

/// A reader's word: is a receive under way, and does it lag?
pub(super) struct Gate(AtomicUsize);

const BUSY: usize = 1;
const LAGS: usize = 2;

impl Gate {
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Begins a receive of what the places' ends say. False: the reader was demoted.
    #[must_use]
    pub(super) fn enter(&self) -> bool {
        // Release: pairs with the Acquire in `demote`; the ends are stored. Relaxed on failure: the lock orders what follows.
        let release = ordering!(Release, "gate-enter-relaxed");
        self.0
            .compare_exchange(0, BUSY, release, Ordering::Relaxed)
            .is_ok()
    }

    /// Ends the receive.
    pub(super) fn leave(&self) {
        // Release: pairs with the Acquire in `demote`; what the places say is final.
        self.0
            .fetch_and(!BUSY, ordering!(Release, "gate-leave-relaxed"));
    }

    /// Whether it was demoted. By the reader alone.
    pub(super) fn lags(&self) -> bool {
        // Relaxed: what belongs to it is read under the lock.
        self.0.load(Ordering::Relaxed) & LAGS != 0
    }

    /// Demotes the reader; true if it's within a receive. Under the lock.
    pub(super) fn demote(&self) -> bool {
        // Acquire: pairs with the Release in `enter` and `leave`.
        self.0.fetch_or(LAGS, Ordering::Acquire) & BUSY != 0
    }

    /// Ends the lagging and begins a receive. Under the lock, by the reader, when none is under way.
    pub(super) fn catch_up(&self) {
        // Release: pairs with the Acquire in `demote`, although the lock would do.
        self.0.store(BUSY, Ordering::Release);
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lane").field(&self.written()).finish()
    }
}
