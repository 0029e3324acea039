//! Bodies that fail or panic: the first is reported, the others are counted, the next pass is clean.

use std::error::Error;
use std::fmt;
use std::panic::panic_any;
use std::sync::Arc;

use taskweave::graph::{Graph, GraphBuilder, Next, PassError};
use taskweave::{Pool, TaskError};
use taskweave_sys::sync::atomic::{AtomicBool, Ordering};

use crate::shapes::{Shape, name};
use crate::tracked::{Plan, Tracked};
use taskweave_testing::{
    Bomb, Count, Dropped, Random, SIZES, each_size, inside_and_outside, message, panic_of, pool,
    rounds, watch,
};

/// An error with something in it.
#[derive(Debug)]
struct Broken(u32);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken {}", self.0)
    }
}

impl Error for Broken {}

/// A line of three whose middle fails as told.
fn line_with<O: taskweave::graph::Outcome + 'static>(
    middle: impl FnMut() -> O + Send + 'static,
) -> Graph<'static> {
    let mut builder = GraphBuilder::new();
    let ids = [
        builder.task("first", || ()),
        builder.task("middle", middle),
        builder.task("last", || ()),
    ];
    builder.edge(ids[0], ids[1]).unwrap();
    builder.edge(ids[1], ids[2]).unwrap();
    builder.build().unwrap()
}

#[track_caller]
fn failure(graph: &mut Graph<'_>, pool: &Pool) -> PassError {
    graph.run(pool).expect_err("a body fails")
}

#[test]
fn an_error_is_reported_as_it_is_with_its_vertex() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let mut graph = line_with(|| Err::<(), _>(Broken(7)));
        for _ in 0..10 {
            let error = failure(&mut graph, pool);
            assert_eq!(
                (error.vertex.as_str(), error.others, error.skipped),
                ("middle", 0, 1)
            );
            assert_eq!(
                error.to_string(),
                "vertex \"middle\": the task failed: broken 7"
            );
            let root = error.source().and_then(Error::source);
            assert_eq!(
                root.and_then(|error| error.downcast_ref::<Broken>())
                    .unwrap()
                    .0,
                7
            );
            assert!(matches!(error.error, TaskError::Failed(_)));
        }
    });
}

#[test]
fn a_panic_is_reported_with_its_message_and_its_vertex() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let number = 3;
        let mut graph = line_with(move || -> () { panic!("number {number} on purpose") });
        for _ in 0..10 {
            let error = failure(&mut graph, pool);
            assert_eq!((error.vertex.as_str(), error.skipped), ("middle", 1));
            assert_eq!(
                error.to_string(),
                "vertex \"middle\": the task panicked: number 3 on purpose"
            );
            let TaskError::Panicked(panic) = error.error else {
                unreachable!("{error}");
            };
            assert_eq!(panic.message(), "number 3 on purpose");
            // The payload goes on unharmed.
            assert_eq!(panic_of(|| panic.resume()), "number 3 on purpose");
        }
    });
}

#[test]
fn a_payload_that_is_no_text_can_be_resumed() {
    let _watch = watch();
    // The hook would have nothing to print.
    struct Silent(u32);
    let mut graph = line_with(|| -> () { std::panic::resume_unwind(Box::new(Silent(5))) });
    let error = failure(&mut graph, &pool(2));
    let TaskError::Panicked(panic) = error.error else {
        unreachable!("{error}");
    };
    assert_eq!(panic.message(), "a payload that is not a string");
    let payload =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panic.resume())).unwrap_err();
    assert_eq!(payload.downcast_ref::<Silent>().unwrap().0, 5);
}

#[test]
fn every_kind_of_return_value_means_what_it_says() {
    let _watch = watch();
    let pool = pool(2);
    assert_eq!(line_with(|| ()).run(&pool).unwrap().executed, 3);
    assert_eq!(line_with(|| Next::Continue).run(&pool).unwrap().executed, 3);
    assert_eq!(line_with(Next::default).run(&pool).unwrap().executed, 3);
    assert_eq!(line_with(|| Next::Stop).run(&pool).unwrap().executed, 2);
    let fine = || Ok::<_, Broken>(());
    assert_eq!(line_with(fine).run(&pool).unwrap().executed, 3);
    let stop = || Ok::<_, Broken>(Next::Stop);
    assert_eq!(line_with(stop).run(&pool).unwrap().executed, 2);
    let inner = || Ok::<_, Broken>(Err::<(), _>(Broken(1)));
    assert_eq!(failure(&mut line_with(inner), &pool).skipped, 1);
    let text = || Err::<(), _>("a text");
    assert!(
        failure(&mut line_with(text), &pool)
            .to_string()
            .ends_with("a text")
    );
    let boxed = || Err::<(), Box<dyn Error + Send + Sync>>(Box::new(Broken(2)));
    assert!(
        failure(&mut line_with(boxed), &pool)
            .to_string()
            .ends_with("broken 2")
    );
}

