//! Task graphs, described by a few numbers.
//!
//! A graph is a grid of steps and points. A task is one point of one step, and reads points of the step before; [`Pattern`] says which.
//!
//! | file | what it holds |
//! |---|---|
//! | `pattern.rs` | the patterns' names |
//! | `shape.rs` | their formulas, in both directions |
//! | `topology.rs` | what comes of them, tabled |
//! | `spec.rs` | a whole graph with its kernel, and what is wrong with some |
//! | `options.rs` | the field's command line |
//! | `siphash.rs` | chance that is the same everywhere |

mod options;
mod pattern;
mod shape;
mod siphash;
mod spec;
#[cfg(test)]
mod tests;
mod topology;

pub use options::{HELP, OptionError, parse};
pub use pattern::{Pattern, PatternError};
pub use spec::{GraphSpec, SpecError};

pub(crate) use shape::Shape;
pub(crate) use siphash::uniform;
pub(crate) use spec::PAIR;
pub(crate) use topology::Topology;
