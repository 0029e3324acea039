//! Where a graph can be run: from which threads, on which pools, and beside what.

use std::sync::Arc;

use taskweave::graph::{GraphBuilder, Next};
use taskweave::{Pool, Shutdown, for_each, join, scope};

use crate::shapes::Shape;
use crate::tracked::{Plan, Tracked};
use taskweave_testing::{
    Count, Gate, SIZES, Threads, busy, each_size, message, pool, rounds, until, watch,
};

#[test]
fn one_worker_runs_everything() {
    let _watch = watch();
    let pool = pool(1);
    for shape in Shape::all() {
        let threads = Threads::default();
        let mut graph = shape.graph(|_| {
            let threads = threads.clone();
            move || threads.here()
        });
        graph.run(&pool).unwrap();
        assert_eq!(threads.take().len(), 1);
    }
}

#[test]
fn sixty_four_workers_run_everything() {
    let _watch = watch();
    let pool = pool(64);
    for shape in Shape::all() {
        let mut tracked = Tracked::new(&shape);
        (0..5).for_each(|_| tracked.run_clean(&pool));
        tracked.plan(0, Plan::Stop);
        tracked.run(&pool).result.unwrap();
    }
}

#[test]
fn one_graph_runs_on_several_pools_by_turns() {
    let _watch = watch();
    let pools = SIZES.map(pool);
    let mut tracked = Tracked::new(&Shape::random(5, 100, 3));
    for pass in 0..rounds(200, 10_000) {
        let pool = &pools[pass % pools.len()];
        if pass % 3 == 0 {
            tracked.plan(pass % 100, Plan::Stop);
        }
        let _ = tracked.run(pool);
        tracked.plan_all(Plan::Continue);
    }
    // Also after one of them is gone.
    let [one, two, ..] = pools;
    drop(two);
    tracked.run_clean(&one);
}

#[test]
fn a_graph_moves_between_threads() {
    let _watch = watch();
    let pool = Arc::new(pool(3));
    let mut tracked = Tracked::new(&Shape::grid(8));
    for round in 0..60 {
        tracked = if round % 2 == 0 {
            std::thread::scope(|s| {
                let pool = &pool;
                let foreign = s.spawn(move || {
                    tracked.run_clean(pool);
                    tracked
                });
                foreign.join().unwrap()
            })
        } else {
            let inner = Arc::clone(&pool);
            let task = pool.spawn(move || {
                tracked.run_clean(&inner);
                tracked
            });
            task.wait().unwrap()
        };
    }
}

#[test]
fn many_threads_run_a_graph_each_on_one_pool() {
    let _watch = watch();
    for workers in SIZES {
        let pool = pool(workers);
        std::thread::scope(|s| {
            for thread in 0..4_u64 {
                let pool = &pool;
                s.spawn(move || {
                    let mut tracked = Tracked::new(&Shape::random(thread, 60, 2));
                    for pass in 0..rounds(100, 10_000) {
                        let plan = Plan::ALL[pass % 3];
                        tracked.plan(pass % 60, plan);
                        let _ = tracked.run(pool);
                        tracked.plan_all(Plan::Continue);
                        tracked.run_clean(pool);
                    }
                });
            }
        });
    }
}

/// Each graph has a body that waits for one of the other: neither would end if passes came one after the other.
#[test]
fn two_graphs_overlap_on_one_pool() {
    let _watch = watch();
    for workers in [2, 3, 8] {
        let pool = pool(workers);
        for _ in 0..50 {
            let (ping, pong) = (Gate::new(), Gate::new());
            let [mut one, mut two] = [(&ping, &pong), (&pong, &ping)].map(|(opens, awaits)| {
                Shape::line(3).graph(|vertex| {
                    move || {
                        if vertex == 1 {
                            opens.open();
                            awaits.pass();
                        }
                    }
                })
            });
            std::thread::scope(|s| {
                s.spawn(|| one.run(&pool).unwrap());
                s.spawn(|| two.run(&pool).unwrap());
            });
        }
    }
}

#[test]
fn graphs_run_beside_other_work_of_the_pool() {
    let _watch = watch();
    each_size(|pool| {
        let done = Count::new();
        let mut tracked = Tracked::new(&Shape::random(2, 80, 3));
        for _ in 0..rounds(40, 4_000) {
            let handles: Vec<_> = (0..20)
                .map(|_| {
                    let done = done.clone();
                    pool.spawn(move || {
                        busy(50);
                        done.tick();
                    })
                })
                .collect();
            tracked.run_clean(pool);
            for handle in handles {
                handle.wait().unwrap();
            }
        }
        assert_eq!(done.get(), 20 * rounds(40, 4_000));
    });
}

#[test]
fn a_pool_may_be_looked_at_during_passes() {
    let _watch = watch();
    each_size(|pool| {
        let done = Gate::new();
        std::thread::scope(|s| {
            s.spawn(|| {
                let mut tracked = Tracked::long(&Shape::layers(5, 5));
                (0..50).for_each(|_| tracked.run_clean(pool));
                done.open();
            });
            while !done.is_open() {
                assert!(!pool.dump().is_empty());
                assert_eq!(pool.metrics().workers.len(), pool.worker_threads());
            }
        });
        let executed = pool.metrics().total().executed;
        assert!(executed >= 50 * 25, "{executed}");
    });
}

