//! The machine.

pub mod affinity;
mod cgroup;
pub mod clock;
pub mod priority;
pub mod topology;
