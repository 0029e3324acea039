//! Rayon has no dependencies between tasks: they are counted by hand.

use std::sync::Arc;

use rayon::Scope;
use taskweave_taskbench::{EngineError, Runner, Setup, Task, Workload};

use super::flow::Flow;

/// What becomes of a task that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// It is spawned.
    Scope,
    /// It is run by whoever made it ready; if there are several, the others are spawned.
    Inline,
}

pub(super) struct Rayon {
    pool: rayon::ThreadPool,
    flow: Flow,
    form: Form,
}

impl Rayon {
    pub(super) fn new(setup: &Setup, work: Arc<Workload>, form: Form) -> Result<Self, EngineError> {
        let placed = setup.clone();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(setup.threads)
            .start_handler(move |thread| {
                // As in `Team`: who isn't placed is only slower.
                let _ = placed.place(thread);
            })
            .build();
        Ok(Self {
            pool: pool.map_err(EngineError::refused("rayon"))?,
            flow: Flow::new(work),
            form,
        })
    }
}

impl Runner for Rayon {
    fn run(&mut self) {
        let flow = &self.flow;
        let roots = flow.begin();
        let body = match self.form {
            Form::Scope => spawning,
            Form::Inline => inline,
        };
        self.pool.scope(|scope| {
            for &root in roots {
                scope.spawn(move |scope| body(scope, flow, root));
            }
        });
    }
}

fn spawning<'scope>(scope: &Scope<'scope>, flow: &'scope Flow, task: Task) {
    flow.run(task, |ready| {
        scope.spawn(move |scope| spawning(scope, flow, ready));
    });
}

fn inline<'scope>(scope: &Scope<'scope>, flow: &'scope Flow, task: Task) {
    let mut next = Some(task);
    while let Some(task) = next.take() {
        flow.run(task, |ready| {
            if next.is_none() {
                next = Some(ready);
            } else {
                scope.spawn(move |scope| inline(scope, flow, ready));
            }
        });
    }
}
