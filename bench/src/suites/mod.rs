//! What is measured: every case is one job done by this project and by one peer.

mod future;
mod graph;
mod kernel;
mod pools;
mod progress;
mod slam;
mod spawn;
mod taskbench;
mod wake;

#[cfg(feature = "slam-peers")]
pub(crate) use slam::cholmod_child;

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{error::BenchError, harness::Pair};

/// A group of cases that is run together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Suite {
    /// The parts that everything stands on: fork-join, queues, parallel loops.
    Kernel,
    /// Tasks of their own: fan-out, submissions from outside.
    Spawn,
    /// Static graphs, built once and run again.
    Graph,
    /// Task Bench: how small tasks may be.
    Taskbench,
    /// Sleeping and waking: permits, ping-pong, storms.
    Wake,
    /// Futures and timers.
    Future,
    /// Changes told by every worker to every other; epochs.
    Progress,
    /// The whole: pose graphs.
    Slam,
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kernel => "kernel",
            Self::Spawn => "spawn",
            Self::Graph => "graph",
            Self::Taskbench => "taskbench",
            Self::Wake => "wake",
            Self::Future => "future",
            Self::Progress => "progress",
            Self::Slam => "slam",
        })
    }
}

/// What a case is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    /// The case's name, for suites whose cases differ by it.
    pub(crate) case: &'static str,
    /// How many threads each side may compute with.
    pub(crate) workers: usize,
}

/// One comparison, not yet set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// Where it belongs.
    pub(crate) suite: Suite,
    /// The job.
    pub(crate) name: &'static str,
    /// Who else does it.
    pub(crate) peer: &'static str,
    /// What the nanoseconds are per.
    pub(crate) unit: &'static str,
    /// How many pairs of samples it takes unless told otherwise; fewer where one is long.
    pub(crate) samples: usize,
    /// How many workers it is about, if not about as many as are asked for.
    pub(crate) workers: Option<usize>,
    /// Starts both sides' pools.
    pub(crate) build: fn(&Setup) -> Result<Pair, BenchError>,
}

impl Case {
    /// The same case, about so many workers.
    fn on(self, workers: usize) -> Self {
        Self {
            workers: Some(workers),
            ..self
        }
    }

    /// What the row is about apart from whom it is held against, which some names end with.
    #[cfg(test)]
    fn job(&self) -> &'static str {
        match self.suite {
            Suite::Taskbench => self.name.trim_end_matches(self.peer),
            _ => self.name,
        }
    }

    /// Its full name, which `--case` looks at.
    pub(crate) fn title(&self) -> String {
        format!("{}/{} vs {}", self.suite, self.name, self.peer)
    }
}

/// Every case, suite by suite.
pub(crate) fn catalogue() -> Vec<Case> {
    [
        kernel::cases(),
        spawn::cases(),
        graph::cases(),
        taskbench::cases(),
        wake::cases(),
        future::cases(),
        progress::cases(),
        slam::cases(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::catalogue;

    #[test]
    fn titles_are_unique() {
        let cases = catalogue();
        let titles: BTreeSet<String> = cases.iter().map(super::Case::title).collect();
        assert_eq!(titles.len(), cases.len());
    }

    #[test]
    fn every_job_has_a_sequential_row() {
        // A case with a number of workers of its own is one worker's variant of another.
        let parallel = |case: &super::Case| case.workers.is_none();
        for case in catalogue().into_iter().filter(parallel) {
            assert!(
                catalogue().iter().any(|other| other.job() == case.job()
                    && other.suite == case.suite
                    && other.peer == "sequential"),
                "{} has none",
                case.title()
            );
        }
    }
}
