#![doc = include_str!("README.md")]

mod from_future;
mod into_gate;
#[cfg(all(test, taskweave_loom))]
mod models;
mod submit;

use core::cell::Cell;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::ptr;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use taskweave_sys::mutated;
use taskweave_sys::sync::{Mutex, MutexGuard};

pub use into_gate::IntoGate;
pub use submit::GatedTask;

use crate::error::{TaskError, contain, discard};

/// How a gate was settled: open, or the first cause why it never will be.
pub(crate) type Outcome = Result<(), Arc<TaskError>>;

/// Opens once, or fails. Clones are the same gate.
///
/// Await it, [`wait`](Self::wait) for it, or submit what is to come [after](crate::TaskBuilder::after) it.
pub struct Gate {
    inner: Arc<Inner>,
    /// Which entry of the list is this one's waker.
    key: Option<u64>,
}

/// Opens a gate, or fails it. Dropped without either, it fails with [`TaskError::Cancelled`].
#[must_use = "dropping it fails the gate"]
pub struct Completion {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    state: Mutex<State>,
}

enum State {
    Closed { list: Vec<Then>, next_key: u64 },
    Settled(Outcome),
}

/// Who is to be told.
enum Then {
    Wake(u64, Waker),
    Call(Box<dyn FnOnce(Outcome) + Send>),
}

/// A closed gate, and what opens it. One allocation.
///
/// ```
/// use taskweave_core::{Pool, gate::gate};
///
/// let pool = Pool::builder().worker_threads(1).build()?;
/// let (completion, gate) = gate();
/// let task = pool.task().after(gate).spawn(|| 7);
/// completion.open();
/// assert_eq!(task.wait()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn gate() -> (Completion, Gate) {
    let inner = Arc::new(Inner {
        state: Mutex::new(State::Closed {
            list: Vec::new(),
            next_key: 0,
        }),
    });
    let gate = Gate {
        inner: Arc::clone(&inner),
        key: None,
    };
    (Completion { inner: Some(inner) }, gate)
}

impl Completion {
    /// Opens the gate. What waits for it is queued, or woken, before this returns: but for gates of gates of gates, 32 deep, whose turn comes when the outermost returns.
    pub fn open(self) {
        self.settle(Ok(()));
    }

    /// Fails the gate. The root is the error's own, if that is [`TaskError::Poisoned`] itself.
    pub fn fail(self, error: TaskError) {
        self.settle(Err(error.into_root()));
    }

    pub(crate) fn settle(mut self, outcome: Outcome) {
        if let Some(inner) = self.inner.take() {
            inner.settle(outcome);
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            inner.settle(Err(Arc::new(TaskError::Cancelled)));
        }
    }
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion").finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let settled = State::Settled(Ok(()));
        discard(core::mem::replace(state, settled));
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, outcome: Outcome) {
        let before = core::mem::replace(&mut *self.lock(), State::Settled(outcome.clone()));
        if let State::Closed { list, .. } = before {
            tell(list, &outcome);
        }
        // The last share of an error may have a drop that panics.
        discard(outcome);
    }

    /// Calls `act` with the outcome: when there is one, or now if there is.
    fn then(&self, act: impl FnOnce(Outcome) + Send + 'static) {
        let outcome = {
            let mut state = self.lock();
            if mutated!("gate-asks-before-lock") && matches!(*state, State::Closed { .. }) {
                drop(state);
                state = self.lock();
                if let State::Settled(_) = &*state {
                    return std::mem::forget(act);
                }
            }
            match &mut *state {
                State::Closed { list, .. } => return list.push(Then::Call(Box::new(act))),
                State::Settled(outcome) => outcome.clone(),
            }
        };
        tell(vec![Then::Call(Box::new(act))], &outcome);
    }
}

type Told = (Then, Outcome);

/// Tellings within tellings on one stack. What would go deeper is told by the deepest of them, afterwards.
const DEEPEST: u32 = 32;

// Neither needs a destructor, so both are there as long as their thread is.
taskweave_sys::thread_local! {
    /// How many tellings are under way on this thread, one within the other.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Who is still to be told, in the frame of the deepest telling. Null if there is none.
    static LATER: Cell<*mut VecDeque<Told>> = const { Cell::new(ptr::null_mut()) };
}

