//! One task at a time, from a thread outside the pool, which waits for it before it submits the next.
//!
//! Rayon's `install` is its documented way in, and blocks; its `spawn` has no handle, so a channel tells that the task has ended, one for all
//! of them, since that is cheaper than one for each.
//!
//! A thread that waits for a task of ours runs it itself if nobody has begun it, which is "on the spot". The other two rows keep it from
//! that: "on a worker" waits by `wait_for_worker`, which looks for some microseconds before it sleeps, and "caller asleep" sleeps at once, by
//! means of its own, which is what `install` of rayon's comes to.
//!
//! Nothing is placed here: which processor a thread wakes on, and so what a wake costs, is the system's decision on both sides.

use std::{
    error::Error,
    hint::black_box,
    sync::{Arc, mpsc},
};

use taskweave_sys::sync::{
    atomic::{AtomicU64, Ordering},
    thread,
};

use crate::{
    error::{BenchError, wrong},
    harness::{Pair, Side, Stopwatch},
    suites::{Case, Setup, Suite, pools},
};

const OURS: &str = "taskweave";

pub(super) fn cases() -> Vec<Case> {
    let case = |name, peer, build| Case {
        suite: Suite::Spawn,
        name,
        peer,
        unit: "task",
        samples: 51,
        workers: None,
        build,
    };
    vec![
        case("install", "rayon", |setup| {
            pair(install(setup)?, rayon_install(setup)?)
        }),
        case("install", "sequential", |setup| {
            pair(install(setup)?, called())
        }),
        case("spawn and wait", "rayon", |setup| {
            pair(spawn_and_wait(setup)?, rayon_spawn(setup)?)
        }),
        case("spawn and wait", "sequential", |setup| {
            pair(spawn_and_wait(setup)?, called())
        }),
        case("prepared, run", "rayon", |setup| {
            pair(prepared_run(setup)?, rayon_install(setup)?)
        }),
        case("prepared, run", "sequential", |setup| {
            pair(prepared_run(setup)?, called())
        }),
        case("prepared, on the spot", "rayon", |setup| {
            pair(on_the_spot(setup)?, rayon_install(setup)?)
        }),
        case("prepared, on the spot", "sequential", |setup| {
            pair(on_the_spot(setup)?, called())
        }),
        case("prepared, on a worker", "rayon", |setup| {
            pair(on_a_worker(setup)?, rayon_install(setup)?)
        }),
        case("prepared, on a worker", "sequential", |setup| {
            pair(on_a_worker(setup)?, called())
        }),
        case("prepared, caller asleep", "rayon", |setup| {
            pair(caller_asleep(setup)?, rayon_install(setup)?)
        }),
        case("prepared, caller asleep", "sequential", |setup| {
            pair(caller_asleep(setup)?, called())
        }),
    ]
}

fn pair(ours: Side, peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair { ours, peer })
}

/// How often the task has run. One task runs at a time, and each is waited for: no read-modify-write is needed.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicU64>);

impl Runs {
    /// The task's work.
    fn count(&self) {
        let before = self.0.load(Ordering::Relaxed);
        self.0
            .store(black_box(before.wrapping_add(1)), Ordering::Relaxed);
    }

    fn number(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A side whose `trip` runs a task that counts, and returns when it has run.
fn trips(
    name: &'static str,
    runs: Runs,
    mut trip: impl FnMut() -> Result<(), BenchError> + 'static,
) -> Side {
    Side::new(name, move |repetitions, watch: &mut Stopwatch| {
        let before = runs.number();
        watch.time(repetitions, || {
            for _ in 0..repetitions {
                trip()?;
            }
            Ok(())
        })?;
        wrong(name, repetitions, runs.number() - before)
    })
}

fn refused(why: impl Error + 'static) -> BenchError {
    BenchError::refused(OURS)(Box::new(why))
}

fn install(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::taskweave(setup)?;
    let runs = Runs::default();
    let task = runs.clone();
    Ok(trips(OURS, runs, move || {
        pool.install(|| task.count());
        Ok(())
    }))
}

fn spawn_and_wait(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::taskweave(setup)?;
    let runs = Runs::default();
    let task = runs.clone();
    Ok(trips(OURS, runs, move || {
        let task = task.clone();
        pool.spawn(move || task.count()).wait().map_err(refused)
    }))
}

fn prepared_run(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::taskweave(setup)?;
    let runs = Runs::default();
    let task = runs.clone();
    let mut job = pool.prepare(move || task.count());
    Ok(trips(OURS, runs, move || {
        let _alive = &pool;
        job.run().map_err(refused)
    }))
}

fn on_the_spot(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::taskweave(setup)?;
    let runs = Runs::default();
    let task = runs.clone();
    let mut job = pool.prepare(move || task.count());
    Ok(trips(OURS, runs, move || {
        let _alive = &pool;
        let submission = job.submit().map_err(refused)?;
        submission.wait().map_err(refused)
    }))
}

fn on_a_worker(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::taskweave(setup)?;
    let runs = Runs::default();
    let task = runs.clone();
    let mut job = pool.prepare(move || task.count());
    Ok(trips(OURS, runs, move || {
        let _alive = &pool;
        let submission = job.submit().map_err(refused)?;
        submission.wait_for_worker().map_err(refused)
    }))
}

fn caller_asleep(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::taskweave(setup)?;
    let runs = Runs::default();
    let task = runs.clone();
    let outside = thread::current();
    let mut job = pool.prepare(move || {
        task.count();
        outside.unpark();
    });
    let seen = runs.clone();
    Ok(trips(OURS, runs, move || {
        let _alive = &pool;
        let before = seen.number();
        let submission = job.submit().map_err(refused)?;
        while seen.number() == before {
            thread::park();
        }
        submission.wait().map_err(refused)
    }))
}

fn rayon_install(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::rayon(setup)?;
    let runs = Runs::default();
    let task = runs.clone();
    Ok(trips("rayon", runs, move || {
        pool.install(|| task.count());
        Ok(())
    }))
}

fn rayon_spawn(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::rayon(setup)?;
    let runs = Runs::default();
    let task = runs.clone();
    let (sender, receiver) = mpsc::channel();
    Ok(trips("rayon", runs, move || {
        let (task, sender) = (task.clone(), sender.clone());
        pool.spawn(move || {
            task.count();
            // The receiver outlives the task: it is waited on below.
            let _ = sender.send(());
        });
        receiver.recv().map_err(|why| BenchError::Refused {
            side: "rayon",
            why: why.to_string(),
        })
    }))
}

/// The same work as a plain call.
fn called() -> Side {
    let runs = Runs::default();
    let task = runs.clone();
    trips("sequential", runs, move || {
        black_box(&task).count();
        Ok(())
    })
}
