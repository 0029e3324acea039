#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "graph")]
pub mod graph;

pub use taskweave_core::{
    BuildError, CancelToken, Hold, JoinHandle, Limit, MAX_WORKERS, Metrics, Panic, Pinning, Pool,
    PoolBuilder, Prepared, Priority, Scope, Shutdown, ShutdownTimeout, Splittable, Submission,
    TaskBuilder, TaskError, WorkerLocal, WorkerMetrics, for_each, join, map_reduce, scope, spawn,
};
