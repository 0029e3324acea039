#![doc = include_str!("../README.md")]

pub mod conformance;
mod engine;
mod graph;
mod kernel;
pub mod metg;
mod work;

pub use engine::{Elsewhere, Engine, EngineError, Kind, Runner, Setup, UnknownEngine};
pub use graph::{GraphSpec, HELP, OptionError, Pattern, PatternError, SpecError, parse};
pub use kernel::{Kernel, UnknownKernel};
pub use work::{Fault, Found, Output, Task, Workload};
