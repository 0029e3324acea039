//! Prepared jobs: dropped at any time, submitted from anywhere, asked about or not.

use std::sync::{Arc, Mutex};

use taskweave_core::{AlreadyRunning, Pool, Prepared, TaskError, scope};

use taskweave_testing::{Count, Dropped, Gate, block_on, each_pool, pool, rounds, until, watch};

/// A job whose closure blocks at a gate, and the counts of its runs and of its closure's drops.
struct Watched {
    job: Prepared,
    began: Gate,
    gate: Gate,
    runs: Count,
    drops: Count,
}

fn watched(pool: &Pool) -> Watched {
    let (began, gate, runs, drops) = (Gate::new(), Gate::new(), Count::new(), Count::new());
    let job = {
        let (began, gate, runs, dropped) = (
            began.clone(),
            gate.clone(),
            runs.clone(),
            Dropped(drops.clone()),
        );
        pool.prepare(move || {
            let _captured = &dropped;
            runs.add();
            began.open();
            gate.pass();
        })
    };
    Watched {
        job,
        began,
        gate,
        runs,
        drops,
    }
}

/// Takes all workers out of service until the gate opens.
fn hold_up(pool: &Pool) -> Gate {
    let (begun, gate) = (Count::new(), Gate::new());
    for _ in 0..pool.worker_threads() {
        let (begin, hold) = (begun.clone(), gate.clone());
        drop(pool.spawn(move || {
            begin.add();
            hold.pass();
        }));
    }
    until(|| begun.get() == pool.worker_threads());
    gate
}

#[test]
fn dropped_before_it_is_submitted_or_after_it_has_run() {
    let _watch = watch();
    each_pool(|pool| {
        let w = watched(&pool);
        drop(w.job);
        assert_eq!((w.runs.get(), w.drops.get()), (0, 1));
        let mut w = watched(&pool);
        w.gate.open();
        w.job.submit().unwrap().wait().unwrap();
        drop(w.job);
        until(|| w.drops.get() == 1);
        assert_eq!(w.runs.get(), 1);
    });
}

#[test]
fn dropped_while_it_is_queued() {
    let _watch = watch();
    each_pool(|pool| {
        let hold = hold_up(&pool);
        let mut w = watched(&pool);
        let _ = w.job.submit().unwrap();
        drop(w.job);
        hold.open();
        // The queue frees it.
        until(|| w.drops.get() == 1);
        assert_eq!(w.runs.get(), 0);
    });
}

#[test]
fn dropped_while_it_runs() {
    let _watch = watch();
    each_pool(|pool| {
        let mut w = watched(&pool);
        let _ = w.job.submit().unwrap();
        w.began.pass();
        let (gate, drops) = (w.gate.clone(), w.drops.clone());
        let opener = taskweave_sys::sync::thread::spawn(move || {
            assert_eq!(drops.get(), 0);
            gate.open();
        });
        // It waits for the closure.
        drop(w.job);
        until(|| w.drops.get() == 1);
        opener.join().unwrap();
        assert_eq!(w.runs.get(), 1);
    });
}

#[test]
fn dropped_in_a_worker_while_it_runs_in_another_thread() {
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        let mut w = watched(&pool);
        let _ = w.job.submit().unwrap();
        w.began.pass();
        let (gate, drops, job) = (w.gate.clone(), w.drops.clone(), w.job);
        // With one worker only a guest or a spare thread can run this, since the job takes the worker.
        let dropper = pool.spawn_blocking(move || drop(job));
        gate.open();
        block_on(dropper).unwrap();
        until(|| drops.get() == 1);
    });
}

/// A job that its own closure can reach.
fn self_referring(
    pool: &Pool,
    mut body: impl FnMut(&mut Option<Prepared>) + Send + 'static,
) -> (Arc<Mutex<Option<Prepared>>>, Count) {
    let place = Arc::new(Mutex::new(None));
    let (own, drops) = (Arc::clone(&place), Count::new());
    let dropped = Dropped(drops.clone());
    let job = pool.prepare(move || {
        let _captured = &dropped;
        let mut job = own.lock().unwrap().take();
        body(&mut job);
        if let Some(job) = job {
            *own.lock().unwrap() = Some(job);
        }
    });
    *place.lock().unwrap() = Some(job);
    (place, drops)
}

#[test]
fn dropped_by_its_own_closure() {
    let _watch = watch();
    each_pool(|pool| {
        let (place, drops) = self_referring(&pool, |job| drop(job.take()));
        let mut job = place.lock().unwrap();
        let _ = job.as_mut().unwrap().submit().unwrap();
        drop(job);
        until(|| drops.get() == 1);
        assert!(place.lock().unwrap().is_none());
    });
}

#[test]
fn asked_by_its_own_closure() {
    let _watch = watch();
    each_pool(|pool| {
        let answers = Count::new();
        let counter = answers.clone();
        let (place, drops) = self_referring(&pool, move |job| {
            let job = job.as_mut().unwrap();
            assert!(matches!(job.submit(), Err(AlreadyRunning)));
            assert!(matches!(job.run(), Err(TaskError::Deadlock)));
            counter.add();
        });
        let _ = place.lock().unwrap().as_mut().unwrap().submit().unwrap();
        until(|| answers.get() == 1);
        // The closure puts the job back at its end.
        until(|| place.lock().unwrap().is_some());
        let job = place.lock().unwrap().take();
        drop(job);
        until(|| drops.get() == 1);
    });
}

