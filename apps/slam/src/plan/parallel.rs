//! The same tasks as a Taskweave graph.

use std::error::Error;
use std::sync::Arc;

use taskweave::Pool;
use taskweave::graph::{Graph, GraphBuilder};

use crate::numeric::tiles::TileOperation;
use crate::plan::engine::{Engine, Failure};
use crate::plan::tasks::{Operation, Plan};

/// Builds the graph of a plan; with `moving`, solving backward also moves the poses.
pub(crate) fn graph(
    engine: &Arc<Engine>,
    plan: &Plan,
    moving: bool,
) -> Result<Graph<'static>, Box<dyn Error + Send + Sync>> {
    let mut builder = GraphBuilder::new();
    let mut tasks = Vec::with_capacity(plan.operations.len());
    for &operation in &plan.operations {
        // Each expansion has a closure of its own type: the runtime learns how long a body takes by its type.
        macro_rules! task {
            () => {{
                let engine = Arc::clone(engine);
                builder.task(operation.name(), move || -> Result<(), Failure> { engine.perform(operation, moving) })
            }};
        }
        tasks.push(match operation {
            Operation::Linearise(_) => task!(),
            Operation::Factor(_) => task!(),
            Operation::Tile(_, TileOperation::Assemble { .. }) => task!(),
            Operation::Tile(_, TileOperation::Factor { .. }) => task!(),
            Operation::Tile(_, TileOperation::Solve { .. }) => task!(),
            Operation::Tile(_, TileOperation::Update { .. }) => task!(),
            Operation::Backward(_) => task!(),
            Operation::Reduce => task!(),
        });
    }
    for &(before, after) in &plan.edges {
        builder.edge(tasks[before as usize], tasks[after as usize])?;
    }
    Ok(builder.build()?)
}

/// Runs one pass.
pub(crate) fn run(
    graph: &mut Graph<'static>,
    engine: &Engine,
    pool: &Pool,
) -> Result<Result<(), Failure>, Box<dyn Error + Send + Sync>> {
    // What an earlier run may have left must not be taken for this one's.
    engine.take_failure();
    match graph.run(pool) {
        Ok(_) => Ok(Ok(())),
        Err(error) => engine.take_failure().map(Err).ok_or_else(|| error.into()),
    }
}
