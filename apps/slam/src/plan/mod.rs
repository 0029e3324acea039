//! One iteration as tasks: what there is to do, in what order, and on what memory.

pub(crate) mod engine;
pub(crate) mod parallel;
pub(crate) mod structure;
pub(crate) mod tasks;
#[cfg(test)]
mod tests;
