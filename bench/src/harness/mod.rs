#![doc = include_str!("README.md")]

mod clock;
mod pair;
mod place;
mod quiet;
mod side;
mod stats;
#[cfg(test)]
mod tests;

pub(crate) use clock::{Cpu, Stopwatch};
pub(crate) use pair::{Comparison, Pair};
pub(crate) use place::{Pinned, processors};
pub(crate) use side::Side;
pub(crate) use stats::median;
