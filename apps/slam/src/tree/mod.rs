//! The assembly tree: which columns make a front, which fronts make a task, and how their indices relate.

pub(crate) mod cost;
pub(crate) mod partition;
pub(crate) mod runs;
pub(crate) mod symbolic;
