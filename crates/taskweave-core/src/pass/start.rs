//! Passes that nobody's stack waits for.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use taskweave_sys::sync::atomic::{AtomicBool, Ordering};
use taskweave_sys::sync::thread::yield_now;
use taskweave_sys::sync::{Mutex, MutexGuard};

use super::FrozenPass;
use super::report::{PassError, PassReport};
use super::round::End;
use super::state::{Core, Course, NO_VERTEX, SharedCore};
use crate::cancel::CancelToken;
use crate::error::{TaskError, discard};
use crate::future::Held;
use crate::gate::IntoGate;
use crate::latch::Latch;
use crate::pool::Pool;
use crate::shared::Shared;
use crate::thread;
use crate::wait::{leave_for_another_pool, spin_until};
use crate::worker::Worker;

/// The graph's last started pass hasn't ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyRunning;

impl fmt::Display for AlreadyRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the graph's last started pass hasn't ended; wait for it first, or build the graph twice")
    }
}

impl std::error::Error for AlreadyRunning {}

/// What a started pass, its handle and its graph share. See the essay.
pub(super) struct Ticket {
    /// Set for the graph's owner, first: from then on the graph may be run again.
    idle: Latch,
    /// Set for the handle, which then finds the answer.
    answered: Latch,
    /// There is a handle.
    held: AtomicBool,
    answer: Mutex<Answer>,
    pool: Arc<Shared>,
    root: usize,
}

#[derive(Default)]
struct Answer {
    result: Option<Result<PassReport, PassError>>,
    /// Known to be no source of wakes from outside the pool: a stall is looked for as if the pass were a task.
    waker: Option<Held>,
}

impl Ticket {
    fn new(pool: Arc<Shared>, root: usize) -> Self {
        Ticket {
            idle: Latch::new(),
            answered: Latch::new(),
            held: AtomicBool::new(true),
            answer: Mutex::new(Answer::default()),
            pool,
            root,
        }
    }

