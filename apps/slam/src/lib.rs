#![doc = include_str!("../README.md")]
//!
//! # Files
//!
//! | folder or file | what it holds |
//! |---|---|
//! | `source.rs`, `parse.rs`, `problem.rs`, `constraint.rs` | the formats, and a checked problem |
//! | `geometry.rs` | poses: SE(2) |
//! | `order/` | nested dissection, with minimum degree in the leaves |
//! | `tree/` | the assembly tree, cut into groups by a cost model |
//! | `numeric/` | SIMD kernels, linearisation, assembly, whole and tiled fronts |
//! | `plan/` | memory layout, the list of tasks, the operations, the graph |
//! | `solver.rs`, `options.rs`, `report.rs`, `normal.rs` | what a user sees |
//! | `progress.rs` | when the map is found, and when it is lost |
//! | `svg.rs` | the map as a picture |
//! | `output.rs` | files that are written whole or not at all |
#![forbid(unsafe_code)]

mod constraint;
mod error;
mod geometry;
mod normal;
mod numeric;
mod options;
mod order;
mod output;
mod parse;
mod plan;
mod problem;
mod progress;
mod report;
mod solver;
mod source;
mod svg;
mod tree;

pub use constraint::Constraint;
pub use error::{ParseCause, ParseError, SlamError};
pub use geometry::{Pose, wrap_angle};
pub use normal::NormalEquations;
pub use options::Options;
pub use output::{Output, StagedOutput, write_file};
pub use problem::{Problem, default_data_path};
pub use report::{Phases, Report, Statistics, Summary};
pub use solver::Solver;
pub use svg::Picture;
