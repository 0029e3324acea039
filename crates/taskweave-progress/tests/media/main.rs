//! The contract of the media, clause by clause and at random, and what is particular to each of them.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

mod broadcast;
mod contract;
mod defects;
mod oracle;
mod promises;
mod refused;
mod stress;
#[path = "../support/mod.rs"]
mod support;
