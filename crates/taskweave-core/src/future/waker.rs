//! Wakers of futures, and those that others gave us to keep.

use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};
use core::task::{RawWaker, RawWakerVTable, Waker};

use taskweave_sys::sync::atomic::Ordering;

use super::leaf::SlotRef;
use super::run::Noted;
use crate::error::contain;
use crate::shared::{Phase, Shared};
use crate::thread;

// A static, so that there is one of it.
static VERBS: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

unsafe fn slot(data: *const ()) -> SlotRef {
    // SAFETY: wakers are made of slots.
    SlotRef(unsafe { NonNull::new_unchecked(data.cast_mut().cast()) })
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: a waker's data.
    let slot = unsafe { slot(data) };
    // SAFETY: the current worker's slot is alive while this thread occupies it.
    let worker = unsafe { thread::current().as_ref() };
    if !worker.is_some_and(|worker| worker.polls.take_spare(slot)) {
        slot.add_ref();
    }
    RawWaker::new(data, &VERBS)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: a waker's data.
    let slot = unsafe { slot(data) };
    if slot.wake(true) != Noted::Kept {
        // SAFETY: the count is the waker's.
        unsafe { slot.drop_ref() };
    }
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: a waker's data.
    let _ = unsafe { slot(data) }.wake(false);
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: a waker's data.
    let slot = unsafe { slot(data) };
    // SAFETY: the count is the waker's.
    unsafe { slot.drop_ref() };
}

impl SlotRef {
    /// A slot by its address, if there is one.
    pub(super) fn of(data: *const ()) -> Option<Self> {
        NonNull::new(data.cast_mut().cast()).map(SlotRef)
    }

    /// Has the future polled. The caller has a count of the slot, and parts with it if it's `counted` and kept.
    fn wake(self, counted: bool) -> Noted {
        // SAFETY: the slot in use keeps the pool's shared part alive.
        let shared = unsafe { &*self.leaf().shared() };
        if shared.phase() != Phase::Open {
            // Relaxed: handed on with the waker's count.
            self.wakes().fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the current worker's slot is alive while this thread occupies it.
        if let Some(worker) = unsafe { thread::current().as_ref() }
            && ptr::eq(worker.shared(), shared)
        {
            let noted = worker.polls.note(self, counted);
            if noted != Noted::No {
                return noted;
            }
        }
        self.leaf().raise(self.bit());
        Noted::No
    }

    /// A waker. The caller knows that the future hasn't ended.
    pub(crate) fn count(self) -> Waker {
        self.add_ref();
        let data: *const () = self.0.as_ptr().cast_const().cast();
        // SAFETY: the verbs fit the data, which was counted just now.
        unsafe { Waker::new(data, &VERBS) }
    }

    /// A waker for the time of a poll: it has no count of its own.
    pub(super) fn waker(self) -> ManuallyDrop<Waker> {
        let data: *const () = self.0.as_ptr().cast_const().cast();
        // SAFETY: the verbs fit the data, and the claim keeps the slot for as long as the poll takes.
        ManuallyDrop::new(unsafe { Waker::new(data, &VERBS) })
    }
}

/// A waker that a handle of a task keeps: known to be no source of wakes from outside the pool, if both are of the same one.
pub(crate) struct Held {
    waker: Option<Waker>,
    slot: Option<SlotRef>,
}

// SAFETY: the slot is the waker's.
unsafe impl Send for Held {}
// SAFETY: as above.
unsafe impl Sync for Held {}

impl Held {
    pub(crate) fn new(waker: Waker, pool: *const Shared) -> Self {
        let ours = core::ptr::eq(waker.vtable(), &raw const VERBS);
        // SAFETY: a waker of ours.
        let slot = ours.then(|| unsafe { slot(waker.data()) });
        let slot = slot.filter(|slot| core::ptr::eq(slot.leaf().shared(), pool));
        if let Some(slot) = slot {
            slot.hold(1);
        }
        Held {
            waker: Some(waker),
            slot,
        }
    }

    /// Wakes, and contains what comes of it.
    pub(crate) fn wake(mut self) {
        if let Some(waker) = self.release() {
            contain(|| waker.wake());
        }
    }

    fn release(&mut self) -> Option<Waker> {
        if let Some(slot) = self.slot.take() {
            // While the waker has its count.
            slot.hold(-1);
        }
        self.waker.take()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.release());
    }
}
