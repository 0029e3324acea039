#![doc = include_str!("README.md")]

pub mod affinity;
mod cgroup;
pub mod clock;
pub mod priority;
pub mod topology;
