//! Pools: what starts, runs and ends the workers.

use core::fmt;
use core::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::builder::{BuildError, PoolBuilder};
use crate::cancel::CancelToken;
use crate::future;
use crate::gate::{GatedTask, IntoGate};
use crate::keeper;
use crate::limit::Limit;
use crate::metrics::Metrics;
use crate::prepare::Prepared;
use crate::scope::{Scope, scope_in};
use crate::shared::{Phase, Shared};
use crate::spawn::{self, JoinHandle, Options};
use crate::thread;
use crate::wait::{enter, leave_for_another_pool};
use crate::worker::Worker;

/// A set of workers, and the queues that feed them.
///
/// Share it by reference or in an [`Arc`]. Dropping it refuses new tasks, runs what is queued, and waits until all
/// bodies have ended and no worker takes another one (unless it's dropped by a body of its own); use [`shutdown`](Self::shutdown) for
/// anything else. The threads themselves end about then, those for blocking bodies a little later.
///
/// # Processes
/// With `panic = "abort"` a panic of any body ends the process at once, as it does in any thread; what is said of panics here is
/// for programs that unwind.
///
/// A child made by `fork` has none of the threads. It may compute, `exec` or `_exit`, and whatever it does leaves the parent's
/// pool alone; but a pool that it has inherited is of no use to it: what it submits is never run, locks that were held at the
/// moment stay held, and dropping the pool waits for ever.
pub struct Pool {
    shared: Arc<Shared>,
}

/// What a shutdown does with tasks that are queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Runs them.
    Drain,
    /// Drops them: their handles say [`TaskError::Shutdown`](crate::TaskError::Shutdown). What has begun, and the parts that it waits
    /// for, go on to the end.
    Abandon,
}

/// Not all threads ended in time. They go on; ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownTimeout {
    /// Threads that haven't ended.
    pub threads: usize,
}

impl fmt::Display for ShutdownTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} threads of the pool haven't ended in time; their bodies go on, ask again",
            self.threads
        )
    }
}

impl std::error::Error for ShutdownTimeout {}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.shared.config.name)
            .field("worker_threads", &self.worker_threads())
            .finish_non_exhaustive()
    }
}

static GLOBAL: OnceLock<Pool> = OnceLock::new();

/// Calls `f` with the pool that the code on this stack runs in, or with the global one.
pub(crate) fn ambient<R>(f: impl FnOnce(&Shared) -> R) -> R {
    // SAFETY: a pool outlives the stacks of its threads and guests.
    match unsafe { thread::pool().as_ref() } {
        Some(shared) => f(shared),
        None => f(&Pool::global().shared),
    }
}

impl Pool {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Pool { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Settings for a new pool.
    ///
    /// ```
    /// let pool = taskweave_core::Pool::builder().worker_threads(2).name("demo").build()?;
    /// assert_eq!(pool.spawn(|| 6 * 7).wait()?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> PoolBuilder {
        PoolBuilder::default()
    }

