//! Waiting for a time.

use core::fmt;
use core::future::Future;
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskweave_sys::sync::atomic::Ordering;
use taskweave_sys::sync::cell::UnsafeCell;

use super::Unset;
use super::wheel::{FIRED, LOST, Node, WAITS};
use crate::pool::{Pool, ambient};
use crate::shared::Shared;
use crate::worker::Worker;

/// Further away than this nobody waits.
const FAR: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Waits for so long, in milliseconds that are rounded up. See [`sleep_until`].
///
/// ```
/// # use std::time::Duration;
/// taskweave_core::block_on(taskweave_core::sleep(Duration::from_millis(2)));
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    let now = Instant::now();
    sleep_until(now.checked_add(duration).unwrap_or(now + FAR))
}

/// Waits until `deadline` has passed: never shorter, and longer by up to a millisecond and by what the pool is doing.
///
/// The timer is set by the first poll, in the pool that the poll is in, or in the global one: so it works under any executor. Allocates nothing; a lock
/// that is held for some nanoseconds when it's set, and when it's dropped before its time.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        node: UnsafeCell::new(Node::new()),
        pool: None,
        wheel: 0,
        is_set: false,
        deadline,
        _pinned: PhantomPinned,
    }
}

/// See [`sleep`].
#[must_use = "nothing happens before it's awaited"]
pub struct Sleep {
    node: UnsafeCell<Node>,
    /// Whose wheel the node is linked in, or was, or will be.
    pool: Option<Arc<Shared>>,
    wheel: u32,
    /// The node was linked, and hasn't been taken back.
    is_set: bool,
    deadline: Instant,
    _pinned: PhantomPinned,
}

// SAFETY: the node is reached under its wheel's lock, but for its atomic state.
unsafe impl Send for Sleep {}
// SAFETY: a shared reference offers the deadline alone.
unsafe impl Sync for Sleep {}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Sleep {
    /// When it ends.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Waits for another time from now on.
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        // SAFETY: nothing is moved.
        let this = unsafe { self.get_unchecked_mut() };
        this.take_back();
        this.deadline = deadline;
    }

    fn node(&self) -> *mut Node {
        self.node.with_mut(|node| node)
    }

    fn state(&self) -> u8 {
        // SAFETY: the state is atomic, and lives as long as `self`. Acquire: pairs with the Release of whoever took the node out.
        unsafe { &(*self.node()).state }.load(Ordering::Acquire)
    }

    /// Unlinks the node, if need be: it's this future's alone afterwards.
    fn take_back(&mut self) {
        if !core::mem::take(&mut self.is_set) {
            return;
        }
        if let Some(pool) = &self.pool {
            if self.state() == WAITS {
                let mut wheel = pool.timers.wheel(self.wheel as usize);
                // SAFETY: alive, and of this wheel.
                let waker = unsafe { wheel.remove(self.node()) };
                drop(wheel);
                // Foreign code, without the lock.
                drop(waker);
            }
            // Relaxed: nobody else has the node.
            // SAFETY: as in `state`.
            unsafe { &(*self.node()).state }.store(WAITS, Ordering::Relaxed);
        }
    }

    /// Links the node for the first time.
    fn set(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut waker = context.waker().clone();
        // An interval stays where it was.
        let (mut pool, mut wheel) = match self.pool.take() {
            Some(pool) => (pool, self.wheel as usize),
            None => place(),
        };
        loop {
            // SAFETY: in no list; pinned, and taken out by the drop.
            let set = unsafe { pool.set_timer(wheel, self.node(), self.deadline, waker) };
            match set {
                Ok(()) => {
                    self.wheel = wheel as u32;
                    self.pool = Some(pool);
                    self.is_set = true;
                    return Poll::Pending;
                }
                Err(Unset::Passed) => {
                    self.wheel = wheel as u32;
                    self.pool = Some(pool);
                    return Poll::Ready(());
                }
                Err(Unset::Closed(back)) => {
                    waker = back;
                    pool = Arc::clone(Pool::global().shared());
                    wheel = 0;
                }
            }
        }
    }
}

/// A pool and one of its wheels for a new timer.
fn place() -> (Arc<Shared>, usize) {
    ambient(|shared| {
        let wheel = Worker::with_current_of(shared, |worker| worker.map_or(0, Worker::index));
        let shared = shared.this.as_ptr();
        // SAFETY: it came from an `Arc`, and a pool that has a thread or a visitor, or is global, is alive.
        unsafe { Arc::increment_strong_count(shared) };
        // SAFETY: counted just now.
        (unsafe { Arc::from_raw(shared) }, wheel)
    })
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // SAFETY: nothing is moved.
        let this = unsafe { self.get_unchecked_mut() };
        let Some(pool) = this.pool.as_ref().filter(|_| this.is_set) else {
            return this.set(context);
        };
        match this.state() {
            FIRED => return Poll::Ready(()),
            LOST => {
                this.take_back();
                return this.set(context);
            }
            _ => {}
        }
        let wheel = pool.timers.wheel(this.wheel as usize);
        // SAFETY: alive, and of this wheel.
        let same = unsafe { wheel.has(this.node(), context.waker()) };
        drop(wheel);
        if !same {
            let mut waker = Some(context.waker().clone());
            let mut wheel = pool.timers.wheel(this.wheel as usize);
            // SAFETY: as above.
            let linked = unsafe { wheel.renew(this.node(), &mut waker) };
            drop(wheel);
            drop(waker);
            if linked {
                return Poll::Pending;
            }
        }
        match this.state() {
            WAITS => Poll::Pending,
            FIRED => Poll::Ready(()),
            _ => {
                this.take_back();
                this.set(context)
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.take_back();
    }
}
