#![doc = include_str!("README.md")]

#[cfg(all(test, taskweave_loom))]
mod models;
mod state;

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use taskweave_sys::parker::Parker;
use taskweave_sys::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use taskweave_sys::sync::cell::UnsafeCell;

use crate::error::{Panic, TaskError, catch, discard};
use crate::keeper;
use crate::shared::{Phase, Shared};
use crate::task::{Class, Description, Forecast, Header, TaskVTable};
use crate::thread;
use crate::wait::spin_until;
use crate::worker::Worker;
use state::{Released, State, Submit};

/// A closure that is submitted again and again without allocating. See `Pool::prepare`.
pub struct Prepared {
    job: NonNull<Job>,
}

#[repr(C)]
struct Job {
    header: Header,
    state: State,
    /// Whoever sleeps until the present submission ends.
    waiter: AtomicPtr<Parker>,
    /// The thread that runs the closure, by its token.
    runner: AtomicUsize,
    body: UnsafeCell<Box<dyn FnMut() + Send>>,
    /// How the last run ended. Never contended: written by the runner, read after its end.
    outcome: Mutex<Option<TaskError>>,
    /// Whether there is an outcome that nobody has asked for.
    failed: AtomicBool,
    shared: Arc<Shared>,
}

// SAFETY: the closure is Send and run by one party at a time; all else is atomic or locked.
unsafe impl Send for Prepared {}
// SAFETY: `&Prepared` offers submission alone, which the state word guards.
unsafe impl Sync for Prepared {}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("state", &self.job().state)
            .finish_non_exhaustive()
    }
}

/// The job's last submission hasn't ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyRunning;

impl fmt::Display for AlreadyRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the prepared job's last submission hasn't ended; wait for it first")
    }
}

impl std::error::Error for AlreadyRunning {}

const VERBS: TaskVTable = TaskVTable {
    run,
    abandon,
    describe: |_| Description {
        kind: "prepared",
        name: None,
    },
    forecast: Some(forecast),
    tallies: false,
    root: None,
    class: Class::TopLevel,
    label: "prepared",
};

impl Prepared {
    pub(crate) fn new(shared: Arc<Shared>, body: Box<dyn FnMut() + Send>) -> Self {
        let job = Box::new(Job {
            header: Header::new(const { &VERBS }),
            state: State::new(),
            waiter: AtomicPtr::new(core::ptr::null_mut()),
            runner: AtomicUsize::new(0),
            body: UnsafeCell::new(body),
            outcome: Mutex::new(None),
            failed: AtomicBool::new(false),
            shared,
        });
        Prepared {
            // SAFETY: a box is not null.
            job: unsafe { NonNull::new_unchecked(Box::into_raw(job)) },
        }
    }

    fn job(&self) -> &Job {
        // SAFETY: freed by `drop`, or after it.
        unsafe { self.job.as_ref() }
    }

    /// Queues the closure for one run. No allocation, no lock.
    ///
    /// The returned value waits for this run; dropping it leaves the run alone.
    ///
    /// # Errors
    /// [`AlreadyRunning`] if the last submission hasn't ended.
    pub fn submit(&mut self) -> Result<Submission<'_>, AlreadyRunning> {
        let job = self.job();
        match job.state.submit() {
            Submit::Refused => return Err(AlreadyRunning),
            Submit::Queue if job.shared.phase() != Phase::Open => {
                job.settle_refused();
            }
            Submit::Queue => Worker::with_current(|worker| match worker {
                // SAFETY: in no queue, and alive until the queue gives it back.
                Some(worker) if core::ptr::eq(worker.shared(), &*job.shared) => unsafe {
                    worker.submit(self.job.cast());
                },
                // SAFETY: as above.
                _ => unsafe { job.shared.inject(self.job.cast()) },
            }),
            Submit::Linked => job.shared.published(),
        }
        Ok(self.last_submission())
    }

    fn last_submission(&self) -> Submission<'_> {
        Submission {
            job: self.job,
            prepared: PhantomData,
        }
    }

    /// Runs the closure on this thread, as a worker if there's a slot to be had: what `submit` and `wait` come to
    /// when nobody else takes the job meanwhile. No queue, no wake.
    ///
    /// # Errors
    /// As for [`Submission::wait`].
    pub fn run(&mut self) -> Result<(), TaskError> {
        let job = self.job();
        if job.shared.phase() != Phase::Open {
            return Err(TaskError::Shutdown);
        }
        while !job.state.begin_directly() {
            // A submission whose handle was dropped: it comes first.
            match self.last_submission().wait() {
                Err(
                    error @ (TaskError::Deadlock
                    | TaskError::TooManyBlocked { .. }
                    | TaskError::NoThread),
                ) => {
                    return Err(error);
                }
                ended => discard(ended),
            }
        }
        run_claimed(self.job);
        job.outcome()
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // A closure that runs is waited for; it belongs to this value.
        if self.job().runner.load(Ordering::Relaxed) != thread::token() {
            discard(self.last_submission().settle(Unbegun::TakeBack));
        }
        if self.job().state.close() == Released::Free {
            // SAFETY: in no queue, and this was the last share.
            unsafe { free(self.job) };
        }
    }
}

