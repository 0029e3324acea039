//! A million tasks out of one scope, each of which does next to nothing.
//!
//! Both sides spawn the same closure, which fits a pointer, from inside their pool. Each task counts in a place of its own, so that a task
//! that was lost or ran twice is seen, and so that the tasks have nothing in common that could be contended.

use std::{hint::black_box, sync::Arc};

use taskweave_sys::sync::atomic::{AtomicU8, Ordering};

use crate::{
    error::{BenchError, wrong},
    harness::{Pair, Side, Stopwatch},
    suites::{Case, Setup, Suite, pools},
};

const TASKS: usize = 1_000_000;

pub(super) fn cases() -> Vec<Case> {
    let case = |name, peer, build| Case {
        suite: Suite::Spawn,
        name,
        peer,
        unit: "task",
        // A sample is a million tasks, an order longer than other samples.
        samples: 21,
        workers: None,
        build,
    };
    vec![
        case("fan-out", "rayon", |setup| pair(setup, with_rayon(setup)?)),
        // Without a thief: what spawning and running cost by themselves.
        case("fan-out, one worker", "rayon", |setup| {
            pair(setup, with_rayon(setup)?)
        })
        .on(1),
        case("fan-out", "sequential", |setup| pair(setup, sequential())),
    ]
}

fn pair(setup: &Setup, peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair {
        ours: ours(setup)?.placed(),
        peer: peer.placed(),
    })
}

/// A task's work. Only one task ever touches the place, hence no read-modify-write.
fn count(place: &AtomicU8) {
    let before = place.load(Ordering::Relaxed);
    place.store(black_box(before.wrapping_add(1)), Ordering::Relaxed);
}

/// A side whose `fan_out` runs [`count`] once for each place.
fn counted(name: &'static str, fan_out: impl Fn(&[AtomicU8]) + 'static) -> Side {
    let places: Arc<[AtomicU8]> = (0..TASKS).map(|_| AtomicU8::new(0)).collect();
    Side::new(name, move |repetitions, watch: &mut Stopwatch| {
        for _ in 0..repetitions {
            watch.time(TASKS as u64, || fan_out(black_box(&places)));
            let once = places
                .iter()
                .filter(|place| place.swap(0, Ordering::Relaxed) == 1)
                .count();
            wrong(name, TASKS as u64, once as u64)?;
        }
        Ok(())
    })
}

fn ours(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::taskweave_placed(setup)?;
    Ok(counted("taskweave", move |places| {
        pool.scope(|scope| {
            for place in places {
                scope.spawn(move || count(place));
            }
        });
    }))
}

fn with_rayon(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::rayon_placed(setup)?;
    Ok(counted("rayon", move |places| {
        pool.scope(|scope| {
            for place in places {
                scope.spawn(move |_| count(place));
            }
        });
    }))
}

fn sequential() -> Side {
    counted("sequential", |places| {
        for place in places {
            count(place);
        }
    })
}
