//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::engines::Contestant;
use crate::suites::{Case, Suite};

/// Measures Taskweave and other runtimes side by side, in turns, and shows the ratios.
#[derive(Debug, Parser)]
#[command(name = "taskweave-bench", version)]
pub(crate) struct Arguments {
    /// Which cases
    pub(crate) suite: Choice,
    /// Write the rows to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write tables to this file, losses first: into its places for figures, if it has some, as a page of their own otherwise; one option for each file
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Vec<PathBuf>,
    /// How many threads each system may compute with
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = at_least_one)]
    pub(crate) workers: usize,
    /// How many pairs of samples each case takes [default: 51, fewer where a sample is long]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) samples: Option<usize>,
    /// Only the cases with this in their name, as --list shows it
    #[arg(long, value_name = "SUBSTRING")]
    pub(crate) case: Option<String>,
    /// In suite taskbench, only these engines, one option for each [default: all]
    #[arg(long, value_name = "NAME")]
    pub(crate) engine: Vec<Contestant>,
    /// In suite taskbench, only these patterns, one option for each, or `geomean` [default: all that are compared]
    #[arg(long, value_name = "NAME")]
    pub(crate) pattern: Vec<String>,
    /// Show the names of the cases and do nothing
    #[arg(long)]
    pub(crate) list: bool,
}

impl Arguments {
    /// Whether a case is about one of the engines that were asked for, or not about engines at all.
    pub(crate) fn has_engine(&self, case: &Case) -> bool {
        let asked = || self.engine.iter().any(|engine| engine.name() == case.peer);
        case.suite != Suite::Taskbench || self.engine.is_empty() || asked()
    }

    /// Whether a case is about one of the patterns that were asked for, or not about patterns at all.
    pub(crate) fn has_pattern(&self, case: &Case) -> bool {
        let pattern = case.name.split(' ').nth(1);
        let asked = || self.pattern.iter().any(|asked| Some(&**asked) == pattern);
        case.suite != Suite::Taskbench || self.pattern.is_empty() || asked()
    }

    /// What was asked for, in words.
    pub(crate) fn wanted(&self) -> String {
        let engines = self
            .engine
            .iter()
            .map(|engine| format!("--engine {engine}"));
        let patterns = self.pattern.iter().map(|name| format!("--pattern {name}"));
        let case = self.case.iter().map(|part| format!("--case {part}"));
        let all: Vec<String> = engines.chain(patterns).chain(case).collect();
        all.join(" ")
    }
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
    /// Static graphs, built once and run again
    Graph,
    /// Task Bench
    Taskbench,
    /// Sleeping and waking
    Wake,
    /// Futures and timers
    Future,
    /// Changes told by every worker to every other; epochs
    Progress,
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
            Self::Graph => suite == Suite::Graph,
            Self::Taskbench => suite == Suite::Taskbench,
            Self::Wake => suite == Suite::Wake,
            Self::Future => suite == Suite::Future,
            Self::Progress => suite == Suite::Progress,
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