#[test]
fn a_second_submission_is_refused_until_the_first_has_ended() {
    let _watch = watch();
    each_pool(|pool| {
        let mut w = watched(&pool);
        let _ = w.job.submit().unwrap();
        assert_eq!(w.job.submit().unwrap_err(), AlreadyRunning);
        w.began.pass();
        assert_eq!(w.job.submit().unwrap_err(), AlreadyRunning);
        assert!(AlreadyRunning.to_string().contains("wait for it first"));
        w.gate.open();
        until(|| w.job.submit().is_ok());
        until(|| w.runs.get() == 2);
        // `run` waits for a submission that nobody waits for.
        w.job.run().unwrap();
        assert_eq!(w.runs.get(), 3);
    });
}

#[test]
fn a_submission_that_has_not_begun_is_run_by_the_thread_that_waits() {
    let _watch = watch();
    each_pool(|pool| {
        let hold = hold_up(&pool);
        let here = taskweave_sys::sync::thread::current().id();
        let (there, times) = (Arc::new(Mutex::new(None)), Count::new());
        let (place, counter) = (Arc::clone(&there), times.clone());
        let mut job = pool.prepare(move || {
            *place.lock().unwrap() = Some(taskweave_sys::sync::thread::current().id());
            counter.add();
        });
        for i in 1..=50 {
            // From the second time on its header still stands in a queue.
            job.submit().unwrap().wait().unwrap();
            assert_eq!((there.lock().unwrap().take(), times.get()), (Some(here), i));
        }
        hold.open();
        let submission = job.submit().unwrap();
        until(|| submission.is_finished());
        submission.wait().unwrap();
        assert_eq!(times.get(), 51);
    });
}

#[test]
fn a_wait_in_a_worker_gives_its_slot_away() {
    let _watch = watch();
    let pool = Arc::new(pool(1));
    let w = watched(&pool);
    let (mut job, gate, began) = (w.job, w.gate, w.began);
    let mut helper = pool.prepare(move || gate.open());
    let waiter = {
        let inner = Arc::clone(&pool);
        pool.spawn(move || {
            let submission = job.submit().unwrap();
            // The job takes the only slot as soon as this wait gives it away.
            inner.spawn_blocking(move || began.pass()).wait().unwrap();
            submission.wait().unwrap();
        })
    };
    // The slot is free again only if the wait has given it away.
    until(|| w.runs.get() == 1);
    helper.run().unwrap();
    block_on(waiter).unwrap();
}

#[test]
fn jobs_move_between_threads_and_pools() {
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        let other = taskweave_testing::pool(1);
        let count = Count::new();
        let counter = count.clone();
        let mut job = pool.prepare(move || {
            counter.add();
        });
        for i in 0..rounds(200, 20_000) {
            job = match i % 4 {
                0 => std::thread::scope(|s| {
                    s.spawn(|| {
                        job.submit().unwrap().wait().unwrap();
                        job
                    })
                    .join()
                    .unwrap()
                }),
                1 => block_on(pool.spawn(move || {
                    job.submit().unwrap().wait().unwrap();
                    job
                }))
                .unwrap(),
                2 => block_on(other.spawn(move || {
                    job.run().unwrap();
                    job
                }))
                .unwrap(),
                _ => {
                    let job_ref = &mut job;
                    pool.scope(|s| {
                        s.spawn(move || {
                            let submission = job_ref.submit().unwrap();
                            scope(|s| s.spawn(|| ()));
                            submission.wait().unwrap();
                        });
                    });
                    job
                }
            };
            assert_eq!(count.get(), i + 1);
        }
    });
}

#[test]
fn jobs_outlive_their_pool() {
    let _watch = watch();
    each_pool(|pool| {
        let drops = Count::new();
        let dropped = Dropped(drops.clone());
        let mut job = pool.prepare(move || {
            let _captured = &dropped;
        });
        job.submit().unwrap().wait().unwrap();
        drop(pool);
        assert!(matches!(
            job.submit().unwrap().wait(),
            Err(TaskError::Shutdown)
        ));
        drop(job);
        assert_eq!(drops.get(), 1);
    });
}

#[test]
fn a_wait_for_a_worker_never_runs_it_here() {
    let _watch = watch();
    each_pool(|pool| {
        let here = taskweave_sys::sync::thread::current().id();
        let runs = Count::new();
        let seen = runs.clone();
        let mut job = pool.prepare(move || {
            assert_ne!(taskweave_sys::sync::thread::current().id(), here);
            seen.add();
        });
        for _ in 0..rounds(200, 100_000) {
            job.submit().unwrap().wait_for_worker().unwrap();
        }
        assert_eq!(runs.get(), rounds(200, 100_000));
        // A worker that waits so gives its slot away, even the only one.
        let (runs, end) = (Count::new(), Count::new());
        let (seen, ended) = (runs.clone(), end.clone());
        let mut job = pool.prepare(move || {
            seen.add();
        });
        pool.spawn(move || {
            job.submit().unwrap().wait_for_worker().unwrap();
            ended.add();
        })
        .wait()
        .unwrap();
        assert_eq!((runs.get(), end.get()), (1, 1));
    });
}

#[test]
fn a_wait_for_a_worker_tells_of_panics_and_shutdown() {
    let _watch = watch();
    each_pool(|pool| {
        let mut job = pool.prepare(|| panic!("not today"));
        let error = job.submit().unwrap().wait_for_worker().unwrap_err();
        assert!(matches!(error, TaskError::Panicked(_)), "{error}");
        drop(pool);
        let error = job.submit().unwrap().wait_for_worker().unwrap_err();
        assert!(matches!(error, TaskError::Shutdown), "{error}");
    });
}