    fn reset(&mut self, pool: &Arc<Shared>) {
        self.idle.reset();
        self.answered.reset();
        self.held = AtomicBool::new(true);
        discard(core::mem::take(&mut *self.lock()));
        if !Arc::ptr_eq(&self.pool, pool) {
            self.pool = Arc::clone(pool);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pass has ended.
    pub(super) fn finish(&self, result: Result<PassReport, PassError>) {
        let mut answer = self.lock();
        answer.result = Some(result);
        let waker = answer.waker.take();
        drop(answer);
        self.idle.set();
        self.answered.set();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Blocks until the latch, one of this ticket's, is set.
    fn wait(&self, latch: &Latch) {
        let pool = &*self.pool;
        // SAFETY: the current worker's slot is alive while this thread occupies it.
        match unsafe { thread::current().as_ref() } {
            Some(worker) if core::ptr::eq(worker.shared(), pool) => {
                worker.wait(latch, worker.owner.position());
            }
            _ if core::ptr::eq(thread::without_slot(), pool) => pool.wait_without_slot(latch),
            _ => pool.wait_without_worker(latch),
        }
    }
}

impl FrozenPass<'static> {
    /// Begins a pass and returns: the pool's workers run it. It keeps what it needs alive, the graph and the memory of the pool, also if the
    /// graph, the pool or the handle is dropped meanwhile. A shutdown of the pool runs it to its end.
    ///
    /// # Errors
    /// [`AlreadyRunning`] if the last pass that was started hasn't ended.
    ///
    /// # Cost
    /// One exchange for each root, and one more for each vertex without successors. One allocation if the last start's handle is still there, or at
    /// the first start; else none.
    pub fn start(
        &mut self,
        pool: &Pool,
        token: Option<&CancelToken>,
    ) -> Result<StartedPass, AlreadyRunning> {
        self.start_in(pool.shared(), token)
    }

    pub(super) fn start_in(
        &mut self,
        pool: &Arc<Shared>,
        token: Option<&CancelToken>,
    ) -> Result<StartedPass, AlreadyRunning> {
        let started = self.begin_started(pool, token)?;
        self.core.seed_started();
        Ok(started)
    }

    /// As [`start`](Self::start), but the first vertices begin when the gate opens. If it fails, all are skipped, and the pass ends with
    /// [`TaskError::Poisoned`], which names no vertex.
    ///
    /// # Errors
    /// As for `start`.
    ///
    /// # Cost
    /// As for `start`, and one allocation more.
    pub fn start_after(
        &mut self,
        gate: impl IntoGate,
        pool: &Pool,
        token: Option<&CancelToken>,
    ) -> Result<StartedPass, AlreadyRunning> {
        if self.is_running() {
            return Err(AlreadyRunning);
        }
        // Foreign code, which may panic: before there is anything to be ended.
        let gate = gate.into_gate();
        let shared = pool.shared();
        let started = self.begin_started(shared, token)?;
        let (core, shared) = (SharedCore::clone(&self.core), Arc::clone(shared));
        // It may be in anybody's hands what opens the gate.
        shared.sleepers.in_line.fetch_add(1, Ordering::SeqCst);
        gate.then(move |outcome| {
            if let Err(root) = outcome {
                core.fail(NO_VERTEX, TaskError::Poisoned { root });
            }
            core.seed_started();
            drop(core);
            shared.sleepers.in_line.fetch_sub(1, Ordering::SeqCst);
            shared.check_stall();
        });
        Ok(started)
    }

    /// Begins a pass that nobody's stack waits for, and queues nothing.
    fn begin_started(
        &mut self,
        pool: &Arc<Shared>,
        token: Option<&CancelToken>,
    ) -> Result<StartedPass, AlreadyRunning> {
        if self.is_running() {
            return Err(AlreadyRunning);
        }
        let root = SharedCore::as_ptr(&self.core) as usize;
        let ticket = self.fresh_ticket(pool, root);
        let end = End::Ticket {
            ticket: Arc::clone(&ticket),
            share: SharedCore::clone(&self.core),
        };
        let begin = |round: &mut super::round::Round| {
            round.shared = Arc::as_ptr(pool);
            round.root = root;
            round.token = token.cloned();
            round.end = end;
            Course::of(token)
        };
        // SAFETY: no pass is under way, and `self` is borrowed exclusively.
        unsafe { self.core.begin(begin) };
        Ok(StartedPass { ticket })
    }

    fn fresh_ticket(&mut self, pool: &Arc<Shared>, root: usize) -> Arc<Ticket> {
        while let Some(ticket) = &mut self.ticket {
            // Acquire: pairs with the Release of the handle's drop.
            if ticket.held.load(Ordering::Acquire) {
                break;
            }
            if let Some(unused) = Arc::get_mut(ticket) {
                unused.reset(pool);
                return Arc::clone(ticket);
            }
            // Whoever ended the last pass, or dropped its handle, is about to let go.
            yield_now();
        }
        let ticket = Arc::new(Ticket::new(Arc::clone(pool), root));
        self.ticket = Some(Arc::clone(&ticket));
        ticket
    }
}

impl Core<'_> {
    /// Queues the first vertices of a pass that was begun by `begin_started`, once.
    fn seed_started(&self) {
        if self.sinks == 0 {
            // SAFETY: there is no vertex, so all have ended.
            unsafe { self.end_pass(None) };
        } else {
            self.seed(|root| self.make_ready(root, None));
        }
    }
}

impl FrozenPass<'_> {
    /// Whether a started pass hasn't ended.
    pub fn is_running(&self) -> bool {
        self.ticket
            .as_ref()
            .is_some_and(|ticket| !ticket.idle.is_set())
    }

    /// Waits for a started pass.
    pub(super) fn wait_until_idle(&self) {
        if let Some(ticket) = &self.ticket
            && !ticket.idle.is_set()
        {
            ticket.wait(&ticket.idle);
        }
    }
}

