//! What a spawn returns.

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::ptr::NonNull;
use core::task::{Context, Poll};
use std::borrow::Cow;
use std::time::{Duration, Instant};

use taskweave_sys::sync::atomic::{AtomicBool, Ordering};

use super::cell::{CellVTable, Core, Waiter};
use crate::blocked::Blocked;
use crate::error::{TaskError, discard};
use crate::future::Held;
use crate::keeper;
use crate::thread;
use crate::wait::spin_until;
use crate::worker::Worker;

/// The result of a task to come: wait for it, poll it, await it, or drop it to let the task run on
/// by itself.
pub struct JoinHandle<T: 'static> {
    core: NonNull<Core>,
    result: PhantomData<fn() -> T>,
}

// SAFETY: the handle only moves the result between threads; all else is atomic or guarded by the
// state word.
unsafe impl<T: Send + 'static> Send for JoinHandle<T> {}
// SAFETY: `&JoinHandle` offers only looks at the state word.
unsafe impl<T: Send + 'static> Sync for JoinHandle<T> {}

impl<T: 'static> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("name", &self.core().options.name)
            .field("is_finished", &self.is_finished())
            .finish()
    }
}

impl<T: 'static> JoinHandle<T> {
    /// # Safety
    /// The handle's share of a task whose result is a `T`.
    pub(crate) unsafe fn new(core: NonNull<Core>) -> Self {
        JoinHandle {
            core,
            result: PhantomData,
        }
    }

    fn core(&self) -> &Core {
        // SAFETY: the handle's share keeps it alive.
        unsafe { self.core.as_ref() }
    }

    fn verbs(&self) -> &'static CellVTable<T> {
        // SAFETY: the result is a `T`, by `new`.
        unsafe { self.core().verbs() }
    }

    /// Whether the result is there. One load.
    pub fn is_finished(&self) -> bool {
        self.core().state.is_done()
    }

    /// Keeps the task from running, if it hasn't begun. True: it never will, and the handle's result is
    /// [`TaskError::Cancelled`].
    ///
    /// A future is dropped here, if nobody polls it at the moment. False may also mean that it's being polled: it then is dropped after
    /// that poll, unless that was its last.
    pub fn cancel(&self) -> bool {
        // SAFETY: the handle's share keeps the task alive.
        unsafe { (self.verbs().cancel)(self.core) }
    }

    /// Waits for the result. A task that hasn't begun is run right here, unless it's one of `spawn_blocking` or under a `Limit`, or the stack has
    /// become long by such runs.
    ///
    /// In a worker whose task runs elsewhere, the slot is given to a spare thread for the time of the wait,
    /// so that the pool goes on with all its workers.
    ///
    /// # Errors
    /// What the task ended with; [`TaskError::Deadlock`] if the awaited task waits, perhaps through others, for the
    /// stack that calls, all without a deadline; [`TaskError::TooManyBlocked`] if the pool may have no more spare threads, and
    /// [`TaskError::NoThread`] if the system refuses one. In these cases the task goes on by itself.
    pub fn wait(mut self) -> Result<T, TaskError> {
        match self.block(None) {
            Ok(true) => self.take(),
            Ok(false) => unreachable!("a wait without a deadline ends with the task"),
            Err(error) => Err(error),
        }
    }

    /// The result if it's there, once. Never blocks and never runs the task.
    ///
    /// # Errors
    /// What the task ended with. After the result was taken every way to ask says [`TaskError::Taken`].
    pub fn try_wait(&mut self) -> Option<Result<T, TaskError>> {
        self.is_finished().then(|| self.take())
    }

    /// As [`wait`](Self::wait), for at most `timeout`; a task that hasn't begun is run here even so, and
    /// may take longer.
    ///
    /// # Errors
    /// The handle itself, if the task hasn't ended in time: also if it never could, as it waits for the stack that calls.
    pub fn wait_timeout(mut self, timeout: Duration) -> Result<Result<T, TaskError>, Self> {
        match self.block(Instant::now().checked_add(timeout)) {
            Ok(true) => Ok(self.take()),
            Ok(false) => Err(self),
            Err(error) => Ok(Err(error)),
        }
    }

    /// The task is done: takes the result, unless that was done before.
    fn take(&mut self) -> Result<T, TaskError> {
        if !self.core().state.take_result() {
            return Err(TaskError::Taken);
        }
        // SAFETY: done, and this is the one time that the result is taken.
        unsafe { (self.verbs().take)(self.core) }
    }

    /// Blocks until the task is done (true) or the deadline has passed (false).
    fn block(&mut self, deadline: Option<Instant>) -> Result<bool, TaskError> {
        if self.is_finished() {
            return Ok(true);
        }
        if self.core().options.on_the_spot() {
            let spot = thread::enter_spot(self.core().shared().config.stack_size);
            if spot.is_some() && self.core().state.claim() {
                self.run_here();
                return Ok(true);
            }
        }
        if spin_until(|| self.is_finished()) {
            return Ok(true);
        }
        let core = self.core();
        let pool = core.shared as usize;
        let what = || match &core.options.name {
            Some(name) => Cow::Owned(format!("task {name:?}")),
            None => Cow::Borrowed("a task"),
        };
        // SAFETY: the handle keeps the cell alive, and this frame outlasts the entry.
        let blocked =
            unsafe { Blocked::enter(&raw const core.runner, deadline.is_some(), pool, what) };
        let _blocked = blocked.map_err(|_cycle| TaskError::Deadlock)?;
        Worker::with_current(|worker| match worker {
            Some(worker) => keeper::give_slot_away(worker),
            None => Ok(()),
        })?;
        self.sleep(deadline)
    }

    /// Runs the claimed task on this thread, as a worker if there's a slot to be had.
    fn run_here(&mut self) {
        let core = self.core;
        let vtable = self.verbs();
        // SAFETY: claimed by the caller; the handle's share keeps the cell alive.
        let run = || unsafe { (vtable.run_claimed)(core) };
        let shared = self.core().shared();
        if thread::current().is_null()
            && let Some(loan) = crate::wait::borrow(shared)
        {
            run();
            drop(loan);
        } else if thread::current().is_null() && !thread::is_home(shared) {
            shared.sleepers.outside.fetch_add(1, Ordering::SeqCst);
            run();
            shared.sleepers.outside.fetch_sub(1, Ordering::SeqCst);
            shared.check_stall();
        } else {
            run();
        }
    }

    fn sleep(&mut self, deadline: Option<Instant>) -> Result<bool, TaskError> {
        let parker = thread::parker();
        if !self.set_waiter(Waiter::Thread(parker)) {
            return Ok(true);
        }
        let stalled = AtomicBool::new(false);
        // SAFETY: a pool outlives the stacks of its threads and guests.
        let own_pool = unsafe { thread::without_slot().as_ref() };
        let _entered = own_pool.map(|pool| {
            // A task of another pool is moved by others, like a deadline.
            let elsewhere = !core::ptr::eq(pool, self.core().shared);
            let from_outside = deadline.is_some() || elsewhere;
            pool.sleepers.enter(Some(&stalled), from_outside)
        });
        // A wait that has taken its permit doesn't announce itself again: it would be taken for one that sleeps (`stall`).
        while !self.is_finished() {
            let ticket = parker.prepare();
            if self.is_finished() {
                ticket.cancel();
                return Ok(true);
            }
            // Acquire: pairs with the store in `stall`.
            if stalled.load(Ordering::Acquire) && self.core().state.clear_waiter() {
                ticket.cancel();
                return Err(TaskError::Deadlock);
            }
            if let Some(pool) = own_pool {
                pool.check_stall();
            }
            let Some(deadline) = deadline else {
                ticket.commit();
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                ticket.cancel();
                // If it fails, the task has ended just now.
                return Ok(!self.core().state.clear_waiter());
            }
            ticket.commit_timeout(left);
        }
        Ok(true)
    }

    /// Names who is to be woken. False: the task is done.
    fn set_waiter(&mut self, waiter: Waiter) -> bool {
        let core = self.core();
        if !core.state.clear_waiter() {
            return false;
        }
        let old = core
            .waiter
            // SAFETY: WAITER is clear and the task isn't done: the field is the handle's.
            .with_mut(|field| core::mem::replace(unsafe { &mut *field }, waiter));
        // A replaced waker's drop is foreign code.
        discard(old);
        core.state.set_waiter()
    }
}

impl<T: 'static> Future for JoinHandle<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if !this.is_finished()
            && this.set_waiter(Waiter::Future(Held::new(
                context.waker().clone(),
                this.core().shared,
            )))
        {
            return Poll::Pending;
        }
        Poll::Ready(this.take())
    }
}

impl<T: 'static> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let core = self.core();
        let vtable = self.verbs();
        // Before it's done the queue's share is still there, so that this one isn't the last.
        if core.state.detach_early() {
            return;
        }
        // While the handle's share keeps the cell alive.
        if core.state.take_result() {
            // SAFETY: done, and this is the one time that the result is taken.
            discard(unsafe { (vtable.take)(self.core) });
        }
        if core.state.detach() {
            // SAFETY: both shares are given up.
            unsafe { (vtable.free)(self.core) };
        }
    }
}
