//! Cancelled passes: what hasn't begun is skipped, each once, and the next pass is clean.

use std::sync::Mutex;

use taskweave::graph::{GraphBuilder, Next};
use taskweave::{CancelToken, TaskError};
use taskweave_sys::sync::thread;

use crate::shapes::Shape;
use taskweave_testing::{Count, Random, busy, inside_and_outside, rounds, until, watch};

#[test]
fn a_token_that_is_cancelled_before_skips_everything() {
    let _watch = watch();
    inside_and_outside(|pool| {
        for shape in Shape::all() {
            let count = Count::new();
            let mut graph = shape.graph(|_| || count.tick());
            let token = CancelToken::new();
            token.cancel();
            let error = graph.run_with(pool, &token).unwrap_err();
            assert!(matches!(error.error, TaskError::Cancelled));
            assert_eq!((error.executed, error.skipped), (0, shape.n));
            assert_eq!((error.others, count.get()), (0, 0));
            assert_eq!(graph.run(pool).unwrap().executed, shape.n);
        }
    });
}

#[test]
fn a_body_cancels_what_comes_after_it() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let token = std::sync::Mutex::new(CancelToken::new());
        let mut graph = Shape::line(100).graph(|vertex| {
            let token = &token;
            move || {
                if vertex == 30 {
                    token.lock().unwrap().cancel();
                }
            }
        });
        for _ in 0..10 {
            let fresh = CancelToken::new();
            *token.lock().unwrap() = fresh.clone();
            let error = graph.run_with(pool, &fresh).unwrap_err();
            assert_eq!((error.executed, error.skipped), (31, 69));
            assert_eq!(
                error.to_string(),
                "vertex \"v31\": the task was cancelled before it began"
            );
        }
    });
}

#[test]
fn a_cancel_with_nothing_left_to_skip_changes_nothing() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let token = CancelToken::new();
        let mut builder = GraphBuilder::new();
        builder.task("last", || token.cancel());
        let report = builder.build().unwrap().run_with(pool, &token).unwrap();
        assert_eq!((report.executed, report.skipped), (1, 0));
    });
}

#[test]
fn failures_and_stops_come_before_cancels() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let token = CancelToken::new();
        let mut builder = GraphBuilder::new();
        let first = builder.task("first", || {
            token.cancel();
            Err::<(), _>("on purpose")
        });
        let second = builder.task("second", || ());
        builder.edge(first, second).unwrap();
        let error = builder.build().unwrap().run_with(pool, &token).unwrap_err();
        assert!(matches!(error.error, TaskError::Failed(_)));
        assert_eq!((error.executed, error.skipped), (1, 1));

        let token = CancelToken::new();
        let mut builder = GraphBuilder::new();
        let first = builder.task("first", || {
            token.cancel();
            Next::Stop
        });
        let second = builder.task("second", || ());
        builder.edge(first, second).unwrap();
        let report = builder.build().unwrap().run_with(pool, &token).unwrap();
        assert_eq!((report.executed, report.skipped), (1, 1));
    });
}

/// From another thread, at any moment; in every other pass the task that has begun last waits for it.
#[test]
fn cancels_at_random_leave_every_next_pass_clean() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let shape = Shape::random(5, 200, 3);
        let count = Count::new();
        let waits_for = Mutex::new((usize::MAX, CancelToken::new()));
        let mut graph = shape.graph(|_| {
            || {
                busy(20);
                if count.add() == waits_for.lock().unwrap().0 {
                    let token = waits_for.lock().unwrap().1.clone();
                    until(|| token.is_cancelled());
                }
            }
        });
        let mut random = Random::new(3);
        let mut cancelled = 0;
        let passes = rounds(50, 10_000);
        for pass in 0..passes {
            let before = count.get();
            let token = CancelToken::new();
            if pass % 2 == 0 {
                *waits_for.lock().unwrap() = (before + random.below(100), token.clone());
            }
            let (delay, for_thread) = (random.below(20_000) as u32, token.clone());
            let other = thread::spawn(move || {
                busy(delay);
                for_thread.cancel();
            });
            let (executed, skipped) = match graph.run_with(pool, &token) {
                Ok(report) => {
                    assert_eq!(report.skipped, 0);
                    (report.executed, 0)
                }
                Err(error) => {
                    assert!(error.is_cancelled() && error.skipped > 0, "{error}");
                    cancelled += 1;
                    (error.executed, error.skipped)
                }
            };
            waits_for.lock().unwrap().0 = usize::MAX;
            other.join().unwrap();
            assert_eq!(executed + skipped, shape.n);
            assert_eq!(count.get() - before, executed);
            assert_eq!(graph.run(pool).unwrap().executed, shape.n);
        }
        // While one waits, the others may come to the end of all that isn't behind it.
        assert!(cancelled > 0, "in {passes} passes");
    });
}