/// Runs the closure.
///
/// # Safety
/// The caller has won the transition to `RUNNING`; it uses the job no further.
unsafe fn run_begun(job: NonNull<Job>) {
    // SAFETY: a job that runs is alive until its end is entered.
    let this = unsafe { job.as_ref() };
    // Relaxed: only compared with the reader's own token.
    this.runner.store(thread::token(), Ordering::Relaxed);
    // Nobody has asked how the last run ended, and this one doesn't answer for it.
    discard(this.outcome());
    let rooted = thread::enter_root(job.as_ptr() as usize);
    // SAFETY: RUNNING gives the closure to one party.
    let result = this.body.with_mut(|body| catch(|| unsafe { (*body)() }));
    drop(rooted);
    this.runner.store(0, Ordering::Relaxed);
    if let Err(payload) = result {
        this.fail(TaskError::Panicked(Panic::new(payload)));
    }
    // SAFETY: passed on.
    unsafe { end(job) };
}

/// Enters the end of a run.
///
/// # Safety
/// The caller holds `RUNNING`; it uses the job no further.
unsafe fn end(job: NonNull<Job>) {
    // SAFETY: alive until the state says that the run has ended.
    let this = unsafe { job.as_ref() };
    // Acquire: pairs with the store before `announce_waiter`.
    let (waiter, released) = this.state.end(|| this.waiter.load(Ordering::Acquire));
    if let Some(waiter) = waiter {
        // SAFETY: parkers live for ever.
        unsafe { &*waiter }.release(1);
    }
    if released == Released::Free {
        // SAFETY: closed by its own closure, in no queue: this was the last share.
        unsafe { free(job) };
    }
}

impl Job {
    fn settle_refused(&self) {
        self.fail(TaskError::Shutdown);
        // The header was never queued: its share goes with the submission.
        self.state.unlink_unqueued();
    }

    /// Says how the run under way has ended. By whoever holds `RUNNING`, or the owner of a job that isn't busy.
    fn fail(&self, error: TaskError) {
        let before = lock(&self.outcome).replace(error);
        // Relaxed: handed over, with the outcome, by the state.
        self.failed.store(true, Ordering::Relaxed);
        discard(before);
    }

    /// How the last run has ended, once. By the same.
    fn outcome(&self) -> Result<(), TaskError> {
        // Relaxed: as above.
        if !self.failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.failed.store(false, Ordering::Relaxed);
        match lock(&self.outcome).take() {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }
}

/// # Safety
/// The job is in no queue, and the caller has given up its last share.
unsafe fn free(job: NonNull<Job>) {
    // SAFETY: by the caller's word; it was boxed by `Prepared::new`.
    let job = unsafe { Box::from_raw(job.as_ptr()) };
    // Nothing in ordinary builds: a model sees freeing as the last access.
    job.body.with_mut(|_| ());
    // One by one: two drops that panic at once would end the process.
    discard(job.outcome());
    discard(job);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

unsafe fn forecast(task: NonNull<Header>) -> Forecast {
    Forecast {
        // Two prepared jobs have nothing in common but this code: the job itself is the kind.
        kind: task.as_ptr() as usize,
        way: 1,
    }
}

unsafe fn run(task: NonNull<Header>) {
    let job: NonNull<Job> = task.cast();
    // SAFETY: a linked job is alive.
    match unsafe { job.as_ref() }.state.unlink() {
        Released::Free => {
            // SAFETY: closed, and this was the last share.
            unsafe { free(job) };
        }
        // SAFETY: RUNNING was won just now.
        Released::Run => unsafe { run_begun(job) },
        Released::Nothing => {}
    }
}

unsafe fn abandon(task: NonNull<Header>) {
    let job: NonNull<Job> = task.cast();
    // SAFETY: a linked job is alive.
    match unsafe { job.as_ref() }.state.unlink() {
        Released::Free => {
            // SAFETY: closed, and this was the last share.
            unsafe { free(job) };
        }
        Released::Run => {
            // SAFETY: as for `run`.
            unsafe { job.as_ref() }.fail(TaskError::Shutdown);
            // SAFETY: RUNNING was won just now.
            unsafe { end(job) };
        }
        Released::Nothing => {}
    }
}

/// Runs a job that the caller has won, as a worker if there's a slot to be had.
fn run_claimed(job: NonNull<Job>) {
    // SAFETY: the caller's `Prepared` is alive.
    let shared = Arc::clone(&unsafe { job.as_ref() }.shared);
    let loan = if thread::current().is_null() {
        crate::wait::borrow(&shared)
    } else {
        None
    };
    // SAFETY: RUNNING was won by the caller.
    unsafe { run_begun(job) };
    drop(loan);
}

/// What a wait does with a run that hasn't begun.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unbegun {
    RunHere,
    Leave,
    TakeBack,
}

/// One submission of a [`Prepared`] job.
#[must_use = "dropping it leaves the run alone; `wait` tells how it ended"]
pub struct Submission<'job> {
    job: NonNull<Job>,
    prepared: PhantomData<&'job Prepared>,
}

