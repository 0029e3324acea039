//! Futures among others: other people's channels, locks and executors.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

mod executors;
mod primitives;
