//! The lock of a wheel: an exchange to take it, and a store to give it back.
//!
//! It's held for some nanoseconds, and half of the time that it takes to set a timer would be the exchanges of a lock whose owner knows who waits. So nobody does: whoever finds it
//! taken looks again, and when that takes long, as its owner has lost its processor, sleeps in between for a few microseconds, so that also an owner of a lower priority comes to
//! its end.

use core::time::Duration;

use taskweave_sys::ordering;
use taskweave_sys::sync::atomic::{AtomicBool, Ordering};
use taskweave_sys::sync::cell::UnsafeCell;
use taskweave_sys::sync::hint::spin_loop;
use taskweave_sys::sync::thread::{sleep, yield_now};

/// Looks that spin, and then those that yield.
const SPINS: u32 = 100;
const YIELDS: u32 = 10;
const NAP: Duration = Duration::from_micros(20);

/// See the module.
pub(super) struct Lock<T> {
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by one thread at a time, and handed over with Release and Acquire.
unsafe impl<T: Send> Sync for Lock<T> {}

/// Gives the lock back, also when a panic passes.
struct Taken<'a>(&'a AtomicBool);

impl Drop for Taken<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: pairs with the Acquire of whoever takes it next.
        self.0
            .store(false, ordering!(Release, "timer-unlock-relaxed"));
    }
}

impl<T> Lock<T> {
    pub(super) fn new(value: T) -> Self {
        Lock {
            taken: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Not a swap: one that fails would be a write of its own, and in the eyes of a model put off the owner's.
    #[inline]
    fn try_take(&self) -> bool {
        // Acquire: pairs with the Release in `Taken`.
        self.taken
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Calls `act` with the value. No foreign code in it.
    #[inline]
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        if !self.try_take() {
            self.wait();
        }
        let _taken = Taken(&self.taken);
        // SAFETY: taken, so nobody else has a reference.
        self.value.with_mut(|value| act(unsafe { &mut *value }))
    }

    #[cold]
    fn wait(&self) {
        let mut looks = 0;
        while self.taken.load(Ordering::Relaxed) || !self.try_take() {
            looks += 1;
            if cfg!(any(taskweave_loom, taskweave_shuttle)) {
                yield_now();
            } else if looks <= SPINS {
                spin_loop();
            } else if looks <= SPINS + YIELDS {
                yield_now();
            } else {
                sleep(NAP);
            }
        }
    }
}
