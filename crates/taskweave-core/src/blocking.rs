//! Threads for bodies that block: file access, foreign calls, locks held for long.
//!
//! They are no workers: a body here may sleep as long as it likes and delays nobody. Threads are started on
//! demand, up to the pool's bound, and end after ten idle seconds.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

use taskweave_sys::sync::thread::Builder;
use taskweave_sys::sync::{Condvar, Mutex, MutexGuard};

use crate::error::TaskError;
use crate::keeper;
use crate::shared::{Phase, Shared};
use crate::task::{Task, vtable};
use crate::thread;

const KEEP_ALIVE: Duration = Duration::from_secs(10);

pub(crate) struct Blocking {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Queued>,
    threads: usize,
    idle: usize,
}

struct Queued(Task);
// SAFETY: a queued task was handed over by its submitter.
unsafe impl Send for Queued {}

impl Blocking {
    pub(crate) fn new() -> Self {
        Blocking {
            state: Mutex::default(),
            work: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is queued or runs here.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.queue.is_empty() && state.threads == state.idle
    }

    /// Threads that run a body, and tasks that wait for one.
    pub(crate) fn load(&self) -> (usize, usize) {
        let state = self.lock();
        (state.threads - state.idle, state.queue.len())
    }
}

/// Queues a task for a thread that may block.
///
/// # Errors
/// No thread could be started, and the task is still the caller's.
///
/// # Safety
/// `task` is a live header in no queue, handed over until one of its verbs is called.
pub(crate) unsafe fn submit(shared: &Shared, task: Task) -> Result<(), TaskError> {
    let blocking = &shared.blocking;
    let mut state = blocking.lock();
    let waiting = state.queue.len();
    if waiting >= state.idle && state.threads < shared.config.max_blocking {
        let Some(owned) = shared.this.upgrade() else {
            return Err(TaskError::Shutdown);
        };
        let name = format!("{}-blocking", shared.config.name);
        let started = Builder::new().name(name).spawn(move || serve(&owned));
        match started {
            Ok(_) => state.threads += 1,
            Err(_) if state.threads > 0 => {}
            Err(_) => return Err(TaskError::NoThread),
        }
    }
    state.queue.push_back(Queued(task));
    drop(state);
    blocking.work.notify_one();
    Ok(())
}

fn serve(shared: &Shared) {
    let _home = thread::enter_home(shared);
    let blocking = &shared.blocking;
    let mut state = blocking.lock();
    loop {
        if let Some(Queued(task)) = state.queue.pop_front() {
            drop(state);
            // SAFETY: live until one of its verbs is called.
            let verbs = unsafe { vtable(task) };
            if shared.phase() >= Phase::Dropping {
                // SAFETY: exactly one verb, once.
                unsafe { (verbs.abandon)(task) };
            } else {
                // SAFETY: exactly one verb, once.
                unsafe { (verbs.run)(task) };
            }
            state = blocking.lock();
            continue;
        }
        state.idle += 1;
        drop(state);
        keeper::end_if_over(shared);
        shared.check_stall();
        state = blocking.lock();
        if !state.queue.is_empty() {
            // It came while nobody listened.
            state.idle -= 1;
            continue;
        }
        if shared.phase() >= Phase::Gone {
            state.idle -= 1;
            state.threads -= 1;
            return;
        }
        let (next, timeout) = blocking
            .work
            .wait_timeout(state, KEEP_ALIVE)
            .unwrap_or_else(PoisonError::into_inner);
        state = next;
        state.idle -= 1;
        if timeout.timed_out() && state.queue.is_empty() {
            state.threads -= 1;
            return;
        }
    }
}

impl Blocking {
    /// Wakes the threads, so that they look at the pool's phase.
    pub(crate) fn wake_all(&self) {
        let _state = self.lock();
        self.work.notify_all();
    }
}
