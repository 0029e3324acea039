//! `async-executor`, which is smol's: threads that run one executor each call `run` on it until they are told to end.

use std::sync::Arc;

use async_executor::Executor;
use futures_lite::future;
use taskweave_sys::sync::{
    Mutex,
    thread::{self, JoinHandle},
};
use taskweave_taskbench::{EngineError, Runner, Setup, Task, Workload};

use super::{flow::Flow, latch::Latch};

const NAME: &str = "async-executor";

pub(super) struct Smol {
    shared: Arc<Shared>,
    /// Ends the threads.
    stop: Vec<async_stop::Stop>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    executor: Executor<'static>,
    flow: Flow,
    ended: Latch,
}

impl Smol {
    pub(super) fn new(setup: &Setup, work: Arc<Workload>) -> Result<Self, EngineError> {
        let mut smol = Self {
            shared: Arc::new(Shared {
                executor: Executor::new(),
                flow: Flow::new(work),
                ended: Latch::default(),
            }),
            stop: Vec::new(),
            threads: Vec::new(),
        };
        for thread in 0..setup.threads {
            let (shared, setup) = (Arc::clone(&smol.shared), setup.clone());
            let (stop, stopped) = async_stop::pair();
            let body = move || {
                // As in `Team`: who isn't placed is only slower.
                let _ = setup.place(thread);
                future::block_on(shared.executor.run(stopped));
            };
            let started = thread::Builder::new()
                .name(format!("{NAME} {thread}"))
                .spawn(body);
            smol.threads
                .push(started.map_err(EngineError::refused(NAME))?);
            smol.stop.push(stop);
        }
        Ok(smol)
    }
}

impl Runner for Smol {
    fn run(&mut self) {
        for &root in self.shared.flow.begin() {
            spawn(&self.shared, root);
        }
        self.shared.ended.wait();
    }
}

impl Drop for Smol {
    fn drop(&mut self) {
        self.stop.clear();
        for thread in self.threads.drain(..) {
            // A panic was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn spawn(shared: &Arc<Shared>, task: Task) {
    let owned = Arc::clone(shared);
    let body = async move {
        if owned.flow.run(task, |ready| spawn(&owned, ready)) {
            owned.ended.open();
        }
    };
    shared.executor.spawn(body).detach();
}

/// A future that ends when its other half is dropped.
mod async_stop {
    use std::{
        future::Future,
        pin::Pin,
        sync::Arc,
        task::{Context, Poll, Waker},
    };

    use super::Mutex;

    #[derive(Default)]
    struct State {
        stopped: bool,
        waker: Option<Waker>,
    }

    type Shared = Arc<Mutex<State>>;

    pub(super) struct Stop(Shared);

    pub(super) struct Stopped(Shared);

    pub(super) fn pair() -> (Stop, Stopped) {
        let shared = Shared::default();
        (Stop(Arc::clone(&shared)), Stopped(shared))
    }

    fn with<R>(shared: &Shared, act: impl FnOnce(&mut State) -> R) -> R {
        match shared.lock() {
            Ok(mut state) => act(&mut state),
            Err(poisoned) => act(&mut poisoned.into_inner()),
        }
    }

    impl Drop for Stop {
        fn drop(&mut self) {
            let waker = with(&self.0, |state| {
                state.stopped = true;
                state.waker.take()
            });
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    impl Future for Stopped {
        type Output = ();

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            with(&self.0, |state| {
                if state.stopped {
                    return Poll::Ready(());
                }
                state.waker = Some(context.waker().clone());
                Poll::Pending
            })
        }
    }
}
