//! The state word of a spawned task: see the essay in the folder.

use taskweave_sys::sync::atomic::{AtomicU32, Ordering};
use taskweave_sys::{mutated, ordering};

const CLAIMED: u32 = 1;
const DONE: u32 = 2;
const WAITER: u32 = 4;
const QUEUED: u32 = 8;
const HANDLE: u32 = 16;
const TAKEN: u32 = 32;
const AGAIN: u32 = 64;
const ABORT: u32 = 128;

#[derive(Debug)]
pub(crate) struct State(AtomicU32);

/// What the one who finishes a task has to do besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Finished {
    pub(crate) wake: bool,
    pub(crate) drop_result: bool,
}

/// How a poll that brought nothing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Pended {
    /// The future is anybody's who is told that it was woken.
    Idle,
    /// As `Idle`, and it was woken meanwhile: somebody has to be told.
    Again,
    /// It was cancelled meanwhile, and is still the caller's, to be settled.
    Aborted,
}

/// What a cancel meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Cancel {
    /// Nobody polls the future, and it's the caller's, to be settled.
    Claimed,
    /// It's being polled; whoever does so settles it, unless this was the last poll.
    Noted,
    /// It has ended.
    Late,
}

impl State {
    pub(crate) fn queued() -> Self {
        State(AtomicU32::new(QUEUED | HANDLE))
    }

    /// Of a slot without a future: nobody can claim it.
    pub(crate) fn vacant() -> Self {
        State(AtomicU32::new(CLAIMED | DONE))
    }

    /// A future stands in the slot.
    pub(crate) fn arm(&self) {
        // Release: pairs with the Acquire in `begin_poll`, by those who have a signal that was meant for the slot's last future.
        self.0
            .store(QUEUED | HANDLE, ordering!(Release, "future-arm-relaxed"));
    }

    /// The slot is empty again.
    pub(crate) fn disarm(&self) {
        // Relaxed: handed on by the bit of the slot.
        self.0.store(CLAIMED | DONE, Ordering::Relaxed);
    }

    /// Claims a future for a poll. False: it has ended, or somebody else has it, who is told to look again.
    #[must_use]
    pub(crate) fn begin_poll(&self) -> bool {
        if mutated!("future-poll-overlooks-wake") {
            return self.0.fetch_or(CLAIMED, Ordering::AcqRel) & CLAIMED == 0;
        }
        // AcqRel, also where nothing changes: Release hands what the waker did on to whoever has claimed it; Acquire pairs with `arm`, and with
        // `end_poll` for what the last poll did.
        let seen = self.0.fetch_update(
            ordering!(AcqRel, "future-claim-relaxed"),
            Ordering::Acquire,
            |state| match state {
                _ if state & DONE != 0 => None,
                _ if state & CLAIMED != 0 => Some(state | AGAIN),
                _ => Some(state | CLAIMED),
            },
        );
        seen.is_ok_and(|before| before & CLAIMED == 0)
    }

    /// The poll brought nothing.
    pub(crate) fn end_poll(&self) -> Pended {
        // AcqRel: Release hands the future to the next poll; Acquire pairs with those who have set AGAIN.
        let before = self.0.fetch_update(
            ordering!(AcqRel, "future-pend-relaxed"),
            Ordering::Acquire,
            |state| (state & ABORT == 0).then_some(state & !(CLAIMED | AGAIN)),
        );
        match before {
            Err(_) => Pended::Aborted,
            Ok(before) if before & AGAIN != 0 => Pended::Again,
            Ok(_) => Pended::Idle,
        }
    }

    /// Claims a future to settle it, or leaves that to whoever polls it.
    pub(crate) fn cancel(&self) -> Cancel {
        // AcqRel: as in `begin_poll`.
        let seen = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| match state {
                _ if state & DONE != 0 => None,
                _ if state & CLAIMED != 0 && !mutated!("future-cancel-claims-anyway") => {
                    Some(state | ABORT)
                }
                _ => Some(state | CLAIMED),
            });
        match seen {
            Err(_) => Cancel::Late,
            Ok(before) if before & CLAIMED != 0 && !mutated!("future-cancel-claims-anyway") => {
                Cancel::Noted
            }
            Ok(_) => Cancel::Claimed,
        }
    }

    /// Whether a future stands here, and nobody has it: at this moment.
    pub(crate) fn is_pending(&self) -> bool {
        self.0.load(Ordering::SeqCst) & (CLAIMED | DONE) == 0
    }

    /// Whether a task stands here that hasn't ended.
    pub(crate) fn is_open(&self) -> bool {
        self.0.load(Ordering::SeqCst) & DONE == 0
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