#[test]
fn an_error_stops_what_comes_after_and_the_next_pass_is_clean() {
    let _watch = watch();
    inside_and_outside(|pool| {
        for shape in Shape::all() {
            let mut tracked = Tracked::new(&shape);
            for plan in [Plan::Fail, Plan::Panic] {
                for vertex in [0, shape.n / 2, shape.n - 1] {
                    tracked.plan(vertex, plan);
                    let checked = tracked.run(pool);
                    let error = checked.result.unwrap_err();
                    assert_eq!((error.vertex, error.others), (name(vertex), 0));
                    let behind = shape.behind(&[vertex]);
                    assert!(checked.ran.iter().all(|&v| !behind[v]));
                    tracked.plan(vertex, Plan::Continue);
                    tracked.run_clean(pool);
                }
            }
        }
    });
}

#[test]
fn when_all_fail_one_is_reported_and_the_others_are_counted() {
    let _watch = watch();
    inside_and_outside(|pool| {
        for plan in [Plan::Fail, Plan::Panic] {
            for shape in [Shape::independent(60), Shape::layers(4, 10)] {
                let mut tracked = Tracked::long(&shape);
                tracked.plan_all(plan);
                for _ in 0..20 {
                    let checked = tracked.run(pool);
                    let error = checked.result.unwrap_err();
                    assert_eq!(error.others, checked.ran.len() - 1);
                    assert_eq!(error.skipped, shape.n - checked.ran.len());
                }
                tracked.plan_all(Plan::Continue);
                tracked.run_clean(pool);
            }
        }
    });
}

#[test]
fn on_one_worker_the_first_failure_is_the_only_one() {
    let _watch = watch();
    let pool = pool(1);
    for plan in [Plan::Fail, Plan::Panic] {
        let mut tracked = Tracked::new(&Shape::independent(60));
        tracked.plan_all(plan);
        for _ in 0..20 {
            let checked = tracked.run(&pool);
            let error = checked.result.unwrap_err();
            assert_eq!(error.vertex, name(checked.ran[0]));
            assert_eq!((checked.ran.len(), error.others, error.skipped), (1, 0, 59));
        }
    }
}

/// Two bodies fail for certain, though the first one stops the pass: both have begun by then.
#[test]
fn a_failure_after_the_first_is_counted_and_dropped() {
    let _watch = watch();
    each_size(|pool| {
        for panics in [false, true] {
            let (begun, drops) = (Count::new(), Count::new());
            let gate = taskweave_testing::Gate::new();
            let mut builder = GraphBuilder::new();
            for root in ["one", "other"] {
                let (begun, gate, drops) = (begun.clone(), gate.clone(), drops.clone());
                builder.task(root, move || -> Result<(), Counted> {
                    if begun.add() == 0 {
                        let gate = gate.clone();
                        pool.spawn_blocking(move || gate.pass()).wait().unwrap();
                    } else {
                        gate.open();
                    }
                    let counted = Counted(Dropped(drops.clone()));
                    if panics {
                        std::panic::resume_unwind(Box::new(counted));
                    }
                    Err(counted)
                });
            }
            let mut graph = builder.build().unwrap();
            let error = failure(&mut graph, pool);
            assert_eq!((error.others, error.skipped), (1, 0));
            assert!(error.to_string().ends_with(" (and 1 more failed)"));
            assert_eq!(drops.get(), 1, "what isn't reported is dropped");
            drop(error);
            assert_eq!(drops.get(), 2);
        }
    });
}

/// An error whose drops are counted.
#[derive(Debug)]
struct Counted(#[allow(dead_code, reason = "for its drop")] Dropped);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counted")
    }
}

impl Error for Counted {}

