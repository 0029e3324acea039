//! The state word of a spawned task: see the essay in the folder.

use taskweave_sys::sync::atomic::{AtomicU32, Ordering};

const CLAIMED: u32 = 1;
const DONE: u32 = 2;
const WAITER: u32 = 4;
const QUEUED: u32 = 8;
const HANDLE: u32 = 16;
const TAKEN: u32 = 32;

#[derive(Debug)]
pub(crate) struct State(AtomicU32);

/// What the one who finishes a task has to do besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Finished {
    pub(crate) wake: bool,
    pub(crate) drop_result: bool,
}

/// What the one who drops a handle has to do besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Detached {
    pub(crate) drop_result: bool,
    pub(crate) free: bool,
}

impl State {
    pub(crate) fn queued() -> Self {
        State(AtomicU32::new(QUEUED | HANDLE))
    }

    /// True for exactly one caller: the closure is its.
    #[must_use]
    pub(crate) fn claim(&self) -> bool {
        // Acquire: pairs with the publication of the task where the claim isn't made through a queue.
        self.0.fetch_or(CLAIMED, Ordering::Acquire) & CLAIMED == 0
    }

    pub(crate) fn is_done(&self) -> bool {
        // Acquire: pairs with the Release half of `finish`; the result is visible.
        self.0.load(Ordering::Acquire) & DONE != 0
    }

    /// The result is stored.
    pub(crate) fn finish(&self) -> Finished {
        // AcqRel: Release publishes the result; Acquire pairs with `set_waiter`.
        let order = if cfg!(taskweave_mutation = "spawn_finish_relaxed") {
            Ordering::Relaxed
        } else {
            Ordering::AcqRel
        };
        let before = self.0.fetch_or(DONE, order);
        Finished {
            wake: before & WAITER != 0,
            drop_result: before & HANDLE == 0,
        }
    }

    /// The waiter field is written. False: the task is done, don't wait.
    #[must_use]
    pub(crate) fn set_waiter(&self) -> bool {
        self.change_unless_done(|state| state | WAITER)
    }

    /// The waiter field is the handle's again. False: the task is done.
    #[must_use]
    pub(crate) fn clear_waiter(&self) -> bool {
        self.change_unless_done(|state| state & !WAITER)
    }

    fn change_unless_done(&self, change: impl Fn(u32) -> u32) -> bool {
        // AcqRel: Release hands the field to `finish`; Acquire, as in `is_done`.
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
                (state & DONE == 0).then(|| change(state))
            })
            .is_ok()
    }

    /// The handle takes the result of a finished task. False: it has done so before.
    #[must_use]
    pub(crate) fn take_result(&self) -> bool {
        // Relaxed: only the handle looks at this bit, and it has seen DONE.
        self.0.fetch_or(TAKEN, Ordering::Relaxed) & TAKEN == 0
    }

    /// The kernel is through with the header. True: free the memory.
    #[must_use]
    pub(crate) fn leave_queue(&self) -> bool {
        // AcqRel: the one who frees sees all that the other did.
        self.0.fetch_and(!QUEUED, Ordering::AcqRel) & HANDLE == 0
    }

    /// The handle goes.
    pub(crate) fn detach(&self) -> Detached {
        // AcqRel: as in `leave_queue`, and Acquire pairs with `finish`.
        let before = self.0.fetch_and(!HANDLE, Ordering::AcqRel);
        Detached {
            drop_result: before & DONE != 0 && before & TAKEN == 0,
            free: before & QUEUED == 0,
        }
    }
}
