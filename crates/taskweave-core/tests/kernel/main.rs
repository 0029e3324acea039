//! The kernel's promises, tested from outside.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

#[path = "../common/mod.rs"]
mod common;

mod cycles;
mod fairness;
mod hidden;
mod order;
mod overflow;
mod storms;
mod waits;
mod wakes;
