//! Which threads are blocked in a wait for a spawned task, and on whom: cycles of such waits are errors, not hangs.
//!
//! A thread waits for one task at a time, and a task runs on one thread, so the relation "waits for the
//! thread that runs" is a function, and a cycle is found by following it. The list is global, since tasks of
//! one pool may wait for tasks of another; its lock is taken by waits that are about to sleep, which cost a
//! futex call anyway.
//!
//! * *Two waits close a cycle at once.* Each follows the relation and enters itself under one lock, so the second sees the first. Who runs
//!   a task is an atomic beside the list: a thread writes it before the body can wait, and so before its entry.
//! * *A wait with a deadline ends by itself*, so it closes no cycle and is no part of one.
//! * *A thread ends a task and waits for something else.* It's no longer the one who runs that task, and must not be taken for it by those who
//!   haven't seen the end: it takes its name back before it enters its next wait, so whoever sees that entry sees this as well.
//!
//! The models are in `spawn/models.rs`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::PoisonError;

use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};
use taskweave_sys::sync::{Mutex, MutexGuard};

use crate::thread;

struct Entry {
    /// The wait ends by itself.
    has_deadline: bool,
    /// Where the awaited task says which thread runs it. The waiting handle keeps it alive.
    runner: *const AtomicUsize,
    what: Cow<'static, str>,
    pool: usize,
}

// SAFETY: `runner` points to an atomic that lives as long as the entry.
unsafe impl Send for Entry {}

taskweave_sys::shared_static! {
    /// By the token of the thread that waits, so that a line of waits is followed at the cost of its length.
    static BLOCKED: Mutex<BTreeMap<usize, Entry>> = Mutex::new(BTreeMap::new());
}

fn lock() -> MutexGuard<'static, BTreeMap<usize, Entry>> {
    BLOCKED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a wait for `runner`'s task is, through others, a wait for the thread `me`.
///
/// # Safety
/// `runner` is valid.
unsafe fn leads_to(
    me: usize,
    runner: *const AtomicUsize,
    blocked: &BTreeMap<usize, Entry>,
) -> bool {
    // SAFETY: by the caller's word. Relaxed: a runner's own later entry in the list is ordered by the lock.
    let mut next = unsafe { &*runner }.load(Ordering::Relaxed);
    while next != me {
        let entry = blocked.get(&next).filter(|entry| !entry.has_deadline);
        let Some(entry) = entry else { return false };
        // SAFETY: alive while in the list. Relaxed: as above.
        next = unsafe { &*entry.runner }.load(Ordering::Relaxed);
    }
    true
}

/// A wait in the list, until dropped.
pub(crate) struct Blocked(());

/// The wait would close a cycle of waits none of which has a deadline.
pub(crate) struct Cycle;

impl Blocked {
    /// Enters the current thread as waiting for the task that `runner` belongs to.
    ///
    /// # Safety
    /// `runner` stays valid until the returned value is dropped.
    pub(crate) unsafe fn enter(
        runner: *const AtomicUsize,
        has_deadline: bool,
        pool: usize,
        what: impl FnOnce() -> Cow<'static, str>,
    ) -> Result<Blocked, Cycle> {
        let me = thread::token();
        let mut blocked = lock();
        // SAFETY: valid by the caller's word.
        if !has_deadline && unsafe { leads_to(me, runner, &blocked) } {
            return Err(Cycle);
        }
        let entry = Entry {
            has_deadline,
            runner,
            what: what(),
            pool,
        };
        blocked.insert(me, entry);
        Ok(Blocked(()))
    }

    /// What the threads that wait for tasks of this pool wait for, a line each.
    pub(crate) fn describe(pool: usize) -> String {
        let mut lines = String::new();
        for entry in lock().values().filter(|entry| entry.pool == pool) {
            let _ = writeln!(lines, "  waits for {}", entry.what);
        }
        lines
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let me = thread::token();
        lock().remove(&me);
    }
}