    /// The pool that everything outside of a pool uses. Started with the default settings at its first use,
    /// unless [`set_global`](Self::set_global) came before; it's never shut down.
    ///
    /// # Panics
    /// If the system can't start its threads.
    pub fn global() -> &'static Pool {
        GLOBAL.get_or_init(|| match Pool::builder().build() {
            Ok(pool) => pool,
            Err(error) => panic!("the global pool can't be started: {error}"),
        })
    }

    /// Makes this pool the global one.
    ///
    /// # Errors
    /// [`BuildError::GlobalExists`] if there is one; the pool is shut down again.
    pub fn set_global(self) -> Result<(), BuildError> {
        GLOBAL.set(self).map_err(|_| BuildError::GlobalExists)
    }

    /// Number of worker slots.
    pub fn worker_threads(&self) -> usize {
        self.shared.slots.len()
    }

    /// Starts `body` as a task. One allocation; no lock.
    ///
    /// The handle may be dropped; the task runs all the same. After a shutdown the handle says
    /// [`TaskError::Shutdown`](crate::TaskError::Shutdown).
    pub fn spawn<F, T>(&self, body: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        spawn::spawn(&self.shared, Options::default(), body)
    }

    /// Starts a future: the pool's workers poll it. One allocation if the future or its result is larger than about 100 bytes, and now and then one for 64
    /// futures to come; else none. No lock, but once in a while.
    ///
    /// The handle is that of a task: it can be awaited, here or under any other executor, waited for, cancelled, or dropped, in which case the
    /// future goes on by itself. A future that panics ends with [`TaskError::Panicked`](crate::TaskError::Panicked).
    ///
    /// A poll must not block; if it has to, it's best done by [`spawn_blocking`](Self::spawn_blocking), whose handle can be awaited. What computes for long may do
    /// so in a poll, or use `join` and `scope` there: other futures go on on other workers.
    ///
    /// After a shutdown the handle says [`TaskError::Shutdown`](crate::TaskError::Shutdown).
    ///
    /// ```
    /// # use taskweave_core::Pool;
    /// let pool = Pool::builder().worker_threads(2).build()?;
    /// let six = pool.spawn(|| 6);
    /// let answer = pool.spawn_future(async { six.await.map(|six| six * 7) });
    /// assert_eq!(answer.wait()??, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn_future<F, T>(&self, future: F) -> JoinHandle<T>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        future::spawn_future(&self.shared, Options::default(), future)
    }

    /// As [`block_on`](crate::block_on), with this pool as the one that the future is in.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        future::block_on_in(&self.shared, future)
    }

    /// A task with a name, a token or a limit.
    ///
    /// ```
    /// # use taskweave_core::{CancelToken, Pool, TaskError};
    /// let pool = Pool::builder().worker_threads(1).build()?;
    /// let token = CancelToken::new();
    /// token.cancel();
    /// let handle = pool.task().name("refresh").cancel_with(&token).spawn(|| 1);
    /// assert!(matches!(handle.wait(), Err(TaskError::Cancelled)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn task(&self) -> TaskBuilder<'_> {
        TaskBuilder {
            pool: self,
            options: Options::default(),
        }
    }

    /// Starts `body` on a thread that may block for long. One allocation, one lock, and the start of a thread if none is idle; it is kept
    /// for ten seconds for the next one.
    ///
    /// There are at most [`max_blocking`](PoolBuilder::max_blocking) of them: a body that waits for one that is queued behind it may wait for ever, which
    /// isn't found out. If the system refuses the first thread, the handle says [`TaskError::NoThread`](crate::TaskError::NoThread).
    pub fn spawn_blocking<F, T>(&self, body: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        spawn::spawn_blocking(&self.shared, body)
    }

    /// Boxes `body` once, to be submitted any number of times without allocating.
    pub fn prepare<F>(&self, body: F) -> Prepared
    where
        F: FnMut() + Send + 'static,
    {
        Prepared::new(Arc::clone(&self.shared), Box::new(body))
    }

    /// Runs `body` on a worker of this pool and returns its result: right here if this thread is one of them, or
    /// if a worker sleeps (this thread then works in its slot); else by a worker, while this thread waits. On a pool that was shut down it runs right
    /// here, without a worker.
    pub fn install<R, F>(&self, body: F) -> R
    where
        F: FnOnce() -> R + Send,
        R: Send,
    {
        enter(&self.shared, |_| body())
    }

    /// As [`scope`](crate::scope), on this pool.
    pub fn scope<'env, R, F>(&self, body: F) -> R
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R + Send,
        R: Send,
    {
        scope_in(&self.shared, body)
    }

    /// A snapshot of the counters.
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }

    /// What the pool is doing, for a person: each worker's state and queues, the kinds of the bodies that
    /// run, the waits that are blocked. Never blocks on a task.
    pub fn dump(&self) -> String {
        self.shared.dump()
    }

    /// Refuses new tasks from now on, deals with the queued ones, and waits for the threads to end.
    ///
    /// May be called again, from any thread, also with the sterner mode. A body of this pool can't wait for itself: called
    /// there, it only begins the shutdown. (A thread from outside that has gone from a body of this pool into another pool isn't recognised, and waits for
    /// itself if there is no timeout.)
    ///
    /// # Errors
    /// [`ShutdownTimeout`] if a thread hasn't ended in time (`None` waits for as long as it takes), or if a body of this pool
    /// calls.
    pub fn shutdown(
        &self,
        mode: Shutdown,
        timeout: Option<Duration>,
    ) -> Result<(), ShutdownTimeout> {
        self.close(mode);
        if thread::is_inside(&self.shared) {
            return Err(ShutdownTimeout {
                threads: self.shared.live_threads(),
            });
        }
        lend_slot();
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        if keeper::await_end(&self.shared, deadline) {
            Ok(())
        } else {
            Err(ShutdownTimeout {
                threads: self.shared.live_threads(),
            })
        }
    }

    fn close(&self, mode: Shutdown) {
        let phase = match mode {
            Shutdown::Drain => Phase::Draining,
            Shutdown::Abandon => Phase::Dropping,
        };
        keeper::close(&self.shared, phase);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.futures.drop_pending();
        self.close(Shutdown::Drain);
        if !thread::is_inside(&self.shared) {
            lend_slot();
            keeper::await_end(&self.shared, None);
        }
    }
}

