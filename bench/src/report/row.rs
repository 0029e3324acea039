//! One line of results.

use serde::{Deserialize, Serialize};

use super::target::{Goal, Verdict, target};
use crate::{
    harness::Comparison,
    suites::{Case, Setup, Suite},
};

/// A row as it stands in the JSON file. Times are medians in nanoseconds per operation; `ratio` is the median of ours / peer over the pairs of
/// samples, `spread` its tenth and ninetieth percentile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) suite: Suite,
    pub(crate) case: String,
    pub(crate) workers: usize,
    pub(crate) ours_ns: f64,
    pub(crate) peer: String,
    pub(crate) peer_ns: f64,
    pub(crate) ratio: f64,
    pub(crate) ours_cpu_ns: f64,
    pub(crate) peer_cpu_ns: f64,
    pub(crate) spread: [f64; 2],
}

/// A row and what only people want to know.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    /// The numbers.
    pub(crate) row: Row,
    /// What the nanoseconds are per.
    pub(crate) unit: &'static str,
    /// How many pairs of samples it comes from.
    pub(crate) samples: usize,
    /// How many samples started while a pool still ran.
    pub(crate) unsettled: usize,
    /// In which of its forms the peer ran, if it has several.
    pub(crate) form: Option<String>,
}

impl Finding {
    /// Puts a comparison beside what it is about.
    pub(crate) fn new(
        case: &Case,
        setup: &Setup,
        samples: usize,
        comparison: Comparison,
        form: Option<String>,
    ) -> Self {
        Self {
            row: Row {
                suite: case.suite,
                case: case.name.to_owned(),
                workers: setup.workers,
                ours_ns: comparison.ours_ns,
                peer: case.peer.to_owned(),
                peer_ns: comparison.peer_ns,
                ratio: comparison.ratio,
                ours_cpu_ns: comparison.ours_cpu_ns,
                peer_cpu_ns: comparison.peer_cpu_ns,
                spread: comparison.spread,
            },
            unit: case.unit,
            samples,
            unsettled: comparison.unsettled,
            form,
        }
    }

    /// What was set as a goal, if anything was.
    pub(crate) fn target(&self) -> Option<Goal> {
        target(self.row.suite, &self.row.case, &self.row.peer)
    }

    /// How the row stands to its goal.
    pub(crate) fn verdict(&self) -> Verdict {
        Verdict::of(&self.row, self.target())
    }
}

/// All rows as a JSON array.
pub(crate) fn json(findings: &[Finding]) -> String {
    let rows: Vec<&Row> = findings.iter().map(|finding| &finding.row).collect();
    // Rows are numbers and plain strings: there is nothing that can't be written.
    serde_json::to_string_pretty(&rows).unwrap_or_default() + "\n"
}
