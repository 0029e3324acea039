//! Who waits for a time to be passed, and how each is told.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use taskweave_sys::parker::Parker;
use taskweave_sys::sync::{Arc, thread};

use super::{Shared, Timestamp};

/// The list of those who wait.
pub(super) struct Waiters<T> {
    list: Vec<Waiter<T>>,
    next: u64,
}

struct Waiter<T> {
    time: T,
    name: u64,
    call: Call,
}

/// How to tell one.
pub(super) enum Call {
    Thread(Arc<Parker>),
    Task(Waker),
    Act(Act),
}

impl<T: Timestamp> Waiters<T> {
    pub(super) fn new() -> Self {
        Self {
            list: Vec::new(),
            next: 0,
        }
    }

    pub(super) fn add(&mut self, time: T, call: Call) -> u64 {
        let name = self.next;
        self.next += 1;
        self.list.push(Waiter { time, name, call });
        name
    }

    /// Takes one out before its time.
    pub(super) fn remove(&mut self, name: u64) -> Option<Call> {
        let at = self.list.iter().position(|waiter| waiter.name == name)?;
        Some(self.list.swap_remove(at).call)
    }

    fn find(&mut self, name: u64) -> Option<&mut Call> {
        let waiter = self.list.iter_mut().find(|waiter| waiter.name == name)?;
        Some(&mut waiter.call)
    }

    /// Takes out those for whom `passed` holds, in the order of their times, and of their coming for one time. Allocates if there are any.
    pub(super) fn take_passed(&mut self, passed: impl Fn(&T) -> bool) -> Vec<Call> {
        let mut taken: Vec<Waiter<T>> = Vec::new();
        let mut at = 0;
        while let Some(waiter) = self.list.get(at) {
            if passed(&waiter.time) {
                taken.push(self.list.swap_remove(at));
            } else {
                at += 1;
            }
        }
        taken.sort_by(|one, other| (&one.time, one.name).cmp(&(&other.time, other.name)));
        taken.into_iter().map(|waiter| waiter.call).collect()
    }
}

type Act = Box<dyn FnOnce() + Send>;

taskweave_sys::thread_local! {
    /// Closures that are to be called when the one that runs on this thread has returned; `None`: none runs.
    static ACTS: RefCell<Option<VecDeque<Act>>> = const { RefCell::new(None) };
}

/// Tells all of them, whichever panics. Without any lock held. Closures that this is called from within are called when that one has returned: one that moves the
/// frontier, and so on, needs no stack for it.
pub(super) fn call_all(calls: Vec<Call>) {
    let mut first = None;
    let mut acts = VecDeque::new();
    for call in calls {
        match call {
            Call::Thread(parker) => {
                parker.release(1);
            }
            Call::Task(waker) => tell(&mut first, || waker.wake()),
            Call::Act(act) => acts.push_back(act),
        }
    }
    if !acts.is_empty() {
        // A thread whose locals are gone calls them at once.
        let is_first = ACTS.try_with(|queue| {
            let mut queue = queue.borrow_mut();
            let is_first = queue.is_none();
            queue.get_or_insert_default().append(&mut acts);
            is_first
        });
        match is_first {
            Ok(true) => call_queued(&mut first),
            Ok(false) => {}
            Err(_) => {
                for act in acts {
                    tell(&mut first, act);
                }
            }
        }
    }
    match first {
        // A second panic would end the process.
        Some(payload) if thread::panicking() => mem::forget(payload),
        Some(payload) => resume_unwind(payload),
        None => {}
    }
}

/// Calls what this thread's queue holds, and what comes meanwhile.
fn call_queued(first: &mut Option<Box<dyn Any + Send>>) {
    let next = || {
        ACTS.try_with(|queue| {
            let mut queue = queue.borrow_mut();
            let act = queue.as_mut()?.pop_front();
            if act.is_none() {
                *queue = None;
            }
            act
        })
    };
    while let Ok(Some(act)) = next() {
        tell(first, act);
    }
}

/// Calls foreign code, and keeps the first panic.
fn tell(first: &mut Option<Box<dyn Any + Send>>, call: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
        if first.is_none() {
            *first = Some(payload);
        } else {
            // Its drop might panic, too.
            mem::forget(payload);
        }
    }
}

/// Ready when the frontier has passed a time: see [`Progress::on_passed`](super::Progress::on_passed).
#[must_use = "futures do nothing unless they are polled"]
pub struct Passed<T: Timestamp> {
    shared: Arc<Shared<T>>,
    time: T,
    /// In the list under this name, unless it was told.
    name: Option<u64>,
}

impl<T: Timestamp> Passed<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, time: T) -> Self {
        Self {
            shared,
            time,
            name: None,
        }
    }

    /// Leaves the list. What was there is returned, to be dropped without the lock.
    fn leave(&mut self) -> Option<Call> {
        let name = self.name.take()?;
        self.shared.lock().waiters.remove(name)
    }
}

/// Nothing in it is pinned.
impl<T: Timestamp> Unpin for Passed<T> {}

impl<T: Timestamp> Future for Passed<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        // Before the lock: it is foreign code.
        let mut call = Call::Task(context.waker().clone());
        let mut state = this.shared.lock();
        let ready = state.has_passed(&this.time);
        if ready {
            drop(state);
            drop(call);
            drop(this.leave());
            return Poll::Ready(());
        }
        let entered = this.name.and_then(|name| state.waiters.find(name));
        if let Some(old) = entered {
            mem::swap(old, &mut call);
            drop(state);
            // The waker of the last poll, without the lock.
            drop(call);
        } else {
            this.name = Some(state.waiters.add(this.time.clone(), call));
        }
        Poll::Pending
    }
}

impl<T: Timestamp> Drop for Passed<T> {
    fn drop(&mut self) {
        drop(self.leave());
    }
}

impl<T: Timestamp> fmt::Debug for Passed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Passed").field(&self.time).finish()
    }
}
