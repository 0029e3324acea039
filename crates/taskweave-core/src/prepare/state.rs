//! The state word of a prepared job: see the essay in the folder.

use taskweave_sys::sync::atomic::{AtomicU32, Ordering};
use taskweave_sys::{mutated, ordering};

const LINKED: u32 = 1;
const PENDING: u32 = 2;
const RUNNING: u32 = 4;
const WAITER: u32 = 8;
const CLOSED: u32 = 16;

#[derive(Debug)]
pub(super) struct State(AtomicU32);

/// What a submission has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Submit {
    /// Nothing: the last one hasn't ended.
    Refused,
    /// Queue the header.
    Queue,
    /// Nothing: the header is still queued from before.
    Linked,
}

/// What the party that gives up a share has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Released {
    Nothing,
    /// The closure is the caller's to run.
    Run,
    /// The memory is the caller's to free.
    Free,
}

impl State {
    pub(super) fn new() -> Self {
        State(AtomicU32::new(0))
    }

    /// Replaces the state by `change(state)` while that is `Some`, and returns what was.
    fn update(&self, change: impl Fn(u32) -> Option<u32>) -> Result<u32, u32> {
        // AcqRel: every transition hands the closure or the outcome from one party to another through
        // this one word.
        self.0.fetch_update(
            ordering!(AcqRel, "prepare-update-relaxed"),
            Ordering::Acquire,
            change,
        )
    }

    pub(super) fn submit(&self) -> Submit {
        let before = self
            .update(|state| (state & (PENDING | RUNNING) == 0).then_some(state | PENDING | LINKED));
        match before {
            Err(_) => Submit::Refused,
            Ok(before) if before & LINKED == 0 => Submit::Queue,
            Ok(_) => Submit::Linked,
        }
    }

    /// Turns a pending submission into a run by the caller.
    #[must_use]
    pub(super) fn begin(&self) -> bool {
        self.update(|state| (state & PENDING != 0).then_some(state & !PENDING | RUNNING))
            .is_ok()
    }

    /// Begins a run without a submission.
    #[must_use]
    pub(super) fn begin_directly(&self) -> bool {
        self.update(|state| (state & (PENDING | RUNNING) == 0).then_some(state | RUNNING))
            .is_ok()
    }

    /// The queue has given the header back.
    pub(super) fn unlink(&self) -> Released {
        let before = self.update(|state| {
            let state = state & !LINKED;
            Some(if state & PENDING != 0 {
                state & !PENDING | RUNNING
            } else {
                state
            })
        });
        match before {
            Ok(before) if before & PENDING != 0 => Released::Run,
            Ok(before) if before & CLOSED != 0 => Released::Free,
            _ => Released::Nothing,
        }
    }

    /// A submission that was refused before it was queued has ended.
    pub(super) fn unlink_unqueued(&self) {
        let _ = self.update(|state| Some(state & !(LINKED | PENDING)));
    }

    /// The run has ended. `waiter` is asked for who sleeps, if somebody does, while the memory is still
    /// certain to be there: as soon as the state says so, the owner may free it.
    pub(super) fn end<W>(&self, waiter: impl Fn() -> W) -> (Option<W>, Released) {
        // Acquire: pairs with `announce_waiter`.
        let mut state = self.0.load(Ordering::Acquire);
        let first = state;
        loop {
            let seen = if mutated!("prepare-end-overlooks-waiter") {
                first
            } else {
                state
            };
            let sleeper = (seen & WAITER != 0).then(&waiter);
            let ended = state & !(RUNNING | WAITER);
            // AcqRel and Acquire: as in `update`.
            match self.0.compare_exchange_weak(
                state,
                ended,
                ordering!(AcqRel, "prepare-end-relaxed"),
                Ordering::Acquire,
            ) {
                Ok(_) if ended & CLOSED != 0 && ended & LINKED == 0 => {
                    return (sleeper, Released::Free);
                }
                Ok(_) => return (sleeper, Released::Nothing),
                Err(now) => state = now,
            }
        }
    }

    /// Whether a submission hasn't ended.
    pub(super) fn is_busy(&self) -> bool {
        // Acquire: pairs with `end`.
        self.0.load(Ordering::Acquire) & (PENDING | RUNNING) != 0
    }

    /// Asks to be woken at the end. False: it has come.
    #[must_use]
    pub(super) fn announce_waiter(&self) -> bool {
        self.update(|state| (state & (PENDING | RUNNING) != 0).then_some(state | WAITER))
            .is_ok()
    }

    /// The owner goes. Nothing is pending; a run that isn't over frees the memory at its end.
    pub(super) fn close(&self) -> Released {
        match self.update(|state| Some(state | CLOSED)) {
            Ok(before) if before & (LINKED | RUNNING) == 0 => Released::Free,
            _ => Released::Nothing,
        }
    }
}
