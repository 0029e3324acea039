//! Tokio's threads: a task of the workload is a task of theirs.

use std::sync::Arc;

use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};
use taskweave_taskbench::{EngineError, Runner, Setup, Task, Workload};
use tokio::runtime::{Builder, Handle, Runtime};

use super::{flow::Flow, latch::Latch};

pub(super) struct Tokio {
    runtime: Runtime,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    flow: Flow,
    ended: Latch,
}

impl Tokio {
    pub(super) fn new(setup: &Setup, work: Arc<Workload>) -> Result<Self, EngineError> {
        let (placed, next) = (setup.clone(), AtomicUsize::new(0));
        let runtime = Builder::new_multi_thread()
            .worker_threads(setup.threads)
            .on_thread_start(move || {
                // Relaxed: only a number for each. As in `Team`, who isn't placed is only slower.
                let _ = placed.place(next.fetch_add(1, Ordering::Relaxed));
            })
            .build();
        Ok(Self {
            runtime: runtime.map_err(EngineError::refused("tokio"))?,
            shared: Arc::new(Shared {
                flow: Flow::new(work),
                ended: Latch::default(),
            }),
        })
    }
}

impl Runner for Tokio {
    fn run(&mut self) {
        let handle = self.runtime.handle();
        for &root in self.shared.flow.begin() {
            spawn(handle, &self.shared, root);
        }
        self.shared.ended.wait();
    }
}

fn spawn(handle: &Handle, shared: &Arc<Shared>, task: Task) {
    let owned = Arc::clone(shared);
    handle.spawn(async move {
        let last = owned
            .flow
            .run(task, |ready| spawn(&Handle::current(), &owned, ready));
        if last {
            owned.ended.open();
        }
    });
}
