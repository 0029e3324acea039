//! What a graph executor of another project was found to get wrong, or promises in its own tests: each a case to pass here.
//!
//! Its allocations per pass and on its abort path are in `graph_allocations.rs`.

use taskweave::Pool;
use taskweave::graph::{GraphBuilder, GraphError};

use crate::shapes::{Shape, name};
use crate::tracked::{Plan, Tracked};
use taskweave_testing::{Count, Gate, Random, SIZES, busy, each_size, pool, rounds, watch};

/// The seeding loop read the running counters: a fast root brought a successor's to zero before the loop came to it.
#[test]
fn a_fast_root_does_not_make_a_successor_run_twice() {
    let _watch = watch();
    // The loop comes to the successors of the first two roots long after these have ended.
    let n = 200;
    let mut shape = Shape::independent(n);
    shape.edges = (n / 2..n).flat_map(|i| [(0, i), (1, i)]).collect();
    for workers in SIZES {
        // A short ring spills the roots to where other workers take them.
        let builder = Pool::builder().worker_threads(workers);
        let pool = builder.queue_capacity(2).build().unwrap();
        let mut tracked = Tracked::new(&shape);
        (0..rounds(250, 50_000)).for_each(|_| tracked.run_clean(&pool));
    }
}

/// Nobody was told of a vertex that became ready, and a timer of 5 ms found it. Here it's handed over by the one before.
#[test]
fn no_level_of_a_graph_waits_for_a_timer() {
    let _watch = watch();
    each_size(|pool| {
        let mut tracked = Tracked::new(&Shape::line(64));
        let passes = rounds(500, 20_000);
        let before = pool.metrics().total();
        (0..passes).for_each(|_| tracked.run_clean(pool));
        let after = pool.metrics().total();
        assert_eq!(after.run_next - before.run_next, 63 * passes as u64);
    });
    let pool = pool(1);
    pool.install(|| {
        for shape in [Shape::line(64), Shape::diamond(), Shape::fan(30)] {
            let mut tracked = Tracked::new(&shape);
            let before = pool.metrics().total();
            (0..100).for_each(|_| tracked.run_clean(&pool));
            let after = pool.metrics().total();
            assert_eq!(after.executed - before.executed, 100 * shape.n as u64);
            assert_eq!(after.parks, before.parks, "nothing to sleep for");
        }
    });
}

/// Two cancellers decremented the count of what is left for one vertex, and the pass never ended.
#[test]
fn a_cancel_storm_with_shared_successors_ends() {
    let _watch = watch();
    for (layers, width) in [(2, 100), (10, 20), (20, 100)] {
        let shape = Shape::layers(layers, width);
        for plan in [Plan::Stop, Plan::Fail] {
            for workers in [2, 8] {
                let pool = pool(workers);
                let mut tracked = Tracked::long(&shape);
                let mut random = Random::new(1);
                for _ in 0..rounds(12, 1_000) {
                    let chosen: Vec<_> = (0..12).map(|_| random.below(shape.n)).collect();
                    for &vertex in &chosen {
                        tracked.plan(vertex, plan);
                    }
                    let checked = tracked.run(&pool);
                    assert!(checked.ran.len() <= shape.n);
                    tracked.plan_all(Plan::Continue);
                }
                tracked.run_clean(&pool);
            }
        }
    }
}

/// A pointer into a list of tasks went stale when more were added.
#[test]
fn a_chain_followed_by_many_more_tasks_runs() {
    let _watch = watch();
    let pool = pool(2);
    let count = Count::new();
    let mut builder = GraphBuilder::new();
    let mut chain = Vec::new();
    for i in 0..4 {
        let counter = count.clone();
        chain.push(builder.task(name(i), move || assert_eq!(counter.add() % 4, i)));
    }
    for pair in chain.windows(2) {
        builder.edge(pair[0], pair[1]).unwrap();
    }
    let others = Count::new();
    for i in 4..5_000 {
        let others = others.clone();
        builder.task(name(i), move || others.tick());
    }
    // The builder and the graph move, too, and the graphs with their list.
    let mut builder = Box::new(builder);
    let extra = builder.task("extra", || ());
    builder.edge(chain[3], extra).unwrap();
    let mut graphs = Vec::with_capacity(1);
    graphs.push(builder.build().unwrap());
    for i in 1..100 {
        graphs[0].run(&pool).unwrap();
        assert_eq!((count.get(), others.get()), (4 * i, 4_996 * i));
        graphs.push(Shape::line(2).graph(|_| || ()));
    }
    for mut graph in graphs {
        graph.run(&pool).unwrap();
    }
    assert_eq!(count.get(), 400);
}

