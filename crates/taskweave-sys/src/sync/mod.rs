#![doc = include_str!("README.md")]

#[cfg(all(taskweave_loom, taskweave_shuttle))]
compile_error!("choose one model checker: `--cfg taskweave_loom` or `--cfg taskweave_shuttle`");

#[cfg(taskweave_loom)]
#[path = "loom.rs"]
mod backend;
#[cfg(all(taskweave_shuttle, not(taskweave_loom)))]
#[path = "shuttle.rs"]
mod backend;
#[cfg(not(any(taskweave_loom, taskweave_shuttle)))]
#[path = "real.rs"]
mod backend;

#[cfg(not(taskweave_loom))]
mod unsafe_cell;

pub use backend::{Arc, Condvar, Mutex, MutexGuard, atomic, hint, thread};

/// Cells: memory shared under a protocol of our own.
pub mod cell {
    #[cfg(taskweave_loom)]
    pub use loom::cell::UnsafeCell;
    pub use std::cell::Cell;

    #[cfg(not(taskweave_loom))]
    pub use super::unsafe_cell::UnsafeCell;
}
