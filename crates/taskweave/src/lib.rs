#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "graph")]
pub mod graph;

/// The pages of the guide, whose examples run with the tests.
#[cfg(all(doctest, feature = "graph"))]
#[doc = include_str!("../../../docs/guide/graph.md")]
pub mod guide {}

pub use taskweave_core::{
    BuildError, CancelToken, Hold, JoinHandle, Limit, MAX_WORKERS, Metrics, Panic, Pinning, Pool,
    PoolBuilder, Prepared, Priority, Scope, Shutdown, ShutdownTimeout, Splittable, Submission,
    TaskBuilder, TaskError, WorkerLocal, WorkerMetrics, for_each, join, map_reduce, scope, spawn,
};
