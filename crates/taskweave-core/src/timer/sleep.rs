//! Waiting for a time.

use core::fmt;
use core::future::Future;
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::time::{Duration, Instant};

use taskweave_sys::sync::atomic::Ordering;
use taskweave_sys::sync::cell::UnsafeCell;

use super::Set;
use super::lease::Place;
use super::wheel::{FIRED, LOST, Node, WAITS};
use crate::pool::{Pool, ambient};
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
        place: None,
        deadline,
        _pinned: PhantomPinned,
    }
}

/// See [`sleep`].
#[must_use = "nothing happens before it's awaited"]
pub struct Sleep {
    node: UnsafeCell<Node>,
    /// Whose wheel the node was linked in, if it hasn't been taken back.
    place: Option<&'static Place>,
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
        let Some(place) = self.place.take() else {
            return;
        };
        let node = self.node();
        if self.state() == WAITS {
            // SAFETY: alive, and of this wheel, if of any.
            place.with(|wheel| unsafe { wheel.remove(node) });
        }
        // SAFETY: not linked, and so the owner's. The waker is foreign code, and dropped without the lock.
        drop(unsafe { &mut *node }.take_waker());
        // Relaxed: nobody else has the node.
        // SAFETY: as in `state`.
        unsafe { &(*self.node()).state }.store(WAITS, Ordering::Relaxed);
    }

    /// Links the node, in the pool that this thread is in, or in the global one.
    fn set(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let set = ambient(|shared| {
            let index = Worker::with_current_of(shared, |worker| worker.map_or(0, Worker::index));
            // SAFETY: in no list; pinned, and taken out by the drop.
            unsafe { shared.set_timer(index, self.node(), self.deadline, waker) }
        });
        match set {
            Set::In(place) => {
                self.place = Some(place);
                Poll::Pending
            }
            Set::Passed => Poll::Ready(()),
            Set::Closed => self.set_elsewhere(context),
        }
    }

    /// As `set`, where there's always a wheel.
    #[cold]
    fn set_elsewhere(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (global, waker) = (Pool::global().shared(), context.waker().clone());
        // SAFETY: as in `set`.
        let set = unsafe { global.set_timer(0, self.node(), self.deadline, waker) };
        if let Set::In(place) = set {
            self.place = Some(place);
            return Poll::Pending;
        }
        // The global pool never ends.
        Poll::Ready(())
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // SAFETY: nothing is moved.
        let this = unsafe { self.get_unchecked_mut() };
        let Some(place) = this.place else {
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
        let node = this.node();
        // SAFETY: alive, and of this wheel.
        let same = place.with(|wheel| unsafe { wheel.has(node, context.waker()) });
        if !same {
            let mut waker = Some(context.waker().clone());
            // SAFETY: as above.
            let linked = place.with(|wheel| unsafe { wheel.renew(node, &mut waker) });
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
