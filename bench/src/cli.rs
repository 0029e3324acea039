//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::suites::Suite;

/// Measures Taskweave and other runtimes side by side, in turns, and shows the ratios.
#[derive(Debug, Parser)]
#[command(name = "taskweave-bench", version)]
pub(crate) struct Arguments {
    /// Which cases
    pub(crate) suite: Choice,
    /// Write the rows to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write a page of tables to this file, losses first
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// How many threads each system may compute with
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = at_least_one)]
    pub(crate) workers: usize,
    /// How many pairs of samples each case takes [default: 51, fewer where a sample is long]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) samples: Option<usize>,
    /// Only the cases with this in their name, as --list shows it
    #[arg(long, value_name = "SUBSTRING")]
    pub(crate) case: Option<String>,
    /// Show the names of the cases and do nothing
    #[arg(long)]
    pub(crate) list: bool,
}

/// One suite or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// Fork-join, queues, parallel loops
    Kernel,
    /// Tasks of their own
    Spawn,
    /// Pose graphs
    Slam,
    /// Every suite
    All,
}

impl Choice {
    /// Whether it includes `suite`.
    pub(crate) fn has(self, suite: Suite) -> bool {
        match self {
            Self::All => true,
            Self::Kernel => suite == Suite::Kernel,
            Self::Spawn => suite == Suite::Spawn,
            Self::Slam => suite == Suite::Slam,
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(why) => Err(format!("{why}")),
    }
}
