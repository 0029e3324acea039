//! The whole pool under many schedules: `cargo test --test shuttle_pool` with `--cfg taskweave_shuttle`.
//!
//! A hang shows as a deadlock that the scheduler reports, or as a test that takes too many steps.
#![cfg(all(taskweave_shuttle, not(taskweave_loom)))]

mod explore;
mod tasks;