/// A worker that waits for the end of another pool lends its slot meanwhile: that pool's bodies may need it.
fn lend_slot() {
    Worker::with_current(|worker| worker.map(leave_for_another_pool));
}

/// A task to be, see [`Pool::task`].
#[derive(Debug)]
#[must_use = "nothing starts before `spawn`"]
pub struct TaskBuilder<'pool> {
    pool: &'pool Pool,
    options: Options,
}

impl<'pool> TaskBuilder<'pool> {
    /// The task begins when this has happened: a task or a pass has ended, a time has come, a gate has opened. See [`gate`](crate::gate). A future awaits such things by itself.
    pub fn after(self, gate: impl IntoGate) -> GatedTask<'pool> {
        GatedTask::new(self.pool, self.options, gate.into_gate())
    }

    /// A name for dumps and errors.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.name = Some(name.into().into_boxed_str());
        self
    }

    /// The task doesn't run if the token is cancelled before it begins.
    pub fn cancel_with(mut self, token: &CancelToken) -> Self {
        self.options.token = Some(token.clone());
        self
    }

    /// The task runs only while it has a unit of this limit, and waits in line for it.
    pub fn limit(mut self, limit: &Limit) -> Self {
        self.options.limit = Some(limit.clone());
        self
    }

    /// Starts a future, see [`Pool::spawn_future`]. A token that is cancelled drops it, also while it waits for something: for this it costs an allocation and
    /// two locks.
    ///
    /// A limit is for bodies: a future would keep its unit while it waits. The handle then says [`TaskError::Failed`](crate::TaskError::Failed); use a
    /// semaphore for futures instead.
    pub fn spawn_future<F, T>(self, future: F) -> JoinHandle<T>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        future::spawn_future(&self.pool.shared, self.options, future)
    }

    /// Starts it, see [`Pool::spawn`].
    pub fn spawn<F, T>(self, body: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        spawn::spawn(&self.pool.shared, self.options, body)
    }
}

/// Starts a future on the pool of the current worker, or on the global one. See [`Pool::spawn_future`].
pub fn spawn_future<F, T>(future: F) -> JoinHandle<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    ambient(|shared| match shared.this.upgrade() {
        Some(shared) => future::spawn_future(&shared, Options::default(), future),
        None => unreachable!("a pool that has a worker or is global is alive"),
    })
}

/// Starts `body` on the pool of the current worker, or on the global one. See [`Pool::spawn`].
pub fn spawn<F, T>(body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    ambient(|shared| match shared.this.upgrade() {
        Some(shared) => spawn::spawn(&shared, Options::default(), body),
        None => unreachable!("a pool that has a worker or is global is alive"),
    })
}