/// An error whose drop panics.
#[derive(Debug)]
struct Explosive(#[allow(dead_code, reason = "for its drop")] Bomb);

impl fmt::Display for Explosive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("explosive")
    }
}

impl Error for Explosive {}

#[test]
fn errors_and_payloads_whose_drop_panics_harm_nobody() {
    let _watch = watch();
    each_size(|pool| {
        let bodies = Count::new();
        let mut graph = Shape::layers(3, 20).graph(|vertex| {
            let bodies = bodies.clone();
            move || -> Result<(), Explosive> {
                bodies.tick();
                if vertex % 2 == 0 {
                    panic_any(Bomb);
                }
                Err(Explosive(Bomb))
            }
        });
        for _ in 0..20 {
            let before = bodies.get();
            let error = failure(&mut graph, pool);
            let failed = bodies.get() - before;
            assert_eq!((error.others, error.skipped), (failed - 1, 60 - failed));
            // The one that is handed out is the caller's, bomb and all.
            panic_of(|| drop(error));
        }
    });
}

#[test]
fn a_panic_while_an_error_is_converted_is_a_panic_of_the_body() {
    let _watch = watch();
    struct Unconvertible;
    impl From<Unconvertible> for Box<dyn Error + Send + Sync> {
        fn from(_: Unconvertible) -> Self {
            panic!("no conversion on purpose");
        }
    }
    let error = failure(&mut line_with(|| Err::<(), _>(Unconvertible)), &pool(2));
    assert_eq!(
        error.to_string(),
        "vertex \"middle\": the task panicked: no conversion on purpose"
    );
}

#[test]
fn a_stop_and_a_failure_together_are_a_failure() {
    let _watch = watch();
    inside_and_outside(|pool| {
        for plan in [Plan::Fail, Plan::Panic] {
            // The stop comes before the failure, which then doesn't happen; or after it; or beside it.
            let mut tracked = Tracked::new(&Shape::line(3));
            tracked.plan(0, Plan::Stop);
            tracked.plan(1, plan);
            assert_eq!(tracked.run(pool).result.unwrap().skipped, 2);
            tracked.plan(0, plan);
            tracked.plan(1, Plan::Stop);
            assert_eq!(tracked.run(pool).result.unwrap_err().skipped, 2);
            let mut tracked = Tracked::new(&Shape::diamond());
            tracked.plan(1, Plan::Stop);
            tracked.plan(2, plan);
            for _ in 0..50 {
                let checked = tracked.run(pool);
                assert_eq!(checked.result.is_err(), checked.ran.contains(&2));
            }
        }
    });
}

#[test]
fn mixes_of_all_endings_keep_every_pass_consistent() {
    let _watch = watch();
    for workers in SIZES {
        let pool = pool(workers);
        let shape = Shape::random(workers as u64 + 10, 80, 3);
        for make in Tracked::KINDS {
            let mut tracked = make(&shape);
            let mut random = Random::new(11);
            for _ in 0..rounds(150, 15_000) {
                for _ in 0..random.below(12) {
                    let (vertex, plan) = (random.below(shape.n), Plan::ALL[random.below(4)]);
                    tracked.plan(vertex, plan);
                }
                let _ = tracked.run(&pool);
                tracked.plan_all(Plan::Continue);
                tracked.run_clean(&pool);
            }
        }
    }
}

#[test]
fn a_body_that_panicked_keeps_its_captures_for_the_next_pass() {
    let _watch = watch();
    let pool = pool(2);
    let drops = Count::new();
    let (dropped, fails) = (Dropped(drops.clone()), Arc::new(AtomicBool::new(true)));
    let mut state = vec![0_u32];
    let failing = Arc::clone(&fails);
    let mut graph = line_with(move || {
        let _captured = &dropped;
        state.push(1);
        assert!(!failing.load(Ordering::Relaxed), "on purpose");
        assert_eq!(state.len(), 4);
    });
    for _ in 0..2 {
        let error = failure(&mut graph, &pool);
        let TaskError::Panicked(panic) = error.error else {
            unreachable!("{error}");
        };
        assert_eq!(message(&panic.message().to_owned()), "on purpose");
    }
    fails.store(false, Ordering::Relaxed);
    graph.run(&pool).unwrap();
    assert_eq!(drops.get(), 0);
    drop(graph);
    assert_eq!(drops.get(), 1);
}
