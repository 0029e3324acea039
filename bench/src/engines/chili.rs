//! Chili joins two halves and has nothing else: a step is split until a task is left, and the next one waits for it.

use std::{num::NonZero, sync::Arc};

use chili::{Config, Scope, ThreadPool};
use taskweave_sys::machine::affinity;
use taskweave_taskbench::{EngineError, Runner, Setup, Task, Workload};

pub(super) struct Chili {
    pool: ThreadPool,
    work: Arc<Workload>,
    steps: Vec<Vec<Task>>,
}

impl Chili {
    pub(super) fn new(setup: &Setup, work: Arc<Workload>) -> Result<Self, EngineError> {
        let config = Config {
            thread_count: NonZero::new(setup.threads),
            ..Config::default()
        };
        Ok(Self {
            pool: beside_the_caller(setup, || ThreadPool::with_config(config))?,
            steps: (0..work.steps())
                .map(|step| work.step(step).collect())
                .collect(),
            work,
        })
    }
}

/// Its threads have no hook: they inherit where they may run, which is wherever the caller won't be.
fn beside_the_caller<R>(setup: &Setup, start: impl FnOnce() -> R) -> Result<R, EngineError> {
    let refused = EngineError::refused("chili");
    match setup.processors.get(1..) {
        None | Some([]) => Ok(start()),
        Some(others) => {
            let before = affinity::current().map_err(&refused)?;
            affinity::pin_current_thread(others).map_err(&refused)?;
            let started = start();
            affinity::pin_current_thread(&before).map_err(&refused)?;
            Ok(started)
        }
    }
}

impl Runner for Chili {
    fn run(&mut self) {
        let mut scope = self.pool.scope();
        for step in &self.steps {
            halve(&mut scope, &self.work, step);
        }
    }
}

fn halve(scope: &mut Scope<'_>, work: &Workload, tasks: &[Task]) {
    match tasks {
        [] => {}
        [task] => work.run(*task),
        _ => {
            let (left, right) = tasks.split_at(tasks.len() / 2);
            scope.join(
                |scope| halve(scope, work, left),
                |scope| halve(scope, work, right),
            );
        }
    }
}
