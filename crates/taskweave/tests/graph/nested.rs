//! Graphs that are run from tasks, and from the bodies of other graphs.

use std::sync::Arc;

use taskweave::graph::{Graph, GraphBuilder};
use taskweave::{Pool, scope};

use crate::shapes::Shape;
use crate::tracked::{Plan, Tracked};
use taskweave_testing::{Count, busy, each_size, pool, rounds, watch};

#[test]
fn a_task_runs_a_graph() {
    let _watch = watch();
    each_size(|pool| {
        pool.scope(|s| {
            for seed in 0..8 {
                s.spawn(move || {
                    let mut tracked = Tracked::new(&Shape::random(seed, 50, 2));
                    (0..20).for_each(|_| tracked.run_clean(pool));
                });
            }
        });
    });
}

#[test]
fn a_spawned_task_runs_a_graph_on_its_own_pool() {
    let _watch = watch();
    for workers in [1, 2, 8] {
        let pool = Arc::new(pool(workers));
        let handles: Vec<_> = (0..8)
            .map(|seed| {
                let inner = Arc::clone(&pool);
                pool.spawn(move || {
                    let mut tracked = Tracked::new(&Shape::random(seed, 50, 2));
                    (0..20).for_each(|_| tracked.run_clean(&inner));
                })
            })
            .collect();
        for handle in handles {
            handle.wait().unwrap();
        }
    }
}

/// A wait inside a worker gives the slot to another thread; a pass has to find a slot again.
#[test]
fn a_task_that_has_lost_its_worker_runs_a_graph() {
    let _watch = watch();
    for workers in [1, 2, 8] {
        let pool = Arc::new(pool(workers));
        let handles: Vec<_> = (0..6)
            .map(|seed| {
                let inner = Arc::clone(&pool);
                pool.spawn(move || {
                    let mut tracked = Tracked::new(&Shape::random(seed, 40, 2));
                    for _ in 0..10 {
                        inner.spawn_blocking(|| busy(100)).wait().unwrap();
                        tracked.run_clean(&inner);
                    }
                })
            })
            .collect();
        for handle in handles {
            handle.wait().unwrap();
        }
    }
}

#[test]
fn a_task_that_may_block_runs_a_graph() {
    let _watch = watch();
    let pool = Arc::new(pool(2));
    let inner = Arc::clone(&pool);
    let blocking = pool.spawn_blocking(move || {
        let mut tracked = Tracked::new(&Shape::grid(8));
        (0..20).for_each(|_| tracked.run_clean(&inner));
    });
    blocking.wait().unwrap();
}

/// A graph whose bodies each run a graph of their own, so many levels down, on these pools in turn.
fn tower<'env>(pools: &'env [&'env Pool], depth: usize, leaves: &'env Count) -> Graph<'env> {
    let shape = Shape::fan(3);
    shape.graph(|_| {
        let mut inner = (depth > 0).then(|| tower(pools, depth - 1, leaves));
        let pool = pools[depth % pools.len()];
        move || match &mut inner {
            Some(inner) => assert_eq!(inner.run(pool).unwrap().executed, 5),
            None => leaves.tick(),
        }
    })
}

#[test]
fn bodies_run_graphs_of_their_own_on_the_same_pool() {
    let _watch = watch();
    each_size(|pool| {
        let leaves = Count::new();
        let pools = [pool];
        let mut graph = tower(&pools, 3, &leaves);
        for pass in 1..=rounds(3, 100) {
            graph.run(pool).unwrap();
            assert_eq!(leaves.get(), pass * 5_usize.pow(4));
        }
    });
}

/// Each graph holds the next one in one of its bodies.
fn spire<'env>(pool: &'env Pool, depth: usize, bodies: &'env Count) -> Graph<'env> {
    Shape::fan(3).graph(|vertex| {
        let mut inner = (depth > 1 && vertex == 1).then(|| spire(pool, depth - 1, bodies));
        move || {
            if let Some(inner) = &mut inner {
                assert_eq!(inner.run(pool).unwrap().executed, 5);
            }
            bodies.tick();
        }
    })
}

#[test]
fn graphs_nest_a_hundred_deep() {
    let _watch = watch();
    each_size(|pool| {
        let bodies = Count::new();
        let mut graph = spire(pool, 100, &bodies);
        for pass in 1..=rounds(10, 1_000) {
            graph.run(pool).unwrap();
            assert_eq!(bodies.get(), pass * 500);
        }
    });
}

#[test]
fn bodies_run_graphs_of_their_own_on_another_pool() {
    let _watch = watch();
    for (one, two) in [(1, 1), (1, 2), (3, 1), (2, 3)] {
        let (one, two) = (pool(one), pool(two));
        let leaves = Count::new();
        let pools = [&one, &two];
        let mut graph = tower(&pools, 2, &leaves);
        for pass in 1..=rounds(3, 100) {
            graph.run(&two).unwrap();
            assert_eq!(leaves.get(), pass * 5_usize.pow(3));
        }
    }
}

#[test]
fn what_ends_an_inner_pass_is_the_outer_body_s_to_judge() {
    let _watch = watch();
    each_size(|pool| {
        for plan in [Plan::Stop, Plan::Fail, Plan::Panic] {
            let mut inner = Tracked::new(&Shape::line(5));
            inner.plan(2, plan);
            let mut builder = GraphBuilder::new();
            let before = builder.task("before", || ());
            let nested = builder.task("nested", || inner.run(pool).result.map(|_| ()));
            let after = builder.task("after", || ());
            builder.edge(before, nested).unwrap();
            builder.edge(nested, after).unwrap();
            let mut outer = builder.build().unwrap();
            let result = outer.run(pool);
            if plan == Plan::Stop {
                assert_eq!(result.unwrap().executed, 3);
                continue;
            }
            let error = result.unwrap_err();
            assert_eq!((error.vertex.as_str(), error.skipped), ("nested", 1));
            assert!(error.to_string().contains("vertex \"v2\": "), "{error}");
        }
    });
}

/// A loop with a bound, as the documentation has it: no back edge, but a graph run again.
#[test]
fn a_loop_is_an_inner_graph_that_is_run_again() {
    let _watch = watch();
    each_size(|pool| {
        let value = Count::new();
        let mut step = Shape::line(3).graph(|_| || value.tick());
        let mut builder = GraphBuilder::new();
        let before = builder.task("before", || ());
        let repeat = builder.task("repeat", || {
            for _ in 0..10 {
                step.run(pool)?;
            }
            Ok::<(), taskweave::graph::PassError>(())
        });
        builder.edge(before, repeat).unwrap();
        let mut graph = builder.build().unwrap();
        for _ in 0..10 {
            graph.run(pool).unwrap();
        }
        drop(graph);
        assert_eq!(value.get(), 300);
    });
}

#[test]
fn graphs_run_from_many_scopes_inside_bodies() {
    let _watch = watch();
    each_size(|pool| {
        let count = Count::new();
        let mut outer = Shape::layers(2, 4).graph(|_| {
            let mut inner: Vec<_> = (0..3)
                .map(|_| Shape::diamond().graph(|_| || count.tick()))
                .collect();
            move || {
                scope(|s| {
                    for graph in &mut inner {
                        s.spawn(move || assert!(graph.run(pool).is_ok()));
                    }
                });
            }
        });
        for _ in 0..20 {
            outer.run(pool).unwrap();
        }
        drop(outer);
        assert_eq!(count.get(), 20 * 8 * 3 * 4);
    });
}
