//! Our static graph: a vertex a task, an edge an edge.

use std::sync::Arc;

use taskweave::{
    Pinning, Pool,
    graph::{Graph, GraphBuilder},
};

use super::{EngineError, Runner, Setup};
use crate::work::{Task, Workload};

const NAME: &str = "taskweave";

pub(super) struct Static {
    graph: Graph<'static>,
    pool: Pool,
}

impl Static {
    pub(super) fn new(setup: &Setup, work: Arc<Workload>) -> Result<Self, EngineError> {
        let pinning = match &setup.processors[..] {
            [] => Pinning::None,
            some => Pinning::Explicit(some.to_vec()),
        };
        let pool = Pool::builder()
            .worker_threads(setup.threads)
            .pinning(pinning)
            .build();
        Ok(Self {
            pool: pool.map_err(EngineError::refused(NAME))?,
            graph: build(&work)?,
        })
    }
}

fn build(work: &Arc<Workload>) -> Result<Graph<'static>, EngineError> {
    let mut builder = GraphBuilder::new();
    let mut ids = vec![None; work.indices()];
    for task in work.all() {
        let shared = Arc::clone(work);
        let id = builder.task("", move || shared.run(task));
        ids[work.index(task)] = Some(id);
        for &point in work.inputs(task) {
            let step = task.step - 1;
            if let Some(before) = ids[work.index(Task {
                step,
                point,
                ..task
            })] {
                builder
                    .edge(before, id)
                    .map_err(EngineError::refused(NAME))?;
            }
        }
    }
    builder.build().map_err(EngineError::refused(NAME))
}

impl Runner for Static {
    fn run(&mut self) {
        // A body that panicked is a task that didn't run, or whose readers didn't: the workload finds it.
        let _ = self.graph.run(&self.pool);
    }
}
