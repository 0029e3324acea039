//! Which threads are blocked in a wait for a task, and on whom: cycles of waits are errors, not hangs.
//!
//! A thread waits for one task at a time, and a task runs on one thread, so the relation "waits for the
//! thread that runs" is a function, and a cycle is found by following it. The list is global, since tasks of
//! one pool may wait for tasks of another; its lock is taken by waits that are about to sleep, which cost a
//! futex call anyway.
//!
//! * *Two waits close a cycle at once.* Each follows the relation and enters itself under one lock, so the second sees the first. Who runs
//!   a task is an atomic beside the list: a thread writes it before the body can wait, and so before its entry.
//! * *A thread ends a task and waits for something else.* It's no longer the one who runs that task, and must not be taken for it by those who
//!   haven't seen the end: it takes its name back before it enters its next wait, so whoever sees that entry sees this as well.
//!
//! The models are in `spawn/models.rs`.

use std::fmt::Write;
use std::sync::PoisonError;

use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};
use taskweave_sys::sync::{Mutex, MutexGuard};

use crate::thread;

struct Entry {
    thread: usize,
    /// Where the awaited task says which thread runs it. The waiting handle keeps it alive.
    runner: *const AtomicUsize,
    what: String,
    pool: usize,
}

// SAFETY: `runner` points to an atomic that lives as long as the entry.
unsafe impl Send for Entry {}

taskweave_sys::shared_static! {
    static BLOCKED: Mutex<Vec<Entry>> = Mutex::new(Vec::new());
}

fn lock() -> MutexGuard<'static, Vec<Entry>> {
    BLOCKED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A wait in the list, until dropped.
pub(crate) struct Blocked(());

/// The wait would close a cycle.
pub(crate) struct Cycle;

impl Blocked {
    /// Enters the current thread as waiting for the task that `runner` belongs to.
    ///
    /// # Safety
    /// `runner` stays valid until the returned value is dropped.
    pub(crate) unsafe fn enter(
        runner: *const AtomicUsize,
        pool: usize,
        what: impl FnOnce() -> String,
    ) -> Result<Blocked, Cycle> {
        let me = thread::token();
        let mut blocked = lock();
        // SAFETY: valid by the caller's word. Relaxed: a runner's own later entry in this list is
        // ordered by the lock.
        let mut next = unsafe { &*runner }.load(Ordering::Relaxed);
        loop {
            if next == me {
                return Err(Cycle);
            }
            match blocked.iter().find(|entry| entry.thread == next) {
                // SAFETY: alive while in the list.
                Some(entry) => next = unsafe { &*entry.runner }.load(Ordering::Relaxed),
                None => break,
            }
        }
        blocked.push(Entry {
            thread: me,
            runner,
            what: what(),
            pool,
        });
        Ok(Blocked(()))
    }

    /// What the threads that wait for tasks of this pool wait for, a line each.
    pub(crate) fn describe(pool: usize) -> String {
        let mut lines = String::new();
        for entry in lock().iter().filter(|entry| entry.pool == pool) {
            let _ = writeln!(lines, "  waits for {}", entry.what);
        }
        lines
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let me = thread::token();
        lock().retain(|entry| entry.thread != me);
    }
}