// SAFETY: as for `&Prepared`.
unsafe impl Send for Submission<'_> {}

impl fmt::Debug for Submission<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission")
            .field("is_finished", &self.is_finished())
            .finish()
    }
}

impl Submission<'_> {
    fn job(&self) -> &Job {
        // SAFETY: the lifetime keeps the `Prepared` alive.
        unsafe { self.job.as_ref() }
    }

    /// Whether the run has ended. One load.
    pub fn is_finished(&self) -> bool {
        !self.job().state.is_busy()
    }

    /// Waits for the run; one that hasn't begun is run right here, unless the stack has become long by such runs.
    ///
    /// # Errors
    /// How it ended, if not well. [`TaskError::Deadlock`]: this is called by the closure itself; longer cycles through prepared jobs are
    /// not found. [`TaskError::Shutdown`]: the pool was shut down before the run began. [`TaskError::TooManyBlocked`],
    /// [`TaskError::NoThread`]: a worker waits for a run elsewhere, and its slot finds no other thread; the run goes on.
    pub fn wait(self) -> Result<(), TaskError> {
        self.settle(Unbegun::RunHere)
    }

    /// As [`wait`](Self::wait), but leaves the run to a worker of the pool: for a closure that belongs on a worker's thread, or a caller
    /// that is to stay free. Looks for some microseconds, then sleeps; a worker that waits so gives its slot to a spare thread.
    ///
    /// # Errors
    /// As for `wait`.
    ///
    /// ```
    /// let pool = taskweave_core::Pool::builder().worker_threads(1).build()?;
    /// let caller = std::thread::current().id();
    /// let mut job = pool.prepare(move || assert_ne!(std::thread::current().id(), caller));
    /// job.submit()?.wait_for_worker()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for_worker(self) -> Result<(), TaskError> {
        self.settle(Unbegun::Leave)
    }

    /// Takes the header off this worker's deque if it's on top, so that no shell stays behind.
    fn unlink_if_newest(&self) {
        Worker::with_current(|worker| {
            let Some(worker) = worker else { return };
            match worker.owner.pop() {
                Some(task) if task == self.job.cast() => {
                    let _ = self.job().state.unlink();
                }
                // SAFETY: the deque handed it out, and has room for it.
                Some(other) => unsafe { worker.push(other) },
                None => {}
            }
        });
    }

    /// Waits for the end of the run, or brings it about.
    fn settle(self, unbegun: Unbegun) -> Result<(), TaskError> {
        let job = self.job();
        match unbegun {
            Unbegun::TakeBack if job.state.begin() => {
                // SAFETY: begun just now, and the `Prepared` is alive until this returns.
                unsafe { end(self.job) };
                return job.outcome();
            }
            Unbegun::RunHere => {
                let spot = thread::enter_spot(job.shared.config.stack_size);
                if spot.is_some() && job.state.begin() {
                    self.unlink_if_newest();
                    run_claimed(self.job);
                    return job.outcome();
                }
            }
            Unbegun::TakeBack | Unbegun::Leave => {}
        }
        if job.runner.load(Ordering::Relaxed) == thread::token() {
            return Err(TaskError::Deadlock);
        }
        if spin_until(|| !job.state.is_busy()) {
            return job.outcome();
        }
        let parker = thread::parker();
        // Release: pairs with the load in `end`.
        job.waiter
            .store(core::ptr::from_ref(parker).cast_mut(), Ordering::Release);
        if job.state.announce_waiter() {
            let given = Worker::with_current(|worker| match worker {
                Some(worker) => keeper::give_slot_away(worker),
                None => Ok(()),
            });
            if let Err(none) = given
                && unbegun != Unbegun::TakeBack
            {
                return Err(none.into());
            }
            loop {
                let ticket = parker.prepare();
                if !job.state.is_busy() {
                    ticket.cancel();
                    break;
                }
                ticket.commit();
            }
        }
        job.outcome()
    }
}
