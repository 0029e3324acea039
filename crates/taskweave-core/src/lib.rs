//! The kernel of Taskweave: it knows tasks and the slots that run them, and nothing of why a task is ready.
//!
//! A *task* is a [header](task::Header) of two words inside of memory that a front end owns. A front end decides when
//! a task may run and hands the header over; the kernel runs it on a *worker*, once, and never touches it again. So queueing
//! allocates nothing, and graphs, scopes and spawned closures end up in the same queues.
//!
//! ```text
//!  spawn  scope  join  prepare  pass          front ends of this crate
//!      \     |     |     |     /
//!       Worker::push / submit / run_next      worker/   the occupant's side of a slot
//!            |             |
//!     deque (private|public)  inbox           taskweave-sys
//!            |             |
//!       steal, fairness turns, idle, park     worker/search.rs, idle/, keeper.rs
//! ```
//!
//! | where | what |
//! |---|---|
//! | `task.rs` | the header and its verbs: the whole interface between kernel and front ends |
//! | `worker/` | a slot's private side: pushing, running, what is shared when (`share.rs`), what comes next (`search.rs`) |
//! | `shared.rs` | a pool's common side: slots, inboxes, waking |
//! | `idle/` | who sleeps, who searches, who is woken; no wake is lost |
//! | `keeper.rs` | the threads: one for each slot, spare ones for blocked stacks, the end of a pool |
//! | `wait.rs` | waiting in a worker and outside; borrowing the slot of a sleeping worker |
//! | `latch/` | how ends are told to whoever waits |
//! | `spawn/`, `prepare/`, `scope.rs`, `join.rs`, `for_each.rs`, `blocking.rs`, `stack_job.rs` | the ways to make tasks |
//! | `future/` | futures: a leaf of 64 is a task; `block_on`, `yield_now` |
//! | `timer/` | timers: a wheel a worker, and a sleeper who attends to them |
//! | `gate/` | what has to happen before a task may begin |
//! | `pass/` | a frozen graph, run again and again |
//! | `blocked.rs`, `stall.rs` | circles of waits for tasks, and pools in which nothing can move, are errors |
//! | `kind.rs` | how long bodies take: a wake must pay |
//! | `recycle.rs` | memory for spawned closures |
//! | `cancel.rs`, `limit.rs`, `local.rs`, `metrics.rs`, `dump.rs`, `builder.rs`, `pool.rs`, `error.rs`, `thread.rs` | as their names say |
//!
//! Each protocol has its essay beside it (`README.md` in the folder): states, steps, hazards, why it holds.
//!
//! Users depend on the crate `taskweave`, which offers the safe part. Those who build a front end of their own start at
//! [`task`] and [`Worker`].

mod blocked;
mod blocking;
mod builder;
mod cancel;
mod dump;
mod error;
mod for_each;
mod future;
pub mod gate;
mod idle;
mod join;
mod keeper;
mod kind;
mod latch;
mod limit;
mod local;
mod metrics;
#[cfg(all(test, taskweave_loom))]
#[path = "../../taskweave-sys/tests/model/mod.rs"]
mod model;
pub mod pass;
mod pool;
mod prefetch;
mod prepare;
mod recycle;
mod scope;
mod shared;
mod spawn;
mod stack_job;
mod stall;
pub mod task;
mod thread;
mod timer;
mod wait;
mod worker;

pub use builder::{BuildError, MAX_WORKERS, Pinning, PoolBuilder};
pub use cancel::CancelToken;
pub use error::{Panic, TaskError};
pub use for_each::{Splittable, for_each, map_reduce};
pub use future::{YieldNow, block_on, yield_now};
pub use join::join;
pub use limit::Limit;
pub use local::WorkerLocal;
pub use metrics::{Metrics, WorkerMetrics};
pub use pool::{Pool, Shutdown, ShutdownTimeout, TaskBuilder, spawn, spawn_future};
pub use prepare::{AlreadyRunning, Prepared, Submission};
pub use scope::{Scope, scope};
pub use spawn::JoinHandle;
pub use taskweave_sys::machine::priority::{Priority, PriorityError};
pub use thread::Hold;
pub use timer::{Elapsed, Interval, Sleep, Timeout, interval, sleep, sleep_until, timeout};
pub use worker::Worker;