/// A pass under way: wait for it, poll it, await it, or drop this to let it go on by itself.
#[must_use = "dropping it lets the pass go on by itself; `wait` tells how it ended"]
pub struct StartedPass {
    ticket: Arc<Ticket>,
}

impl fmt::Debug for StartedPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedPass")
            .field("is_finished", &self.is_finished())
            .finish()
    }
}

impl StartedPass {
    /// Whether the pass has ended. One load.
    pub fn is_finished(&self) -> bool {
        self.ticket.answered.is_set()
    }

    /// Waits for the end of the pass. A worker helps with other tasks or gives its slot to a spare thread.
    ///
    /// # Errors
    /// As for [`FrozenPass::run_with`]; and [`TaskError::Deadlock`] at once, if a body of this very pass waits for it. The pass goes on then.
    pub fn wait(mut self) -> Result<PassReport, PassError> {
        if !self.is_finished() {
            if thread::root() == self.ticket.root {
                return Err(PassError::of(TaskError::Deadlock));
            }
            self.ticket.wait(&self.ticket.answered);
        }
        self.take()
    }

    /// How the pass ended, if it has, once. Never blocks.
    ///
    /// # Errors
    /// As for `wait`; [`TaskError::Taken`] if it was told before.
    pub fn try_wait(&mut self) -> Option<Result<PassReport, PassError>> {
        self.is_finished().then(|| self.take())
    }

    /// As [`wait`](Self::wait), for at most `timeout`. A worker gives its slot to a spare thread meanwhile, or leaves its queue to others.
    ///
    /// # Errors
    /// The handle itself, if the pass hasn't ended in time.
    pub fn wait_timeout(
        mut self,
        timeout: Duration,
    ) -> Result<Result<PassReport, PassError>, Self> {
        let deadline = Instant::now().checked_add(timeout);
        if spin_until(|| self.is_finished()) || self.sleep_until(deadline) {
            Ok(self.take())
        } else {
            Err(self)
        }
    }

    /// Whether the pass ended in time.
    fn sleep_until(&self, deadline: Option<Instant>) -> bool {
        Worker::with_current(|worker| worker.map(leave_for_another_pool));
        // SAFETY: a pool outlives the stacks of its threads and guests.
        let own_pool = unsafe { thread::without_slot().as_ref() };
        let _entered = own_pool.map(|pool| pool.sleepers.enter(None, true));
        let (latch, parker) = (&self.ticket.answered, thread::parker());
        while latch.register(parker) {
            let ticket = parker.prepare();
            if latch.is_set() {
                ticket.cancel();
                break;
            }
            let Some(deadline) = deadline else {
                ticket.commit();
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                ticket.cancel();
                return false;
            }
            ticket.commit_timeout(left);
        }
        true
    }

    fn take(&mut self) -> Result<PassReport, PassError> {
        let result = self.ticket.lock().result.take();
        result.unwrap_or_else(|| Err(PassError::of(TaskError::Taken)))
    }
}

impl Future for StartedPass {
    type Output = Result<PassReport, PassError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        // A foreign function, which may panic: not under the lock.
        let waker = Held::new(context.waker().clone(), Arc::as_ptr(&this.ticket.pool));
        let mut answer = this.ticket.lock();
        if answer.result.is_some() || this.is_finished() {
            drop(answer);
            discard(waker);
            return Poll::Ready(this.take());
        }
        let old = answer.waker.replace(waker);
        drop(answer);
        discard(old);
        Poll::Pending
    }
}

impl Drop for StartedPass {
    fn drop(&mut self) {
        let unused = core::mem::take(&mut *self.ticket.lock());
        discard(unused);
        // Release: pairs with the Acquire in `fresh_ticket`.
        self.ticket.held.store(false, Ordering::Release);
    }
}
