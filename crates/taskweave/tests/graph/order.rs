//! Every vertex once a pass, each after its predecessors, and with what they did before its eyes.

use std::sync::Arc;

use taskweave_sys::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::shapes::Shape;
use crate::tracked::{Plan, Tracked};
use taskweave_testing::{Random, each_size, inside_and_outside, pool, rounds, watch};

#[test]
fn every_shape_runs_in_order_from_outside_and_inside() {
    let _watch = watch();
    inside_and_outside(|pool| {
        for shape in Shape::all() {
            for make in Tracked::KINDS {
                let mut tracked = make(&shape);
                (0..5).for_each(|_| tracked.run_clean(pool));
            }
        }
    });
}

#[test]
fn a_diamond_runs_each_vertex_once_in_thousands_of_passes() {
    let _watch = watch();
    let n = rounds(10_000, 500_000);
    each_size(|pool| {
        let mut tracked = Tracked::new(&Shape::diamond());
        (0..n).for_each(|_| tracked.run_clean(pool));
        assert_eq!(tracked.times(), [n; 4]);
    });
}

#[test]
fn join_counters_serve_thousands_of_passes_of_a_dense_graph() {
    let _watch = watch();
    let n = rounds(1_500, 100_000);
    for workers in [1, 3] {
        let pool = pool(workers);
        let shape = Shape::layers(4, 6);
        let mut tracked = Tracked::new(&shape);
        (0..n).for_each(|_| tracked.run_clean(&pool));
        assert_eq!(tracked.times(), vec![n; shape.n]);
    }
}

#[test]
fn a_line_runs_in_order() {
    let _watch = watch();
    each_size(|pool| {
        for n in [1, 2, 3, 64, 65, 129] {
            let mut tracked = Tracked::new(&Shape::line(n));
            (0..50).for_each(|_| tracked.run_clean(pool));
        }
    });
}

#[test]
fn a_line_of_ten_thousand_needs_no_deep_stack() {
    let _watch = watch();
    each_size(|pool| {
        let mut tracked = Tracked::new(&Shape::line(10_000));
        (0..3).for_each(|_| tracked.run_clean(pool));
    });
}

#[test]
fn a_wide_fan_out_and_in_runs_in_order() {
    let _watch = watch();
    each_size(|pool| {
        // More than a worker's ring holds.
        let mut tracked = Tracked::new(&Shape::fan(3_000));
        (0..5).for_each(|_| tracked.run_clean(pool));
    });
}

#[test]
fn a_graph_of_a_hundred_thousand_vertices_runs_in_order() {
    let _watch = watch();
    let mut tracked = Tracked::new(&Shape::grid(317));
    for workers in [1, 3] {
        let pool = pool(workers);
        (0..2).for_each(|_| tracked.run_clean(&pool));
        tracked.plan(50_000, Plan::Stop);
        let report = tracked.run(&pool).result.unwrap();
        assert_eq!(report.executed + report.skipped, 317 * 317);
        tracked.plan(50_000, Plan::Continue);
        tracked.run_clean(&pool);
    }
}

#[test]
fn a_graph_without_edges_runs_whole() {
    let _watch = watch();
    each_size(|pool| {
        let mut tracked = Tracked::new(&Shape::independent(3_000));
        (0..5).for_each(|_| tracked.run_clean(pool));
    });
}

#[test]
fn dense_layers_run_in_order() {
    let _watch = watch();
    each_size(|pool| {
        let mut tracked = Tracked::new(&Shape::layers(12, 20));
        (0..20).for_each(|_| tracked.run_clean(pool));
    });
}

#[test]
fn random_graphs_of_many_seeds_run_in_order() {
    let _watch = watch();
    let pools = [pool(1), pool(2), pool(5)];
    for seed in 0..rounds(300, 20_000) as u64 {
        let mut random = Random::new(seed);
        let shape = Shape::random(seed, 1 + random.below(60), random.below(5));
        let mut tracked = Tracked::new(&shape);
        for pool in &pools {
            (0..3).for_each(|_| tracked.run_clean(pool));
        }
    }
}

/// Each vertex writes the number of ways that lead to it, from what its predecessors have written, Relaxed.
#[test]
fn what_a_vertex_has_written_is_seen_by_its_successors() {
    let _watch = watch();
    inside_and_outside(|pool| {
        for shape in [
            Shape::grid(12),
            Shape::tree_and_back(5),
            Shape::layers(8, 7),
        ] {
            let cells: Arc<Vec<AtomicU64>> =
                Arc::new((0..shape.n).map(|_| AtomicU64::new(0)).collect());
            let before = shape.predecessors();
            let mut graph = shape.graph(|vertex| {
                let (cells, before) = (Arc::clone(&cells), before[vertex].clone());
                let mut seed = 0_u64;
                move || {
                    seed += 1;
                    let sum = before
                        .iter()
                        .fold(seed, |sum, &v| sum.wrapping_add(cells[v].load(Relaxed)));
                    cells[vertex].store(sum, Relaxed);
                }
            });
            for pass in 1..=50 {
                graph.run(pool).unwrap();
                let mut expected = vec![0_u64; shape.n];
                // These shapes number their vertices in an order that fits; the tree does so, too.
                for vertex in 0..shape.n {
                    expected[vertex] = before[vertex]
                        .iter()
                        .fold(pass, |sum, &v| sum.wrapping_add(expected[v]));
                }
                let seen: Vec<u64> = cells.iter().map(|cell| cell.load(Relaxed)).collect();
                assert_eq!(seen, expected);
            }
        }
    });
}

/// Lists travel along a line through a plain `Vec` behind a lock that nobody ever contends for.
#[test]
fn what_a_pass_has_done_is_seen_by_the_next_and_by_the_caller() {
    let _watch = watch();
    each_size(|pool| {
        let list = std::sync::Mutex::new(Vec::new());
        let uncontended = |item: usize| {
            let mut list = list.try_lock().expect("vertices of a line don't overlap");
            list.push(item);
        };
        let mut graph = Shape::line(20).graph(|vertex| move || uncontended(vertex));
        for pass in 1..=100 {
            graph.run(pool).unwrap();
            assert_eq!(list.try_lock().unwrap().len(), pass * 20);
        }
        drop(graph);
        let list = list.into_inner().unwrap();
        assert!(list.iter().copied().eq((0..2_000).map(|i| i % 20)));
    });
}

#[test]
fn passes_are_numbered_without_gaps() {
    let _watch = watch();
    let pool = pool(2);
    let mut graph = Shape::diamond().graph(|_| || ());
    for pass in 0..100 {
        assert_eq!(graph.run(&pool).unwrap().pass, pass);
    }
}
