//! The state word of a spawned task: see the essay in the folder.

use taskweave_sys::sync::atomic::{AtomicU32, Ordering};
use taskweave_sys::{mutated, ordering};

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

impl State {
    pub(crate) fn queued() -> Self {
        State(AtomicU32::new(QUEUED | HANDLE))
    }

    /// True for exactly one caller: the closure is its.
    #[must_use]
    pub(crate) fn claim(&self) -> bool {
        if mutated!("spawn-claim-by-load") {
            let before = self.0.load(Ordering::Acquire);
            self.0.fetch_or(CLAIMED, Ordering::Acquire);
            return before & CLAIMED == 0;
        }
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
        let before = self
            .0
            .fetch_or(DONE, ordering!(AcqRel, "spawn-finish-relaxed"));
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
            .fetch_update(
                ordering!(AcqRel, "spawn-waiter-relaxed"),
                Ordering::Acquire,
                |state| (state & DONE == 0).then(|| change(state)),
            )
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
        self.0
            .fetch_and(!QUEUED, ordering!(AcqRel, "spawn-leave-relaxed"))
            & HANDLE
            == 0
    }

    /// The handle goes before the task is done: the result will be the claimer's to drop. False: it's done, and the handle is
    /// still there.
    #[must_use]
    pub(crate) fn detach_early(&self) -> bool {
        if mutated!("spawn-detach-before-result") {
            return self.0.fetch_and(!HANDLE, Ordering::AcqRel) & DONE == 0;
        }
        // AcqRel: as in `leave_queue`. Acquire on failure: as in `is_done`.
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
                (state & DONE == 0).then_some(state & !HANDLE)
            })
            .is_ok()
    }

    /// The handle of a finished task goes, whose result has left. True: free the memory.
    #[must_use]
    pub(crate) fn detach(&self) -> bool {
        // AcqRel: as in `leave_queue`.
        let before = self
            .0
            .fetch_and(!HANDLE, ordering!(AcqRel, "spawn-detach-relaxed"));
        before & QUEUED == 0
    }
}
