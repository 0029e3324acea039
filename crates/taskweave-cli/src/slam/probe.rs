//! The negative control of "no allocation": a vertex that does allocate must show in the report.

use std::hint::black_box;

use taskweave::Pool;
use taskweave::graph::{Graph, GraphBuilder};

use crate::failure::Failure;

/// A graph of one vertex that allocates, run beside each iteration.
#[derive(Debug)]
pub(crate) struct AllocatingVertex(Graph<'static>);

impl AllocatingVertex {
    /// One that allocates `count` times a run.
    pub(crate) fn new(count: usize) -> Result<Self, Failure> {
        let mut builder = GraphBuilder::new();
        builder.task("allocating", move || {
            for index in 0..count {
                black_box(Box::new(index));
            }
        });
        builder
            .build()
            .map(Self)
            .map_err(|error| Failure::Graph(error.to_string()))
    }

    /// Runs it once.
    pub(crate) fn run(&mut self, pool: &Pool) -> Result<(), Failure> {
        self.0
            .run(pool)
            .map(drop)
            .map_err(|error| Failure::Graph(error.to_string()))
    }
}
