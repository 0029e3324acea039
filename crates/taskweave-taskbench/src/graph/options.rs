//! The options by which the field describes graphs, so that a line of theirs works here.

use std::{num::ParseFloatError, num::ParseIntError, str::FromStr};

use thiserror::Error;

use super::{GraphSpec, PatternError};
use crate::kernel::UnknownKernel;

/// What [`parse`] understands, for a program's help.
pub const HELP: &str = "\
-type NAME       pattern: trivial, no_comm, stencil_1d, stencil_1d_periodic, dom, tree, fft, all_to_all, nearest, spread, random_nearest
-steps N         steps of the graph [4]
-width N         points of its widest step [4]
-radix N         points that a task reads, for nearest, spread and random_nearest [3]
-period N        steps after which edges repeat, for spread and random_nearest [3, or the most there may be]
-fraction X      how likely an edge is, for random_nearest, 0 to 1 [0.25]
-kernel NAME     what tasks compute: empty, busy_wait, memory_bound, compute_bound, load_imbalance
-iter N          how often [0]
-output N        bytes that a task hands on, at least 16 [16]
-scratch N       bytes of memory of a column, for memory_bound [0]
-sample N        parts of that memory [16]
-imbalance X     how far tasks differ, for load_imbalance, 0 to 2 [0]
-and             the next graph begins, to run beside the ones before
";

/// What is wrong with a line of options.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum OptionError {
    /// Nothing follows an option that needs a value.
    #[error("{0} needs a value, and nothing follows it")]
    Missing(String),
    /// There is no such option.
    #[error("there is no option `{0}`; see the list of options")]
    Unknown(String),
    /// Switches validation off.
    #[error(
        "-skip-graph-validation isn't served: a time without validation can't be compared with one that has it"
    )]
    Validation,
    /// A whole number was expected.
    #[error("{option} {value}: {why}; it takes a whole number, 0 or more")]
    Whole {
        /// Which option.
        option: String,
        /// What follows it.
        value: String,
        /// What is wrong with that.
        why: ParseIntError,
    },
    /// A number was expected.
    #[error("{option} {value}: {why}; it takes a number")]
    Number {
        /// Which option.
        option: String,
        /// What follows it.
        value: String,
        /// What is wrong with that.
        why: ParseFloatError,
    },
    /// No such pattern.
    #[error("-type: {0}")]
    Pattern(#[from] PatternError),
    /// No such kernel.
    #[error("-kernel: {0}")]
    Kernel(#[from] UnknownKernel),
}

/// Reads options; each `-and` begins another graph, with the defaults. Whether the numbers fit together is looked at when a
/// [`Workload`](crate::Workload) is made of them.
///
/// # Errors
/// See [`OptionError`].
pub fn parse<S: AsRef<str>>(
    words: impl IntoIterator<Item = S>,
) -> Result<Vec<GraphSpec>, OptionError> {
    let mut done = Vec::new();
    let mut graph = GraphSpec::default();
    let mut words = words.into_iter();
    while let Some(option) = words.next() {
        let option = option.as_ref();
        match option {
            "-and" => {
                done.push(std::mem::take(&mut graph));
                continue;
            }
            "-skip-graph-validation" => return Err(OptionError::Validation),
            _ if !takes_value(option) => return Err(OptionError::Unknown(option.to_owned())),
            _ => {}
        }
        let value = words
            .next()
            .ok_or_else(|| OptionError::Missing(option.to_owned()))?;
        set(&mut graph, option, value.as_ref())?;
    }
    done.push(graph);
    Ok(done)
}

fn takes_value(option: &str) -> bool {
    // The list is also what the user sees.
    let of = |line: &'static str| line.split_once(' ').map(|(name, _)| name);
    option != "-and" && HELP.lines().filter_map(of).any(|name| name == option)
}

fn set(graph: &mut GraphSpec, option: &str, value: &str) -> Result<(), OptionError> {
    match option {
        "-type" => graph.pattern = value.parse()?,
        "-kernel" => graph.kernel = value.parse()?,
        "-steps" => graph.steps = whole(option, value)?,
        "-width" => graph.width = whole(option, value)?,
        "-radix" => graph.radix = whole(option, value)?,
        "-period" => graph.period = Some(whole(option, value)?),
        "-iter" => graph.iterations = whole(option, value)?,
        "-output" => graph.output_bytes = whole(option, value)?,
        "-scratch" => graph.scratch_bytes = whole(option, value)?,
        "-sample" => graph.samples = whole(option, value)?,
        "-fraction" => graph.fraction = number(option, value)?,
        "-imbalance" => graph.imbalance = number(option, value)?,
        _ => return Err(OptionError::Unknown(option.to_owned())),
    }
    Ok(())
}

fn whole<T: FromStr<Err = ParseIntError>>(option: &str, value: &str) -> Result<T, OptionError> {
    value.parse().map_err(|why| OptionError::Whole {
        option: option.to_owned(),
        value: value.to_owned(),
        why,
    })
}

fn number(option: &str, value: &str) -> Result<f64, OptionError> {
    value.parse().map_err(|why| OptionError::Number {
        option: option.to_owned(),
        value: value.to_owned(),
        why,
    })
}
