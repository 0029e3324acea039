//! Resource limits: at most so many of these tasks at once.

use core::fmt;
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use taskweave_sys::sync::atomic::{AtomicBool, Ordering};
use taskweave_sys::sync::{Mutex, MutexGuard};

use crate::shared::Shared;
use crate::task::Task;

/// At most `units` of the tasks that name this limit run at once; the others wait in line, first come first served, without holding a worker.
/// Clones are the same limit, and tasks of several pools may share it. A task in line is also run by a shutdown that drains,
/// unless it waits for a task of another pool.
///
/// A wait for such a task never runs it on the spot.
///
/// ```
/// # use taskweave_core::{Limit, Pool};
/// let pool = Pool::builder().worker_threads(4).build()?;
/// let disk = Limit::new(1);
/// let handles: Vec<_> = (0..10).map(|i| pool.task().limit(&disk).spawn(move || i)).collect();
/// for (i, handle) in handles.into_iter().enumerate() {
///     assert_eq!(handle.wait()?, i);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Limit {
    state: Arc<Mutex<State>>,
}

struct State {
    free: usize,
    line: VecDeque<Waiting>,
    /// The pool of the first task that came, by its address.
    pool: usize,
    /// Tasks of another pool came as well: what is in line may be moved from there.
    mixed: bool,
}

impl State {
    fn note(&mut self, pool: &Arc<Shared>) {
        let address = Arc::as_ptr(pool).addr();
        if self.pool == 0 {
            self.pool = address;
        }
        if self.pool != address && !self.mixed {
            self.mixed = true;
            self.line.iter().for_each(Waiting::enter);
        }
    }
}

/// A task in line, which its pool has let go of.
struct Waiting {
    task: Task,
    pool: Arc<Shared>,
    /// The task's own note that it has a unit.
    admitted: *const AtomicBool,
}

impl Waiting {
    /// Its pool isn't to take this wait for one that nothing can end.
    fn enter(&self) {
        self.pool.sleepers.in_line.fetch_add(1, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.pool.sleepers.in_line.fetch_sub(1, Ordering::SeqCst);
        self.pool.check_stall();
    }
}

// SAFETY: the task was handed over, and `admitted` is part of it.
unsafe impl Send for Waiting {}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Limit")
            .field("free", &state.free)
            .field("waiting", &state.line.len())
            .finish()
    }
}

impl Limit {
    /// A limit of `units`, at least 1 (0 counts as 1: nothing could ever run).
    pub fn new(units: usize) -> Self {
        Limit {
            state: Arc::new(Mutex::new(State {
                free: units.max(1),
                line: VecDeque::new(),
                pool: 0,
                mixed: false,
            })),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a unit, or puts the task in line. False: it is in line, and the caller has handed it over.
    ///
    /// # Safety
    /// `task` is a live header of `pool` in no queue, and `admitted` is part of it.
    pub(crate) unsafe fn admit(
        &self,
        task: Task,
        pool: &Arc<Shared>,
        admitted: &AtomicBool,
    ) -> bool {
        // Relaxed: set before the task was queued again.
        if admitted.load(Ordering::Relaxed) {
            return true;
        }
        let mut state = self.lock();
        state.note(pool);
        if state.free > 0 {
            state.free -= 1;
            admitted.store(true, Ordering::Relaxed);
            return true;
        }
        let waiting = Waiting {
            task,
            pool: Arc::clone(pool),
            admitted,
        };
        if state.mixed {
            waiting.enter();
        }
        state.line.push_back(waiting);
        false
    }

    /// Gives a unit back: to the first in line, which is queued again, if there is one.
    pub(crate) fn release(&self) {
        let mut state = self.lock();
        let Some(next) = state.line.pop_front() else {
            state.free += 1;
            return;
        };
        let mixed = state.mixed;
        drop(state);
        // Relaxed: the queue publishes it.
        // SAFETY: the task is alive until one of its verbs is called.
        unsafe { &*next.admitted }.store(true, Ordering::Relaxed);
        // SAFETY: handed over to the line, which hands it on.
        unsafe { next.pool.inject(next.task) };
        if mixed {
            next.leave();
        }
    }
}
