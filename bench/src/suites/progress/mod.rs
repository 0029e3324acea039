//! Every worker tells every other about changes, over media of different kinds; and what an epoch costs.
//!
//! The scenarios and their names are those of the design that the chain comes from: A, all receive in every step; B, one receives every 1,024 steps; C, nobody
//! receives before the end. See `scenario.rs`.

mod epoch;
mod link;
mod live;
mod scenario;

use std::sync::LazyLock;

use super::{Case, Setup, Suite};
use crate::{
    error::BenchError,
    harness::{Pair, Side},
};
use link::{Boxed, Key, Kind};
use scenario::{Measure, Plan};

/// What a case is about. Cases have names that last as long as the program does.
struct Job {
    name: String,
    peer: Kind,
    plan: Plan,
    boxed: bool,
    unit: &'static str,
}

static JOBS: LazyLock<Vec<Job>> = LazyLock::new(jobs);

const MEASURES: [(Measure, &str, &str); 6] = [
    (Measure::Step, "A", "step"),
    (Measure::Receive, "B receive", "receive"),
    (Measure::Entries, "B entries", "receive"),
    (Measure::Send, "C send", "send"),
    (Measure::CatchUp, "C catch up", "send"),
    (Measure::Bytes, "C bytes", "run"),
];

fn jobs() -> Vec<Job> {
    let mut jobs = Vec::new();
    for (measure, title, unit) in MEASURES {
        for workers in [2, 4, 8] {
            for cancelled in [100, 50, 0] {
                for boxed in [false, true] {
                    let plan = Plan {
                        measure,
                        workers,
                        cancelled,
                    };
                    let keys = if boxed { "boxed" } else { "u64" };
                    let name = format!("{title}, {workers} workers, {cancelled} %, {keys}");
                    for peer in Kind::PEERS {
                        // A ledger's receive costs all that is alive: what is never retired makes it quadratic.
                        if peer == Kind::Ledger && cancelled < 100 {
                            continue;
                        }
                        // The other ones are shown beside it where everybody receives.
                        if measure != Measure::Step
                            && !matches!(peer, Kind::Mpsc | Kind::Chain | Kind::Cells)
                        {
                            continue;
                        }
                        jobs.push(Job {
                            name: name.clone(),
                            peer,
                            plan,
                            boxed,
                            unit,
                        });
                    }
                }
            }
        }
    }
    jobs
}

pub(super) fn cases() -> Vec<Case> {
    let jobs = JOBS.iter().map(|job| {
        Case {
            suite: Suite::Progress,
            name: &job.name,
            peer: job.peer.name(),
            unit: job.unit,
            samples: 15,
            workers: None,
            build: BUILD[job.peer as usize],
        }
        .on(job.plan.workers)
    });
    jobs.chain(epoch::cases()).collect()
}

type Build = fn(&Setup) -> Result<Pair, BenchError>;

/// For each kind of peer, in their order: what builds a case knows its name alone.
const BUILD: [Build; 6] = [
    |setup| build(setup, Kind::Exchange),
    |setup| build(setup, Kind::Mpsc),
    |setup| build(setup, Kind::Chain),
    |setup| build(setup, Kind::Cells),
    |setup| build(setup, Kind::Mesh),
    |setup| build(setup, Kind::Ledger),
];

fn build(setup: &Setup, peer: Kind) -> Result<Pair, BenchError> {
    let job = JOBS
        .iter()
        .find(|job| job.name == setup.case && job.peer == peer);
    let Some(job) = job else {
        return Err(BenchError::NoCase(setup.case.to_owned()));
    };
    Ok(if job.boxed {
        pair::<Boxed>(job)
    } else {
        pair::<u64>(job)
    })
}

fn pair<K: Key>(job: &Job) -> Pair {
    let side = |kind: Kind| -> Side { scenario::side::<K>(kind, job.plan) };
    Pair {
        ours: side(Kind::Exchange),
        peer: side(job.peer),
    }
}
