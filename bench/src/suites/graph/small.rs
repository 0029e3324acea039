//! What a pass costs: graphs of a few tasks.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use super::{
    BenchError, Case, Pair, Setup, Shape, Suite,
    dag::{self, Dag},
    shape,
};

pub(super) const SHAPES: [Shape; 4] = [
    ("diamond", || Dag::fan(2)),
    ("fan 64", || Dag::fan(64)),
    ("line 64", || Dag::chain(64)),
    ("chain 8", || Dag::chain(8)),
];
/// How long each of the four tasks of the slow diamond takes.
const BODY: Duration = Duration::from_micros(50);

pub(super) fn cases() -> Vec<Case> {
    let case = |name, peer, build| Case {
        suite: Suite::Graph,
        name,
        peer,
        unit: "pass",
        samples: 51,
        workers: None,
        build,
    };
    let both = |(name, _)| {
        [
            case(name, "rayon", with_rayon),
            case(name, "sequential", with_sequential),
        ]
    };
    let mut cases: Vec<Case> = SHAPES.into_iter().flat_map(both).collect();
    cases.push(case("diamond of 50 µs", "sequential", slow));
    cases
}

fn with_rayon(setup: &Setup) -> Result<Pair, BenchError> {
    let dag = shape(&SHAPES, setup)?;
    Ok(Pair {
        ours: dag::ours(setup, &dag, 1)?,
        peer: dag::rayon(setup, &dag, 1)?,
    })
}

fn with_sequential(setup: &Setup) -> Result<Pair, BenchError> {
    let dag = shape(&SHAPES, setup)?;
    Ok(Pair {
        ours: dag::ours(setup, &dag, 1)?,
        peer: dag::sequential(&dag, 1),
    })
}

/// At most three of four tasks follow one another, so that two workers need three quarters of the time.
fn slow(setup: &Setup) -> Result<Pair, BenchError> {
    let rounds = rounds();
    let [ours, peer] = dag::with_work(setup, &Dag::fan(2), move || work(rounds))?;
    Ok(Pair { ours, peer })
}

fn work(rounds: u64) {
    // Each round waits for the one before.
    let mix = |value: u64, round: u64| (value ^ round).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    black_box((0..black_box(rounds)).fold(1, mix));
}

/// How many rounds take as long as a body shall: by the fastest of some tries, since the others were interrupted.
fn rounds() -> u64 {
    const TRY: u64 = 100_000;
    let took = (0..20)
        .map(|_| {
            let started = Instant::now();
            work(TRY);
            started.elapsed()
        })
        .min()
        .unwrap_or(BODY);
    (TRY as f64 * BODY.as_secs_f64() / took.as_secs_f64().max(1e-9)) as u64
}