#[test]
fn bodies_may_use_the_pool_as_they_like() {
    let _watch = watch();
    each_size(|pool| {
        let sum = Count::new();
        let shape = Shape::layers(4, 6);
        let mut graph = shape.graph(|vertex| {
            let sum = &sum;
            move || {
                match vertex % 4 {
                    0 => pool.spawn(|| ()).wait().unwrap(),
                    1 => pool.spawn_blocking(|| busy(10)).wait().map(|_| ()).unwrap(),
                    2 => scope(|s| (0..5).for_each(|_| s.spawn(|| assert_ne!(busy(10), 0)))),
                    _ => {
                        let mut data = [0_u32; 64];
                        join(|| busy(10), || for_each(&mut data[..], |x| *x += 1));
                        assert_eq!(data, [1; 64]);
                    }
                }
                sum.tick();
            }
        });
        for _ in 0..30 {
            graph.run(pool).unwrap();
        }
        drop(graph);
        assert_eq!(sum.get(), 30 * shape.n);
    });
}

#[test]
fn a_pool_that_was_shut_down_still_has_passes_run_by_the_caller() {
    let _watch = watch();
    for workers in SIZES {
        for mode in [Shutdown::Drain, Shutdown::Abandon] {
            let pool = pool(workers);
            let mut tracked = Tracked::new(&Shape::random(4, 60, 3));
            tracked.run_clean(&pool);
            pool.shutdown(mode, None).unwrap();
            (0..5).for_each(|_| tracked.run_clean(&pool));
            for plan in [Plan::Stop, Plan::Fail, Plan::Panic] {
                tracked.plan(30, plan);
                assert!(tracked.run(&pool).ran.contains(&30) || plan != Plan::Stop);
                tracked.plan_all(Plan::Continue);
                tracked.run_clean(&pool);
            }
            let threads = Threads::default();
            let mut graph = Shape::fan(20).graph(|_| {
                let threads = threads.clone();
                move || threads.here()
            });
            graph.run(&pool).unwrap();
            let ran_here = threads.take();
            assert!(ran_here.into_iter().eq([std::thread::current().id()]));
        }
    }
}

/// The pool goes away while passes are under way: each of them ends whole all the same.
#[test]
fn a_shutdown_amid_passes_loses_no_vertex() {
    let _watch = watch();
    for workers in SIZES {
        for mode in [Shutdown::Drain, Shutdown::Abandon] {
            for _ in 0..rounds(5, 500) {
                let pool = pool(workers);
                let passes = Count::new();
                std::thread::scope(|s| {
                    for seed in 0..2 {
                        let (pool, passes) = (&pool, passes.clone());
                        s.spawn(move || {
                            let mut tracked = Tracked::new(&Shape::random(seed, 40, 2));
                            for _ in 0..60 {
                                tracked.run_clean(pool);
                                passes.tick();
                            }
                        });
                    }
                    until(|| passes.get() > 20);
                    pool.shutdown(mode, None).unwrap();
                });
                assert_eq!(passes.get(), 120);
            }
        }
    }
}

/// A pool that can't be waited for by its own body: the shutdown begins, and the pass ends.
#[test]
fn a_body_may_shut_its_pool_down() {
    let _watch = watch();
    for workers in SIZES {
        for mode in [Shutdown::Drain, Shutdown::Abandon] {
            let pool = pool(workers);
            let count = Count::new();
            let mut graph = Shape::layers(3, 8).graph(|vertex| {
                let (pool, count) = (&pool, &count);
                move || {
                    if vertex == 10 {
                        let zero = Some(std::time::Duration::ZERO);
                        // It may or may not be over by then, depending on whose thread this is.
                        let _ = pool.shutdown(mode, zero);
                    }
                    count.tick();
                }
            });
            assert_eq!(graph.run(&pool).unwrap().executed, 24);
            assert_eq!(graph.run(&pool).unwrap().executed, 24);
            drop(graph);
            assert_eq!(count.get(), 48);
        }
    }
}

#[test]
fn a_panic_leaves_the_workers_alive() {
    let _watch = watch();
    each_size(|pool: &Pool| {
        let mut builder = GraphBuilder::new();
        for i in 0..50 {
            builder.task("root", move || -> Next { panic!("{i} on purpose") });
        }
        let mut graph = builder.build().unwrap();
        for _ in 0..20 {
            graph.run(pool).unwrap_err();
        }
        for _ in 0..2 * pool.worker_threads() {
            assert_eq!(pool.spawn(|| 3).wait().unwrap(), 3);
        }
        let failed = pool.spawn(|| panic!("a task on purpose")).wait();
        assert!(failed.is_err_and(|error| error.to_string().contains(&message(&"on purpose"))));
    });
}
