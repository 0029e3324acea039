//! Task Bench: the field's yardstick, on the field's graphs.
//!
//! `metg PATTERN wW ENGINE` is the smallest task, in nanoseconds of all threads together, at which an engine still computes half of what the machine can
//! do; `geomean` takes five patterns together. A sample measures the machine's best, then searches; a later sample begins where the one before
//! has ended, so that it mostly looks at two sizes. The sequential loop has one thread and is held against what one thread can do.
//!
//! `imbalance PATTERN wW ENGINE` is the time per task, of about 20 µs, where tasks differ by up to a factor of three.
//!
//! CPU time is that of three passes with the smallest tasks that were good enough, and so includes what waiting threads spin away.

mod imbalance;
mod metg;

use std::sync::LazyLock;

use taskweave_taskbench::{Pattern, metg::COMPARED};

use super::{Case, Setup, Suite};
use crate::{
    engines::Contestant,
    error::BenchError,
    harness::{Pair, Side, processors},
};

const WIDTHS: [u32; 2] = [8, 2];
const RADIX: u32 = 5;

/// What a case is about. Cases have names that last as long as the program does.
struct Job {
    name: String,
    peer: Contestant,
    width: u32,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Metg(&'static [(Pattern, u32)]),
    Imbalance,
}

static JOBS: LazyLock<Vec<Job>> = LazyLock::new(jobs);

fn jobs() -> Vec<Job> {
    let mut jobs = Vec::new();
    let peers = || {
        Contestant::ALL
            .iter()
            .copied()
            .filter(|&engine| engine != Contestant::OURS)
    };
    for width in WIDTHS {
        let mut add = |what, title: String| {
            jobs.extend(peers().map(|peer| Job {
                name: format!("{title} w{width} {peer}"),
                peer,
                width,
                what,
            }));
        };
        add(What::Metg(&COMPARED), "metg geomean".to_owned());
        for one in &COMPARED {
            add(
                What::Metg(std::slice::from_ref(one)),
                format!("metg {}", one.0),
            );
        }
        if width == WIDTHS[0] {
            add(What::Imbalance, format!("imbalance {}", Pattern::Nearest));
        }
    }
    jobs
}

pub(super) fn cases() -> Vec<Case> {
    let case = |job: &'static Job| Case {
        suite: Suite::Taskbench,
        name: &job.name,
        peer: job.peer.name(),
        unit: "task",
        samples: 11,
        workers: None,
        build,
    };
    JOBS.iter().map(case).collect()
}

fn build(setup: &Setup) -> Result<Pair, BenchError> {
    let job = JOBS.iter().find(|job| job.name == setup.case);
    let job = job.ok_or_else(|| BenchError::NoCase(setup.case.to_owned()))?;
    let own = threads(setup)?;
    match job.what {
        What::Metg(patterns) => Ok(Pair {
            ours: metg::side(Contestant::OURS, &own, patterns, job.width)?,
            peer: metg::side(job.peer, &own, patterns, job.width)?,
        }),
        What::Imbalance => {
            let iterations = imbalance::iterations(&own)?;
            Ok(Pair {
                ours: imbalance::side(Contestant::OURS, &own, job.width, iterations)?,
                peer: imbalance::side(job.peer, &own, job.width, iterations)?,
            })
        }
    }
}

/// All engines are placed alike.
fn threads(setup: &Setup) -> Result<taskweave_taskbench::Setup, BenchError> {
    Ok(taskweave_taskbench::Setup {
        threads: setup.workers,
        processors: processors()?,
    })
}

fn refused<E: std::error::Error + 'static>(engine: Contestant) -> impl Fn(E) -> BenchError {
    move |why| BenchError::refused(engine.name())(Box::new(why))
}
