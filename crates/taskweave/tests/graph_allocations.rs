//! What graphs promise not to do: allocate per pass, however it ends.
#![cfg(all(feature = "graph", not(any(taskweave_loom, taskweave_shuttle))))]

use std::fmt;
use std::hint::black_box;
use std::sync::OnceLock;

use taskweave::graph::{Completion, Graph, GraphBuilder, Next, reads, writes};
use taskweave::{CancelToken, Limit, Pool};
use taskweave_testing::counting::{Counting, ROUNDS, per_round};
use taskweave_testing::{Count, thread_count, until, watch};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A pool whose threads have all begun, when those of the one before have all ended: both allocate.
fn pool(workers: usize) -> Pool {
    static OTHERS: OnceLock<usize> = OnceLock::new();
    let others = *OTHERS.get_or_init(thread_count);
    until(|| thread_count() == others);
    let pool = taskweave_testing::pool(workers);
    until(|| pool.dump().contains(&format!("{workers} asleep")));
    pool
}

/// Calls `check` with each of several pools, from outside and as one of its workers.
fn inside_and_outside(check: impl Fn(&Pool) + Sync) {
    for workers in [1, 2, 8] {
        let pool = pool(workers);
        check(&pool);
        pool.install(|| check(&pool));
    }
}

/// A graph of so many layers, each vertex after three of the layer before.
fn layered<'env, O, F>(layers: usize, width: usize, mut body: impl FnMut(usize) -> F) -> Graph<'env>
where
    O: taskweave::graph::Outcome,
    F: FnMut() -> O + Send + 'env,
{
    let mut builder = GraphBuilder::new();
    let ids: Vec<_> = (0..layers * width)
        .map(|vertex| builder.task(format!("v{vertex}"), body(vertex)))
        .collect();
    for vertex in width..layers * width {
        let above = (vertex / width - 1) * width;
        for shift in 0..width.min(3) {
            let before = above + (vertex + shift) % width;
            builder.edge(ids[before], ids[vertex]).unwrap();
        }
    }
    builder.build().unwrap()
}

/// A pass that nothing fails in.
fn clean(graph: &mut Graph<'_>, pool: &Pool) {
    graph.run(pool).unwrap();
}

/// An error that takes no room, so that only what carries it is counted.
#[derive(Debug)]
struct Nothing;

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }
}

impl std::error::Error for Nothing {}

#[test]
fn nothing_is_allocated_per_pass() {
    let _watch = watch();
    // A thread's first wait allocates what it sleeps on, for the rest of its life.
    let pause = || std::thread::sleep(std::time::Duration::from_millis(1));
    pool(1).spawn_blocking(pause).wait().unwrap();
    the_counter_counts();
    a_vertex_that_allocates_shows();
    clean_passes();
    passes_that_are_stopped();
    passes_that_fail();
    passes_that_panic();
    passes_inside_of_passes();
    passes_on_pools_by_turns();
    passes_on_a_pool_that_has_ended();
    passes_with_everything();
    passes_that_are_cancelled();
    passes_in_the_background();
}

fn the_counter_counts() {
    assert_eq!(per_round(|| drop(black_box(Box::new(1)))), 1.0);
    assert_eq!(per_round(|| drop(black_box(vec![1; 10]))), 1.0);
}

fn a_vertex_that_allocates_shows() {
    inside_and_outside(|pool| {
        let mut graph = layered(4, 5, |vertex| {
            move || {
                if vertex % 10 == 7 {
                    drop(black_box(Box::new(vertex)));
                }
            }
        });
        assert_eq!(per_round(|| clean(&mut graph, pool)), 2.0);
    });
}

fn clean_passes() {
    inside_and_outside(|pool| {
        for (layers, width) in [(1, 1), (64, 1), (1, 64), (2, 300), (12, 12)] {
            let count = Count::new();
            let mut graph = layered(layers, width, |_| || count.tick());
            let each = per_round(|| clean(&mut graph, pool));
            drop(graph);
            assert_eq!(each, 0.0, "{layers} layers of {width}");
            assert_eq!(count.get(), ROUNDS * layers * width);
        }
    });
}

fn passes_that_are_stopped() {
    inside_and_outside(|pool| {
        for (layers, width) in [(64, 1), (2, 300), (100, 12)] {
            // One in the first layer, or several anywhere.
            for every in [layers * width, 7] {
                let mut graph = layered(layers, width, |vertex| {
                    move || {
                        if vertex % every == 0 {
                            Next::Stop
                        } else {
                            Next::Continue
                        }
                    }
                });
                let each = per_round(|| clean(&mut graph, pool));
                assert_eq!(each, 0.0, "{layers} layers of {width}");
            }
        }
    });
}

