#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "graph")]
pub mod graph;

/// The pages of the guide, whose examples run with the tests.
#[cfg(all(doctest, feature = "graph"))]
#[doc = include_str!("../../../docs/guide/graph.md")]
pub mod guide {
    #[doc = include_str!("../../../docs/guide/futures.md")]
    pub mod futures {}
    #[doc = include_str!("../../../docs/guide/gates.md")]
    pub mod gates {}
    #[doc = include_str!("../../../docs/coming-from/tokio.md")]
    pub mod tokio {}
    #[doc = include_str!("../../../docs/coming-from/rayon.md")]
    pub mod rayon {}
}

pub use taskweave_core::gate;
pub use taskweave_core::{
    BuildError, CancelToken, Elapsed, Hold, Interval, JoinHandle, Limit, MAX_WORKERS, Metrics,
    Panic, Pinning, Pool, PoolBuilder, Prepared, Priority, Scope, Shutdown, ShutdownTimeout, Sleep,
    Splittable, Submission, TaskBuilder, TaskError, Timeout, WorkerLocal, WorkerMetrics, YieldNow,
    block_on, for_each, interval, join, map_reduce, scope, sleep, sleep_until, spawn, spawn_future,
    timeout, yield_now,
};
