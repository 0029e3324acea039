//! The state word: permits in the low half, announced sleepers in the high one.

use crate::sync::atomic::{AtomicU64, Ordering};

const SLEEPER: u64 = 1 << 32;

/// One value of the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(u64);

impl State {
    pub(super) fn permits(self) -> u32 {
        self.0 as u32
    }

    pub(super) fn sleepers(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn with_permits(self, permits: u32) -> Self {
        Self(self.0 & !u64::from(u32::MAX) | u64::from(permits))
    }
}

/// The word and its transitions.
#[derive(Debug)]
pub(super) struct Word(AtomicU64);

impl Word {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Self(AtomicU64::new(0))
        }
    }

    /// For the futex alone.
    pub(super) fn raw(&self) -> &AtomicU64 {
        &self.0
    }

    #[inline]
    pub(super) fn load(&self) -> State {
        // Acquire: pairs with the Release in `add`, for callers that act upon the number of
        // permits.
        State(self.0.load(Ordering::Acquire))
    }

    /// One more sleeper.
    #[inline]
    pub(super) fn announce(&self) {
        // Acquire: pairs with the Release in `add`; what was made ready before an earlier release
        // is seen by the look that follows.
        self.0.fetch_add(SLEEPER, Ordering::AcqRel);
    }

    /// Adds permits, up to the larger of `cap` and the sleepers; returns how many sleepers have to
    /// be woken for them.
    #[inline]
    pub(super) fn add(&self, count: u32, cap: u32) -> u32 {
        self.update(|state| {
            let limit = cap.max(state.sleepers()).max(state.permits());
            let permits = state.permits().saturating_add(count).min(limit);
            // Sleepers that the permits already there are for have been woken by those who added
            // them.
            let mut uncovered = state.sleepers().saturating_sub(state.permits());
            if mutated!("parker-wake-only-from-zero") && state.permits() > 0 {
                uncovered = 0;
            }
            Some((state.with_permits(permits), uncovered.min(count)))
        })
        .unwrap_or(0)
    }

    /// Takes a permit.
    #[inline]
    pub(super) fn try_take(&self) -> bool {
        self.update(|state| (state.permits() > 0).then(|| (State(state.0 - 1), ())))
            .is_some()
    }

    /// A sleeper takes a permit and is a sleeper no more.
    pub(super) fn try_take_and_leave(&self) -> bool {
        self.update(|state| (state.permits() > 0).then(|| (State(state.0 - 1 - SLEEPER), ())))
            .is_some()
    }

    /// A sleeper leaves, with a permit if there is one; returns whether there was.
    pub(super) fn leave_taking_what_is_there(&self) -> bool {
        self.update(|state| {
            let taken = state.permits() > 0;
            Some((State(state.0 - SLEEPER - u64::from(taken)), taken))
        })
        .unwrap_or(false)
    }

    /// A sleeper leaves without a permit, and with it the room that its presence made for permits
    /// beyond the cap.
    #[inline]
    pub(super) fn leave(&self, cap: u32) {
        self.update(|state| {
            let left = State(state.0 - SLEEPER);
            Some((
                left.with_permits(left.permits().min(cap.max(left.sleepers()))),
                (),
            ))
        });
    }

    /// A compare-exchange loop; `None` from `step` leaves the word alone.
    #[inline]
    fn update<R>(&self, step: impl Fn(State) -> Option<(State, R)>) -> Option<R> {
        // Relaxed: what is read here is confirmed by the exchange.
        let mut current = self.0.load(Ordering::Relaxed);
        loop {
            let (next, result) = step(State(current))?;
            if mutated!("parker-no-write-beyond-cap") && next.0 == current {
                return Some(result);
            }
            // Release: pairs with the Acquire of whoever takes a permit, who sees what happened
            // before it was added. Written also if nothing changes, so that this holds for releases
            // beyond the cap. Acquire: pairs with the Release of those who added the permits.
            match self.0.compare_exchange_weak(
                current,
                next.0,
                ordering!(AcqRel, "parker-update-relaxed"),
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(result),
                Err(changed) => current = changed,
            }
        }
    }
}
