//! Who polls: three runtimes behind one trait.

use std::{future::Future, sync::Arc, time::Duration};

use taskweave_sys::{
    machine::affinity,
    sync::{
        atomic::{AtomicUsize, Ordering},
        thread,
    },
};

use crate::{
    error::BenchError,
    harness::processors,
    suites::{Setup, pools},
};

/// A runtime, with the names that its own documentation recommends. Clones are the same one.
pub(super) trait Runtime: Clone + Send + Sync + 'static {
    const NAME: &'static str;
    type Handle<T: Send + 'static>: Send + 'static;
    type Sleep: Future<Output = ()> + Send;

    fn start(setup: &Setup) -> Result<Self, BenchError>;
    fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Self::Handle<T>;
    fn join<T: Send + 'static>(handle: Self::Handle<T>) -> impl Future<Output = Option<T>> + Send;
    /// Runs a future on the workers, while the caller waits.
    fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T>;
    fn yield_now() -> impl Future<Output = ()> + Send;
    fn sleep(time: Duration) -> Self::Sleep;
    /// So many ticks of an interval.
    fn ticks(period: Duration, count: u64) -> impl Future<Output = ()> + Send;
}

#[derive(Clone)]
pub(super) struct Ours(Arc<taskweave::Pool>);

impl Runtime for Ours {
    const NAME: &'static str = "taskweave";
    type Handle<T: Send + 'static> = taskweave::JoinHandle<T>;
    type Sleep = taskweave::Sleep;

    fn start(setup: &Setup) -> Result<Self, BenchError> {
        Ok(Self(Arc::new(pools::taskweave_placed(setup)?)))
    }

    fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Self::Handle<T> {
        self.0.spawn_future(future)
    }

    async fn join<T: Send + 'static>(handle: Self::Handle<T>) -> Option<T> {
        handle.await.ok()
    }

    fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.0.spawn_future(future).wait().ok()
    }

    async fn yield_now() {
        taskweave::yield_now().await;
    }

    fn sleep(time: Duration) -> Self::Sleep {
        taskweave::sleep(time)
    }

    async fn ticks(period: Duration, count: u64) {
        let mut interval = taskweave::interval(period);
        for _ in 0..count {
            interval.tick().await;
        }
    }
}

#[derive(Clone)]
pub(super) struct Tokio(Arc<tokio::runtime::Runtime>);

impl Runtime for Tokio {
    const NAME: &'static str = "tokio";
    type Handle<T: Send + 'static> = tokio::task::JoinHandle<T>;
    type Sleep = tokio::time::Sleep;

    fn start(setup: &Setup) -> Result<Self, BenchError> {
        let cpus = processors()?;
        let started = AtomicUsize::new(0);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(setup.workers)
            .enable_time()
            .on_thread_start(move || {
                let worker = started.fetch_add(1, Ordering::Relaxed);
                // As for rayon's: a worker that isn't placed shows in the spread.
                let _ = affinity::pin_current_thread(&[cpus[worker % cpus.len()]]);
            })
            .build()
            .map_err(|why| BenchError::refused(Self::NAME)(Box::new(why)))?;
        Ok(Self(Arc::new(runtime)))
    }

    fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Self::Handle<T> {
        self.0.spawn(future)
    }

    async fn join<T: Send + 'static>(handle: Self::Handle<T>) -> Option<T> {
        handle.await.ok()
    }

    fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.0.block_on(self.0.spawn(future)).ok()
    }

    async fn yield_now() {
        tokio::task::yield_now().await;
    }

    fn sleep(time: Duration) -> Self::Sleep {
        tokio::time::sleep(time)
    }

    async fn ticks(period: Duration, count: u64) {
        let mut interval = tokio::time::interval(period);
        for _ in 0..count {
            interval.tick().await;
        }
    }
}

/// Threads that run an executor until the last clone goes.
#[derive(Clone)]
pub(super) struct AsyncExecutor {
    executor: Arc<async_executor::Executor<'static>>,
    _stop: async_channel::Sender<()>,
}

impl Runtime for AsyncExecutor {
    const NAME: &'static str = "async-executor";
    type Handle<T: Send + 'static> = async_executor::Task<T>;
    type Sleep = std::future::Pending<()>;

    fn start(setup: &Setup) -> Result<Self, BenchError> {
        let cpus = processors()?;
        let executor = Arc::new(async_executor::Executor::new());
        let (stop, stopped) = async_channel::bounded::<()>(1);
        for worker in 0..setup.workers {
            let (executor, stopped) = (Arc::clone(&executor), stopped.clone());
            let cpu = cpus[worker % cpus.len()];
            thread::spawn(move || {
                let _ = affinity::pin_current_thread(&[cpu]);
                // Ends when nobody can send any more.
                let _ = futures_lite::future::block_on(executor.run(stopped.recv()));
            });
        }
        Ok(Self {
            executor,
            _stop: stop,
        })
    }

    fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Self::Handle<T> {
        self.executor.spawn(future)
    }

    async fn join<T: Send + 'static>(handle: Self::Handle<T>) -> Option<T> {
        Some(handle.await)
    }

    fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        Some(futures_lite::future::block_on(self.executor.spawn(future)))
    }

    async fn yield_now() {
        futures_lite::future::yield_now().await;
    }

    /// It has no timers, and isn't asked for any.
    fn sleep(_: Duration) -> Self::Sleep {
        std::future::pending()
    }

    async fn ticks(_: Duration, _: u64) {
        std::future::pending::<()>().await;
    }
}