/// Two stops raced on a count underneath.
#[test]
fn two_stops_at_once_are_one_stop() {
    let _watch = watch();
    each_size(|pool| {
        let mut tracked = Tracked::long(&Shape::fan(8));
        (1..9).for_each(|vertex| tracked.plan(vertex, Plan::Stop));
        for _ in 0..rounds(1_000, 100_000) {
            let checked = tracked.run(pool);
            assert!(!checked.ran.contains(&9));
            checked.result.unwrap();
        }
    });
}

/// A pass held the one thread that dispatches, so that passes never overlapped.
#[test]
fn a_pass_that_takes_long_holds_no_other_up() {
    let _watch = watch();
    let pool = pool(2);
    let (begun, gate) = (Gate::new(), Gate::new());
    let mut long = Shape::line(3).graph(|vertex| {
        let (begun, gate) = (&begun, &gate);
        move || {
            if vertex == 1 {
                begun.open();
                gate.pass();
            }
        }
    });
    std::thread::scope(|s| {
        s.spawn(|| long.run(&pool).unwrap());
        begun.pass();
        let mut short = Tracked::new(&Shape::diamond());
        (0..100).for_each(|_| short.run_clean(&pool));
        gate.open();
    });
}

#[test]
fn a_chain_runs_in_order_and_an_end_in_the_middle_skips_its_tail() {
    let _watch = watch();
    each_size(|pool| {
        for plan in Plan::ALL {
            let mut tracked = Tracked::new(&Shape::line(8));
            tracked.plan(3, plan);
            let checked = tracked.run(pool);
            let ran = if plan == Plan::Continue { 8 } else { 4 };
            assert!(checked.ran.into_iter().eq(0..ran));
            assert_eq!(checked.result.is_err(), plan.fails());
        }
    });
}

#[test]
fn empty_cyclic_and_rootless_graphs_are_refused() {
    assert_eq!(GraphBuilder::new().build().unwrap_err(), GraphError::Empty);
    // Without a root, and with one that doesn't reach the cycle.
    for n in [3, 4] {
        let shape = Shape {
            n,
            edges: vec![(0, 1), (1, 2), (2, 0)],
        };
        let error = shape.try_graph(|_| || ()).unwrap_err();
        assert!(matches!(error, GraphError::Cycle { path } if path.len() == 3));
    }
}

/// Several roots, and parts that have nothing to do with each other, are no error here: all of them run.
#[test]
fn parts_that_no_edge_connects_run_together() {
    let _watch = watch();
    each_size(|pool| {
        let mut shape = Shape::line(10);
        for (from, to) in Shape::diamond().edges {
            shape.edges.push((10 + from, 10 + to));
        }
        shape.n = 16;
        let mut tracked = Tracked::new(&shape);
        (0..100).for_each(|_| tracked.run_clean(pool));
    });
}

#[test]
fn a_pass_ends_only_after_all_of_its_bodies_panicking_ones_included() {
    let _watch = watch();
    each_size(|pool| {
        let (begun, ended) = (Count::new(), Count::new());
        let mut graph = Shape::independent(20).graph(|vertex| {
            let (begun, ended) = (&begun, &ended);
            move || {
                begun.tick();
                busy(2_000);
                ended.tick();
                assert!(vertex % 5 != 0, "on purpose");
            }
        });
        for _ in 0..20 {
            let error = graph.run(pool).unwrap_err();
            // Nothing goes on behind the caller's back.
            let (begun, ended) = (begun.get(), ended.get());
            assert_eq!(begun, ended);
            assert!(error.skipped < 20);
        }
    });
}
