//! The permits of a waker: taking, waiting, giving.

use std::time::Duration;

use super::WorkerWaker;
use crate::sync::atomic::{Ordering, fence_after_rmw};
use crate::sync::thread::yield_now;

/// More sleepers than any system has threads.
const MOST_REGISTERED: u32 = 1 << 30;

impl WorkerWaker {
    /// Takes a permit if there is one; returns whether it did.
    ///
    /// A permit is a reason to look, at everything: not a promise that something will be found.
    /// Whoever takes it sees what was done before each release and each mark up to then. One
    /// read-modify-write, and only a load if there is none.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.parker.try_acquire() && took()
    }

    /// Waits for a permit and takes it.
    ///
    /// Sleeps if there is none, after it has let others have the processor once: who is about to leave a permit may need it, and a
    /// sleep costs two threads ten times as much. No timeout, no spinning. Returns for no other reason than a permit.
    #[inline]
    pub fn acquire(&self) {
        if !self.try_acquire() && !self.acquire_after_others() {
            self.parker.prepare().commit();
            took();
        }
    }

    /// A second try, behind others that want to run. A model tries once.
    #[cold]
    fn acquire_after_others(&self) -> bool {
        if cfg!(any(taskweave_loom, taskweave_shuttle)) {
            return false;
        }
        yield_now();
        self.try_acquire()
    }

    /// As [`acquire`](Self::acquire), for at most `timeout`; returns whether it took a permit, for which it looks
    /// one last time after the timeout, in the same step as it leaves the sleepers.
    #[inline]
    pub fn acquire_timeout(&self, timeout: Duration) -> bool {
        self.try_acquire()
            || self.acquire_after_others()
            || (self.parker.prepare().commit_timeout(timeout) && took())
    }

    /// Waits for a permit and takes it, unless `look` finds something after the sleeper was
    /// announced; returns whether it took one.
    ///
    /// For sources that are changed by those who don't mark or release always, but look at
    /// [`sleepers`](Self::sleepers) first, behind a full fence. If `look` panics, nobody sleeps.
    ///
    /// ```
    /// use taskweave_sys::waker::WorkerWaker;
    ///
    /// let waker = WorkerWaker::new();
    /// assert!(!waker.acquire_unless(|| true), "found something, took no permit");
    /// waker.release(1);
    /// assert!(waker.acquire_unless(|| false));
    /// ```
    pub fn acquire_unless(&self, look: impl FnOnce() -> bool) -> bool {
        let ticket = self.parker.prepare();
        if look() {
            ticket.cancel();
            return false;
        }
        ticket.commit();
        took()
    }

    /// Adds `n` permits, within the cap, and wakes as many sleepers as these are for: at most
    /// min(n, sleepers). Returns how many it asked the system to wake.
    ///
    /// Permits beyond the larger of the cap and the sleepers are dropped, [which loses no
    /// wake](super#the-cap). One read-modify-write, and a system call only if there are more sleepers
    /// than permits were there already. `release(0)` does nothing.
    #[inline]
    pub fn release(&self, n: usize) -> usize {
        match u32::try_from(n).unwrap_or(u32::MAX) {
            0 => 0,
            n => self.parker.release(n),
        }
    }

    /// The permits at this moment.
    #[inline]
    pub fn permits(&self) -> u64 {
        self.parker.permits().into()
    }

    /// The announced sleepers at this moment: those in an acquire that found no permit at first, and
    /// those that are registered.
    #[inline]
    pub fn sleepers(&self) -> usize {
        self.parker.sleepers() as usize
    }

    /// Announces a sleeper, before it looks for work a last time. What it reads afterwards is up to
    /// date with every release that did not count it. Returns whether it was counted; it isn't if a
    /// thousand million are.
    ///
    /// A registered sleeper that then calls [`acquire`](Self::acquire) counts twice, and a release may
    /// ask for one wake too many, which does nothing. [`acquire_unless`](Self::acquire_unless) does
    /// all of it in one, and counts once.
    ///
    /// ```
    /// use taskweave_sys::waker::WorkerWaker;
    ///
    /// let waker = WorkerWaker::new();
    /// waker.register_sleeper();
    /// assert_eq!(waker.sleepers(), 1);
    /// let found = true; // … the last look
    /// if !found {
    ///     waker.acquire();
    /// }
    /// assert!(waker.unregister_sleeper());
    /// assert!(!waker.unregister_sleeper(), "nobody is registered any more");
    /// ```
    pub fn register_sleeper(&self) -> bool {
        self.parker.announce();
        let more = |count: u32| (count < MOST_REGISTERED).then_some(count + 1);
        // Relaxed: only the number matters, and none is counted here before it was announced.
        let counted = self
            .counts
            .registered
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok();
        if !counted {
            self.parker.retract();
        }
        counted
    }

    /// Takes a registered sleeper back; returns `false`, and does nothing, if none is registered.
    pub fn unregister_sleeper(&self) -> bool {
        let less = |count: u32| count.checked_sub(1);
        // Relaxed: as above.
        let counted = self
            .counts
            .registered
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok();
        if counted {
            self.parker.retract();
        }
        counted
    }
}

/// To be called by one who has just taken a permit. Pairs with the fence in `mark`: the looks that
/// follow see what was published before every mark that took this permit for granted.
#[inline]
fn took() -> bool {
    if !mutated!("waker-take-without-fence") {
        fence_after_rmw();
    }
    true
}