/// Tells all of them.
fn tell(list: Vec<Then>, outcome: &Outcome) {
    let mut told = list.into_iter().map(|then| (then, outcome.clone()));
    let depth = DEPTH.with(Cell::get);
    if depth == DEEPEST {
        let later = LATER.with(Cell::get);
        // SAFETY: the deepest telling goes on below on this stack, and uses its queue only between two calls.
        return unsafe { &mut *later }.extend(told);
    }
    DEPTH.with(|cell| cell.set(depth + 1));
    if depth + 1 < DEEPEST {
        told.for_each(tell_one);
    } else {
        let mut queue = VecDeque::new();
        let later = &raw mut queue;
        LATER.with(|cell| cell.set(later));
        // SAFETY: this frame's own; the calls that add to it have returned when it's used here.
        while let Some(one) = told.next().or_else(|| unsafe { &mut *later }.pop_front()) {
            tell_one(one);
        }
        LATER.with(|cell| cell.set(ptr::null_mut()));
    }
    DEPTH.with(|cell| cell.set(depth));
}

fn tell_one((then, outcome): Told) {
    contain(|| match then {
        Then::Wake(_, waker) => waker.wake(),
        Then::Call(act) => act(outcome),
    });
}

impl Gate {
    /// Whether it's settled, and how.
    ///
    /// # Errors
    /// [`TaskError::Poisoned`] with the first cause, if it has failed.
    pub fn is_open(&self) -> Result<bool, TaskError> {
        match &*self.inner.lock() {
            State::Closed { .. } => Ok(false),
            State::Settled(Ok(())) => Ok(true),
            State::Settled(Err(root)) => Err(TaskError::Poisoned {
                root: Arc::clone(root),
            }),
        }
    }

    /// Blocks until it's settled, as [`block_on`](crate::block_on) does.
    ///
    /// # Errors
    /// [`TaskError::Poisoned`] with the first cause, if it fails.
    pub fn wait(self) -> Result<(), TaskError> {
        crate::future::block_on(self)
    }

    /// Opens when all of them have; fails as soon as one does. Open if there is none. Two allocations, and one for each.
    pub fn all<G: IntoGate>(gates: impl IntoIterator<Item = G>) -> Gate {
        let gates: Vec<Gate> = gates.into_iter().map(IntoGate::into_gate).collect();
        into_gate::all(gates)
    }

    /// Calls `act` with the outcome, on the thread that settles the gate, or here and now.
    pub(crate) fn then(&self, act: impl FnOnce(Outcome) + Send + 'static) {
        self.inner.then(act);
    }
}

impl Clone for Gate {
    fn clone(&self) -> Self {
        Gate {
            inner: Arc::clone(&self.inner),
            key: None,
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.inner.lock() {
            State::Closed { .. } => "closed",
            State::Settled(Ok(())) => "open",
            State::Settled(Err(_)) => "failed",
        };
        f.debug_tuple("Gate").field(&state).finish()
    }
}

impl Future for Gate {
    type Output = Result<(), TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let waker = context.waker().clone();
        let mut state = this.inner.lock();
        let (list, next_key) = match &mut *state {
            State::Closed { list, next_key } => (list, next_key),
            State::Settled(outcome) => {
                let outcome = outcome.clone();
                drop(state);
                discard(waker);
                return Poll::Ready(outcome.map_err(|root| TaskError::Poisoned { root }));
            }
        };
        let mut own = None;
        let key = match this.key {
            Some(key) => {
                own = list.iter_mut().find_map(|then| match then {
                    Then::Wake(its, waker) if *its == key => Some(waker),
                    _ => None,
                });
                key
            }
            None => {
                *next_key += 1;
                *this.key.insert(*next_key)
            }
        };
        let old = match own {
            Some(own) => Some(core::mem::replace(own, waker)),
            None => {
                list.push(Then::Wake(key, waker));
                None
            }
        };
        drop(state);
        discard(old);
        Poll::Pending
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut state = self.inner.lock();
        let State::Closed { list, .. } = &mut *state else {
            return;
        };
        let at = list
            .iter()
            .position(|then| matches!(then, Then::Wake(its, _) if *its == key));
        let old = at.map(|at| list.swap_remove(at));
        drop(state);
        // A waker's drop is foreign code.
        discard(old);
    }
}
