//! `Next::Stop`: what hasn't begun is skipped, the pass ends, the next one is clean.

use taskweave::graph::{GraphBuilder, Next};

use crate::shapes::Shape;
use crate::tracked::{Plan, Tracked};
use taskweave_testing::{
    Count, Gate, Random, SIZES, each_size, inside_and_outside, pool, rounds, watch,
};

#[test]
fn a_stop_skips_all_that_comes_after_it() {
    let _watch = watch();
    inside_and_outside(|pool| {
        for shape in Shape::all() {
            let mut tracked = Tracked::new(&shape);
            for vertex in [0, shape.n / 2, shape.n - 1] {
                tracked.plan(vertex, Plan::Stop);
                for _ in 0..5 {
                    let checked = tracked.run(pool);
                    let behind = shape.behind(&[vertex]);
                    assert!(checked.ran.contains(&vertex));
                    assert!(checked.ran.iter().all(|&v| !behind[v]));
                    checked.result.unwrap();
                }
                tracked.plan(vertex, Plan::Continue);
                tracked.run_clean(pool);
            }
        }
    });
}

#[test]
fn a_stop_of_the_only_root_skips_everything_else() {
    let _watch = watch();
    inside_and_outside(|pool| {
        for shape in [
            Shape::line(64),
            Shape::diamond(),
            Shape::fan(64),
            Shape::grid(8),
        ] {
            let mut tracked = Tracked::new(&shape);
            tracked.plan(0, Plan::Stop);
            for _ in 0..20 {
                let checked = tracked.run(pool);
                assert_eq!(checked.ran, [0]);
                let report = checked.result.unwrap();
                assert_eq!((report.executed, report.skipped), (1, shape.n - 1));
            }
        }
    });
}

#[test]
fn a_stop_in_the_last_vertex_skips_nothing() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let mut tracked = Tracked::new(&Shape::fan(10));
        tracked.plan(11, Plan::Stop);
        for _ in 0..20 {
            let report = tracked.run(pool).result.unwrap();
            assert_eq!((report.executed, report.skipped), (12, 0));
        }
    });
}

#[test]
fn a_stop_in_the_middle_of_a_line_skips_the_tail() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let mut tracked = Tracked::new(&Shape::line(100));
        for at in [1, 37, 98] {
            tracked.plan(at, Plan::Stop);
            let checked = tracked.run(pool);
            assert!(checked.ran.into_iter().eq(0..=at));
            assert_eq!(checked.result.unwrap().skipped, 99 - at);
            tracked.plan(at, Plan::Continue);
        }
        tracked.run_clean(pool);
    });
}

/// One thread runs the bodies one by one, so whatever runs after the stop is seen.
#[test]
fn on_one_worker_nothing_at_all_runs_after_a_stop() {
    let _watch = watch();
    let pool = pool(1);
    for shape in Shape::all() {
        for stopper in 0..shape.n.min(20) {
            let (count, stopped_at) = (Count::new(), Count::new());
            let mut graph = shape.graph(|vertex| {
                let (count, stopped_at) = (count.clone(), stopped_at.clone());
                move || {
                    let position = count.add();
                    if vertex == stopper {
                        (0..=position).for_each(|_| stopped_at.tick());
                        Next::Stop
                    } else {
                        Next::Continue
                    }
                }
            });
            let report = graph.run(&pool).unwrap();
            assert_eq!(count.get(), stopped_at.get());
            assert_eq!(report.executed, count.get());
            assert_eq!(report.skipped, shape.n - count.get());
        }
    }
}

#[test]
fn several_vertices_stop_at_once() {
    let _watch = watch();
    inside_and_outside(|pool| {
        for shape in [
            Shape::independent(100),
            Shape::layers(6, 12),
            Shape::random(9, 100, 3),
        ] {
            let mut tracked = Tracked::long(&shape);
            tracked.plan_all(Plan::Stop);
            for _ in 0..50 {
                let checked = tracked.run(pool);
                let behind = shape.behind(&checked.ran);
                assert!(checked.ran.iter().all(|&v| !behind[v]));
                assert!(checked.result.unwrap().executed >= 1);
            }
            tracked.plan_all(Plan::Continue);
            tracked.run_clean(pool);
        }
    });
}

/// The root that begins first blocks until the other one, which stops the pass, has begun too.
#[test]
fn a_body_that_has_begun_goes_on_to_its_end() {
    let _watch = watch();
    each_size(|pool| {
        let (begun, ended, behind) = (Count::new(), Count::new(), Count::new());
        let gate = Gate::new();
        let mut builder = GraphBuilder::new();
        for _ in 0..2 {
            let (begun, ended, gate) = (begun.clone(), ended.clone(), gate.clone());
            let root = builder.task("root", move || {
                if begun.add() == 1 {
                    gate.open();
                    return Next::Stop;
                }
                let gate = gate.clone();
                // Unlike a lock, such a wait leaves the worker to others.
                pool.spawn_blocking(move || gate.pass()).wait().unwrap();
                ended.tick();
                Next::Continue
            });
            let behind = behind.clone();
            let after = builder.task("behind", move || behind.tick());
            builder.edge(root, after).unwrap();
        }
        let mut graph = builder.build().unwrap();
        let report = graph.run(pool).unwrap();
        assert_eq!((begun.get(), ended.get()), (2, 1));
        assert!(behind.get() <= 1, "one of them is behind the stop");
        assert_eq!(report.executed, 2 + behind.get());
        assert_eq!(report.skipped, 2 - behind.get());
    });
}

#[test]
fn stops_at_random_leave_every_next_pass_clean() {
    let _watch = watch();
    for workers in SIZES {
        let pool = pool(workers);
        let shape = Shape::random(workers as u64, 60, 3);
        for make in Tracked::KINDS {
            let mut tracked = make(&shape);
            let mut random = Random::new(7);
            for _ in 0..rounds(200, 20_000) {
                let stoppers = [0, 1, 2].map(|_| random.below(shape.n));
                for vertex in stoppers {
                    tracked.plan(vertex, Plan::Stop);
                }
                let checked = tracked.run(&pool);
                assert!(checked.ran.iter().any(|v| stoppers.contains(v)));
                checked.result.unwrap();
                tracked.plan_all(Plan::Continue);
                tracked.run_clean(&pool);
            }
        }
    }
}
