//! The goals: the ratio ours / peer that a row should stay below, or the time.

use std::fmt;

use super::row::Row;
use crate::suites::Suite;

struct Target {
    suite: Suite,
    case: &'static str,
    peer: &'static str,
    goal: Goal,
}

/// What a row should not exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// Ours / peer.
    Ratio(f64),
    /// Ours, on the wall, whatever the peer takes.
    Nanoseconds(f64),
}

impl Goal {
    /// How much of the goal a row uses up: above one it is missed.
    pub(super) fn used(self, row: &Row) -> f64 {
        match self {
            Self::Ratio(most) => row.ratio / most,
            Self::Nanoseconds(most) => row.ours_ns / most,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratio(most) => write!(f, "{most}"),
            Self::Nanoseconds(most) => write!(f, "{most} ns"),
        }
    }
}

const fn at_most(suite: Suite, case: &'static str, peer: &'static str, ratio: f64) -> Target {
    Target {
        suite,
        case,
        peer,
        goal: Goal::Ratio(ratio),
    }
}

const fn within_ns(suite: Suite, case: &'static str, peer: &'static str, ns: f64) -> Target {
    Target {
        suite,
        case,
        peer,
        goal: Goal::Nanoseconds(ns),
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
    at_most(Suite::Graph, "chain 2^16", "tbb", 0.4),
    at_most(Suite::Graph, "binary tree 2^17", "tbb", 0.6),
    at_most(Suite::Graph, "wavefront 256²", "tbb", 0.5),
    at_most(Suite::Graph, "random DAG 2^16", "tbb", 0.6),
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
    at_most(Suite::Taskbench, "metg geomean w8 tbb", "tbb", 0.55),
    at_most(Suite::Taskbench, "metg geomean w2 mpi", "mpi", 0.9),
    at_most(
        Suite::Taskbench,
        "imbalance nearest w8 rayon-inline",
        "rayon-inline",
        1.0,
    ),
    within_ns(Suite::Wake, "mark_active, set bit", "sequential", 12.0),
    within_ns(Suite::Wake, "try_acquire", "sequential", 12.0),
    at_most(Suite::Wake, "ping-pong, spinning", "std", 1.1),
    at_most(Suite::Wake, "ping-pong, parked", "std", 1.1),
    at_most(Suite::Wake, "storm, wakes", "maniac", 0.5),
    at_most(Suite::Future, "ready futures", "tokio", 0.25),
    at_most(Suite::Future, "yield ring", "tokio", 0.6),
    at_most(Suite::Future, "yield ring", "async-executor", 0.7),
    at_most(Suite::Future, "ping-pong, async-channel", "tokio", 0.6),
    at_most(
        Suite::Future,
        "ping-pong, async-channel",
        "async-executor",
        0.7,
    ),
    at_most(Suite::Future, "timers, set and dropped", "tokio", 0.5),
    at_most(Suite::Future, "intervals of 10 ms, CPU", "tokio", 0.7),
    // Half a percent of a core.
    within_ns(
        Suite::Future,
        "10,000 asleep, CPU",
        "sequential",
        5_000_000.0,
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
pub(super) fn target(suite: Suite, case: &str, peer: &str) -> Option<Goal> {
    TARGETS
        .iter()
        .find(|target| target.suite == suite && target.case == case && target.peer == peer)
        .map(|target| target.goal)
}

/// How a row stands to its goal.
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
    pub(super) fn of(row: &Row, target: Option<Goal>) -> Self {
        match target {
            None => Self::Open,
            Some(goal) if goal.used(row) <= 1.0 => Self::Met,
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
    use super::{Goal, Row, TARGETS, Verdict};
    use crate::suites::{Suite, catalogue};

    #[test]
    fn every_target_is_about_a_case() {
        let cases = catalogue();
        for target in TARGETS {
            // Some peers are there only when built with them.
            let native = target.suite == Suite::Slam && target.peer != "sequential";
            let taktora = target.peer.starts_with("taktora");
            let maniac = target.peer == "maniac";
            let programs = ["tbb", "mpi"].contains(&target.peer);
            assert!(
                (native && !cfg!(feature = "slam-peers"))
                    || (programs && !cfg!(feature = "native-peers"))
                    || (taktora && !cfg!(feature = "taktora"))
                    || (maniac && !cfg!(feature = "maniac"))
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
    fn a_row_at_the_target_meets_it() {
        let row = |ratio| Row {
            suite: Suite::Wake,
            case: String::new(),
            workers: 1,
            ours_ns: 10.0 * ratio,
            peer: String::new(),
            peer_ns: 10.0,
            ratio,
            ours_cpu_ns: 0.0,
            peer_cpu_ns: 0.0,
            spread: [ratio; 2],
        };
        for goal in [Goal::Ratio(0.75), Goal::Nanoseconds(7.5)] {
            assert_eq!(Verdict::of(&row(0.75), Some(goal)), Verdict::Met);
            assert_eq!(Verdict::of(&row(0.76), Some(goal)), Verdict::Missed);
            assert_eq!(Verdict::of(&row(f64::NAN), Some(goal)), Verdict::Missed);
        }
        assert_eq!(Verdict::of(&row(9.0), None), Verdict::Open);
        assert_eq!(Goal::Nanoseconds(12.0).to_string(), "12 ns");
    }
}
