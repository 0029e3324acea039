//! The machine.

pub mod affinity;
pub mod clock;
pub mod priority;
pub mod topology;
