//! The kernel's promises, tested from outside.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

mod builder;
mod cancel;
mod cycles;
mod dead_pools;
mod entangled;
mod fairness;
mod futures;
mod futures_chains;
mod futures_ends;
mod handles;
mod hidden;
mod holds;
mod lifecycles;
mod metrics;
mod order;
mod overflow;
mod panics;
mod panics_of_drops;
mod prepared;
mod shutdown;
mod storms;
mod teardown;
mod timers;
mod waits;
mod wakes;
