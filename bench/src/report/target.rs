//! The goals: the ratio ours / peer that a row should stay below.

use std::fmt;

use crate::suites::Suite;

struct Target {
    suite: Suite,
    case: &'static str,
    peer: &'static str,
    ratio: f64,
}

const fn at_most(suite: Suite, case: &'static str, peer: &'static str, ratio: f64) -> Target {
    Target {
        suite,
        case,
        peer,
        ratio,
    }
}

const TARGETS: &[Target] = &[
    at_most(Suite::Kernel, "fib", "rayon", 0.75),
    at_most(Suite::Kernel, "push+pop lifo", "crossbeam", 0.8),
    at_most(Suite::Kernel, "push+pop fifo", "crossbeam", 0.8),
    at_most(Suite::Kernel, "steal one", "crossbeam", 1.0),
    at_most(Suite::Kernel, "steal batch", "crossbeam", 1.0),
    at_most(Suite::Kernel, "steal one, two threads", "crossbeam", 1.0),
    at_most(Suite::Kernel, "steal batch, two threads", "crossbeam", 1.0),
    at_most(Suite::Kernel, "loop sum", "rayon", 1.0),
    at_most(Suite::Kernel, "loop axpy", "rayon", 1.0),
    at_most(Suite::Spawn, "fan-out", "rayon", 0.35),
    at_most(Suite::Spawn, "prepared, on the spot", "rayon", 0.7),
    at_most(Suite::Spawn, "prepared, on a worker", "rayon", 1.0),
    at_most(Suite::Graph, "chain 2^16", "rayon", 1.0),
    at_most(Suite::Graph, "binary tree 2^17", "rayon", 0.7),
    at_most(Suite::Graph, "wavefront 256²", "rayon", 0.8),
    at_most(Suite::Graph, "random DAG 2^16", "rayon", 0.8),
    at_most(Suite::Graph, "diamond of 50 µs", "sequential", 0.8),
    at_most(Suite::Graph, "diamond", "taktora", 1.0),
    at_most(Suite::Graph, "fan 64", "taktora", 1.0),
    at_most(Suite::Graph, "line 64", "taktora", 1.0),
    at_most(Suite::Graph, "chain 8", "taktora", 1.0),
    at_most(Suite::Graph, "diamond", "taktora-threads", 0.02),
    at_most(Suite::Graph, "fan 64", "taktora-threads", 0.02),
    at_most(Suite::Graph, "line 64", "taktora-threads", 0.02),
    at_most(Suite::Graph, "chain 8", "taktora-threads", 0.02),
    at_most(
        Suite::Taskbench,
        "metg geomean w8 rayon-inline",
        "rayon-inline",
        0.85,
    ),
    at_most(
        Suite::Taskbench,
        "metg geomean w8 spinning",
        "spinning",
        1.5,
    ),
    at_most(
        Suite::Taskbench,
        "metg geomean w2 rayon-inline",
        "rayon-inline",
        0.85,
    ),
    at_most(
        Suite::Taskbench,
        "imbalance nearest w8 rayon-inline",
        "rayon-inline",
        1.0,
    ),
    at_most(Suite::Progress, "A, 2 workers, 100 %, u64", "mpsc", 0.75),
    at_most(Suite::Progress, "A, 2 workers, 0 %, u64", "mpsc", 0.5),
    at_most(Suite::Progress, "A, 4 workers, 100 %, u64", "mpsc", 0.75),
    at_most(Suite::Progress, "A, 4 workers, 0 %, u64", "mpsc", 0.5),
    at_most(Suite::Progress, "A, 8 workers, 100 %, u64", "mpsc", 0.75),
    at_most(Suite::Progress, "A, 8 workers, 0 %, u64", "mpsc", 0.5),
    at_most(Suite::Progress, "A, 8 workers, 100 %, boxed", "mpsc", 0.6),
    at_most(Suite::Progress, "A, 8 workers, 0 %, boxed", "mpsc", 0.6),
    at_most(
        Suite::Progress,
        "B receive, 8 workers, 100 %, u64",
        "mpsc",
        0.5,
    ),
    at_most(
        Suite::Progress,
        "B receive, 8 workers, 100 %, u64",
        "chain",
        2.0,
    ),
    at_most(
        Suite::Progress,
        "C bytes, 8 workers, 100 %, u64",
        "chain",
        1.0,
    ),
    at_most(
        Suite::Progress,
        "C send, 8 workers, 100 %, u64",
        "mpsc",
        0.4,
    ),
    at_most(Suite::Progress, "empty epoch", "timely", 0.2),
    at_most(Suite::Slam, "iteration", "sequential", 0.62),
    at_most(Suite::Slam, "iteration", "gtsam", 0.35),
    at_most(Suite::Slam, "factorise+solve", "cholmod", 0.6),
];

/// The goal of a row, if one was set.
pub(super) fn target(suite: Suite, case: &str, peer: &str) -> Option<f64> {
    TARGETS
        .iter()
        .find(|target| target.suite == suite && target.case == case && target.peer == peer)
        .map(|target| target.ratio)
}

/// How a ratio stands to its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// At or below it.
    Met,
    /// Above it.
    Missed,
    /// No goal was set.
    Open,
}

impl Verdict {
    pub(super) fn of(ratio: f64, target: Option<f64>) -> Self {
        match target {
            None => Self::Open,
            Some(target) if ratio <= target => Self::Met,
            Some(_) => Self::Missed,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Open => "–",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{TARGETS, Verdict};
    use crate::suites::{Suite, catalogue};

    #[test]
    fn every_target_is_about_a_case() {
        let cases = catalogue();
        for target in TARGETS {
            // Some peers are there only when built with them.
            let native = target.suite == Suite::Slam && target.peer != "sequential";
            let taktora = target.peer.starts_with("taktora");
            assert!(
                (native && !cfg!(feature = "slam-peers"))
                    || (taktora && !cfg!(feature = "taktora"))
                    || cases.iter().any(|case| case.suite == target.suite
                        && case.name == target.case
                        && case.peer == target.peer),
                "{} vs {}",
                target.case,
                target.peer
            );
        }
    }

    #[test]
    fn a_ratio_at_the_target_meets_it() {
        assert_eq!(Verdict::of(0.75, Some(0.75)), Verdict::Met);
        assert_eq!(Verdict::of(0.76, Some(0.75)), Verdict::Missed);
        assert_eq!(Verdict::of(f64::NAN, Some(0.75)), Verdict::Missed);
        assert_eq!(Verdict::of(9.0, None), Verdict::Open);
    }
}