/// The error and the name in the report are all that is allocated, whatever the pass skips.
fn passes_that_fail() {
    inside_and_outside(|pool| {
        for layers in [2, 20, 500] {
            let mut graph = layered(layers, 3, |vertex| {
                move || if vertex == 0 { Err(Nothing) } else { Ok(()) }
            });
            let each = per_round(|| assert_eq!(graph.run(pool).unwrap_err().others, 0));
            assert_eq!(each, 2.0, "{layers} layers");
        }
    });
}

/// What the language allocates for a panic, its message and its vertex's name, whatever the pass skips.
fn passes_that_panic() {
    inside_and_outside(|pool| {
        let costs = [2, 20, 500].map(|layers| {
            let mut graph = layered(layers, 3, |vertex| {
                move || {
                    if vertex == 0 {
                        // Past the hook, which may allocate as it likes.
                        std::panic::resume_unwind(Box::new(Nothing));
                    }
                }
            });
            per_round(|| assert_eq!(graph.run(pool).unwrap_err().others, 0))
        });
        assert_eq!(costs, [costs[0]; 3]);
        assert!(costs[0] <= 4.0, "{costs:?}");
    });
}

fn passes_inside_of_passes() {
    inside_and_outside(|pool| {
        let mut outer = layered(3, 3, |_| {
            let mut inner = layered(3, 3, |_| || ());
            move || clean(&mut inner, pool)
        });
        assert_eq!(per_round(|| clean(&mut outer, pool)), 0.0);
    });
}

fn passes_on_pools_by_turns() {
    let first = pool(2);
    let second = taskweave_testing::pool(3);
    until(|| second.dump().contains("3 asleep"));
    let mut graph = layered(6, 6, |_| || ());
    let each = per_round(|| {
        graph.run(&first).unwrap();
        graph.run(&second).unwrap();
    });
    assert_eq!(each, 0.0);
    drop(second);
}

fn passes_on_a_pool_that_has_ended() {
    let pool = pool(2);
    pool.shutdown(taskweave::Shutdown::Drain, None).unwrap();
    let mut graph = layered(6, 6, |_| || ());
    assert_eq!(per_round(|| clean(&mut graph, &pool)), 0.0);
}

/// Branches, loops, completions, slots, limits, urgency, places, an observer.
fn passes_with_everything() {
    struct Silent;
    impl taskweave::graph::Observer for Silent {}
    inside_and_outside(|pool| {
        let limit = Limit::new(1);
        let mut inner = GraphBuilder::new();
        let ids = [0, 1, 2].map(|i| inner.task(format!("{i}"), || ()));
        inner.chain(ids).unwrap();
        let mut builder = GraphBuilder::new();
        builder.observe(Silent);
        builder.critical_path_first();
        let slot = builder.slot("slot", 0);
        let mut turn = 0;
        let decide = builder.task("decide", move || {
            turn += 1;
            Next::Branch(turn % 2)
        });
        let write = builder
            .task_with("write", writes(&slot), |value| *value += 1)
            .unwrap();
        let repeat = builder.repeat("repeat", inner, 5, |_| true).unwrap();
        let read = builder.task_with("read", reads(&slot), |_| ()).unwrap();
        let begin = builder.begin("begin", |completion: Completion| {
            drop(completion.clone());
            completion.complete().unwrap();
        });
        builder.branches(decide, [write, repeat]).unwrap();
        builder.chain([write, read, begin]).unwrap();
        builder.chain([repeat, begin]).unwrap();
        for i in 0..20 {
            let limited = builder.task(format!("limited {i}"), || ());
            // The line in front of a limit is allocated as it becomes longer; on one worker there is none.
            if pool.worker_threads() == 1 {
                builder.limit(limited, &limit).unwrap();
            }
            builder.edge(decide, limited).unwrap();
            builder.prefer_worker(limited, i).unwrap();
        }
        let mut graph = builder.build().unwrap();
        assert_eq!(per_round(|| clean(&mut graph, pool)), 0.0);
    });
}

/// The name in the report.
fn passes_that_are_cancelled() {
    inside_and_outside(|pool| {
        let token = CancelToken::new();
        token.cancel();
        for layers in [2, 20, 500] {
            let mut graph = layered(layers, 3, |_| || ());
            let each =
                per_round(|| assert!(graph.run_with(pool, &token).unwrap_err().is_cancelled()));
            assert_eq!(each, 1.0, "{layers} layers");
        }
    });
}

fn passes_in_the_background() {
    inside_and_outside(|pool| {
        for (layers, width) in [(1, 1), (1, 64), (12, 12)] {
            let mut graph = layered(layers, width, |_| || ());
            let each = per_round(|| {
                graph.start(pool).unwrap().wait().unwrap();
                drop(graph.start(pool).unwrap());
                clean(&mut graph, pool);
            });
            assert_eq!(each, 0.0, "{layers} layers of {width}");
        }
    });
}
