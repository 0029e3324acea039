#![doc = include_str!("README.md")]

mod state;

use std::{
    fmt,
    mem::ManuallyDrop,
    time::{Duration, Instant},
};

use state::{State, Word};

use crate::{futex, sync::atomic::fence_after_rmw};

/// A counted permit that threads wait for. See the [module](self).
pub struct Parker {
    word: Word,
    cap: u32,
}

impl Parker {
    /// How many permits [`Parker::new`] keeps for sleepers to come.
    pub const DEFAULT_CAP: u32 = 64;

    const_unless_loom! {
        /// A parker without permits or sleepers, which keeps up to
        /// [`DEFAULT_CAP`](Self::DEFAULT_CAP) permits.
        pub fn new() -> Self {
            Self::with_cap(Self::DEFAULT_CAP)
        }
    }

    const_unless_loom! {
        /// A parker that keeps up to `cap` permits that nobody is there to take.
        ///
        /// Permits for announced sleepers are never refused, so that there may be `max(cap,
        /// sleepers)` at a time.
        pub fn with_cap(cap: u32) -> Self {
            Self { word: Word::new(), cap }
        }
    }

    /// Announces a sleeper. Whatever the caller reads after this and before [`Ticket::commit`] is
    /// up to date with every [`release`](Self::release) that did not count it.
    ///
    /// Costs one read-modify-write and no system call.
    #[inline]
    pub fn prepare(&self) -> Ticket<'_> {
        self.word.announce();
        if !mutated!("parker-prepare-without-fence") {
            fence_after_rmw();
        }
        Ticket { parker: self }
    }

    /// [`prepare`](Self::prepare) without a ticket: who calls this sees to it that
    /// [`retract`](Self::retract) is called once for it.
    pub(crate) fn announce(&self) {
        let _ = ManuallyDrop::new(self.prepare());
    }

    /// Cancels what [`announce`](Self::announce) announced.
    pub(crate) fn retract(&self) {
        drop(Ticket { parker: self });
    }

    /// Takes a permit if there is one.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.word.try_take()
    }

    /// Adds up to `count` permits and wakes as many sleepers as these are for; returns how many it
    /// asked the system to wake.
    ///
    /// Permits beyond the larger of the cap and the number of sleepers are dropped. Costs one
    /// read-modify-write, also if nobody sleeps, and a system call only if there are more sleepers
    /// than permits were there already.
    #[inline]
    pub fn release(&self, count: u32) -> usize {
        let wakes = self.word.add(count, self.cap);
        if wakes > 0 {
            futex::wake_low_half(self.word.raw(), wakes);
        }
        wakes as usize
    }

    /// The permits that are there to take, at some moment during the call.
    #[inline]
    pub fn permits(&self) -> u32 {
        self.word.load().permits()
    }

    /// The announced sleepers, at some moment during the call.
    #[inline]
    pub fn sleepers(&self) -> u32 {
        self.word.load().sleepers()
    }

    #[cold]
    fn sleep(&self) {
        while !self.word.try_take_and_leave() {
            futex::wait_while_low_half_is_zero(self.word.raw(), None);
        }
    }

    #[cold]
    fn sleep_until(&self, deadline: Instant) -> bool {
        loop {
            if self.word.try_take_and_leave() {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let in_time = futex::wait_while_low_half_is_zero(self.word.raw(), Some(left));
            if !in_time {
                return self.word.leave_taking_what_is_there()
                    && !mutated!("parker-timeout-swallows");
            }
        }
    }
}

impl Default for Parker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Parker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state: State = self.word.load();
        f.debug_struct("Parker")
            .field("permits", &state.permits())
            .field("sleepers", &state.sleepers())
            .field("cap", &self.cap)
            .finish()
    }
}

/// An announced sleeper that hasn't decided yet. Dropping it cancels.
#[must_use = "a ticket that is dropped cancels the sleep"]
#[derive(Debug)]
pub struct Ticket<'a> {
    parker: &'a Parker,
}

impl<'a> Ticket<'a> {
    /// Sleeps until a permit can be taken, and takes it.
    pub fn commit(self) {
        self.disarm().sleep();
    }

    /// Sleeps until a permit can be taken or `timeout` has passed; returns whether it took a
    /// permit, for which it looks one last time after the timeout.
    pub fn commit_timeout(self, timeout: Duration) -> bool {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.disarm().sleep_until(deadline),
            None => {
                self.commit();
                true
            }
        }
    }

    /// Gives up the sleep. A permit that was meant for this sleeper stays, within the cap, for the
    /// next one.
    #[inline]
    pub fn cancel(self) {
        drop(self);
    }

    fn disarm(self) -> &'a Parker {
        ManuallyDrop::new(self).parker
    }
}

impl Drop for Ticket<'_> {
    #[inline]
    fn drop(&mut self) {
        self.parker.word.leave(self.parker.cap);
    }
}
