//! Graphs inside of tasks, loops, and what is said of tasks beside their edges.

use std::sync::{Arc, Mutex};

use taskweave::graph::{
    EdgeError, GraphBuilder, GraphError, Next, Observer, Pass, PassError, TaskEnd,
};
use taskweave::{CancelToken, Limit};
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::shapes::Shape;
use taskweave_testing::{Count, busy, each_size, inside_and_outside, pool, quiet, watch};

fn counting<'env>(shape: &Shape, count: &'env Count) -> GraphBuilder<'env> {
    shape.builder(|_| || count.tick())
}

#[test]
fn a_nested_graph_runs_between_what_is_before_and_after() {
    let _watch = watch();
    inside_and_outside(|pool| {
        for shape in Shape::all() {
            let count = Count::new();
            let mut outer = GraphBuilder::new();
            let before = outer.task("before", || assert_eq!(count.get() % shape.n, 0));
            let nested = outer.nested("nested", counting(&shape, &count)).unwrap();
            let after = outer.task("after", || assert_eq!(count.get() % shape.n, 0));
            outer.chain([before, nested, after]).unwrap();
            let mut graph = outer.build().unwrap();
            for pass in 1..=10 {
                let report = graph.run(pool).unwrap();
                assert_eq!((report.executed, report.skipped), (3, 0));
                assert_eq!(count.get(), pass * shape.n);
            }
        }
    });
}

fn tower<'env>(depth: usize, leaves: &'env Count) -> GraphBuilder<'env> {
    let mut builder = GraphBuilder::new();
    let ids = [0, 1, 2].map(|i| {
        if depth == 0 {
            builder.task(format!("{i}"), || leaves.tick())
        } else {
            builder
                .nested(format!("{i}"), tower(depth - 1, leaves))
                .unwrap()
        }
    });
    builder.edge(ids[0], ids[2]).unwrap();
    builder
}

#[test]
fn graphs_nest() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let leaves = Count::new();
        let mut graph = tower(4, &leaves).build().unwrap();
        for pass in 1..=5 {
            assert_eq!(graph.run(pool).unwrap().executed, 3);
            assert_eq!(leaves.get(), pass * 243);
        }
    });
}

#[test]
fn nesting_has_a_bound_and_a_spire_up_to_it_runs() {
    let _watch = watch();
    let count = Count::new();
    let mut spire = counting(&Shape::line(1), &count);
    let mut depth = 0;
    let error = loop {
        let mut outer = GraphBuilder::new();
        match outer.nested("floor", spire) {
            Ok(_) => spire = outer,
            Err(error) => break error,
        }
        depth += 1;
        if depth == 200 {
            let mut graph = tower_of(200, &count);
            assert_eq!(graph.run(&pool(2)).unwrap().executed, 1);
            assert_eq!(count.get(), 1);
        }
    };
    assert_eq!((depth, error), (200, GraphError::TooDeep { limit: 200 }));
}

fn tower_of(depth: usize, count: &Count) -> taskweave::graph::Graph<'_> {
    let mut spire = counting(&Shape::line(1), count);
    for _ in 0..depth {
        let mut outer = GraphBuilder::new();
        outer.nested("floor", spire).unwrap();
        spire = outer;
    }
    spire.build().unwrap()
}

#[test]
fn what_is_wrong_inside_is_told_when_it_is_added() {
    let mut outer = GraphBuilder::new();
    let empty = outer.nested("empty", GraphBuilder::new());
    assert_eq!(empty.unwrap_err(), GraphError::Empty);
    let mut cyclic = GraphBuilder::new();
    let [a, b] = ["a", "b"].map(|name| cyclic.task(name, || ()));
    cyclic.chain([a, b, a]).unwrap();
    assert!(matches!(
        outer.nested("cyclic", cyclic),
        Err(GraphError::Cycle { .. })
    ));
    assert!(outer.is_empty());
}

#[test]
fn ends_inside_are_judged_outside() {
    let _watch = watch();
    quiet();
    inside_and_outside(|pool| {
        for how in 0..3 {
            let inner = Shape::line(5).builder(|vertex| {
                move || match (vertex, how) {
                    (2, 0) => Ok(Next::Stop),
                    (2, 1) => Err("on purpose"),
                    (2, 2) => panic!("on purpose"),
                    _ => Ok(Next::Continue),
                }
            });
            let mut outer = GraphBuilder::new();
            let nested = outer.nested("nested", inner).unwrap();
            let after = outer.task("after", || ());
            outer.edge(nested, after).unwrap();
            let mut graph = outer.build().unwrap();
            for _ in 0..5 {
                match graph.run(pool) {
                    Ok(report) => assert_eq!((how, report.executed), (0, 2)),
                    Err(error) => {
                        assert!(how > 0);
                        assert_eq!((&*error.vertex, error.skipped), ("nested", 1));
                        assert!(error.to_string().contains("vertex \"v2\": "), "{error}");
                    }
                }
            }
        }
    });
}

/// A body inside cancels: what comes after it is skipped on both levels.
#[test]
fn a_cancel_reaches_inside() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let (token, count) = (CancelToken::new(), Count::new());
        let inner = Shape::line(10).builder(|vertex| {
            let (token, count) = (&token, &count);
            move || {
                count.tick();
                if vertex == 3 {
                    token.cancel();
                }
            }
        });
        let mut outer = GraphBuilder::new();
        let nested = outer.nested("nested", inner).unwrap();
        let after = outer.task("after", || ());
        outer.edge(nested, after).unwrap();
        let mut graph = outer.build().unwrap();
        let error = graph.run_with(pool, &token).unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        assert_eq!((error.executed, error.skipped, count.get()), (1, 1, 4));
        assert_eq!(graph.run(pool).unwrap().executed, 2);
        drop(graph);
        assert_eq!(count.get(), 14);
    });
}

#[test]
fn loops_end_by_their_bound_by_what_is_asked_or_by_a_stop() {
    let _watch = watch();
    quiet();
    inside_and_outside(|pool| {
        for (most, until, stop, expected) in [
            (10, 100, 100, 10),
            (10, 4, 100, 4),
            (10, 100, 6, 6),
            (1, 100, 100, 1),
            (0, 100, 100, 0),
        ] {
            let rounds = Count::new();
            let mut inner = GraphBuilder::new();
            let first = inner.task("first", || {
                if rounds.add() + 1 == stop {
                    Next::Stop
                } else {
                    Next::Continue
                }
            });
            let second = inner.task("second", || ());
            inner.edge(first, second).unwrap();
            let mut outer = GraphBuilder::new();
            let again = |_: &Pass| rounds.get() < until;
            let repeat = outer.repeat("loop", inner, most, again).unwrap();
            let after = outer.task("after", || ());
            outer.edge(repeat, after).unwrap();
            let mut graph = outer.build().unwrap();
            assert_eq!(graph.run(pool).unwrap().executed, 2);
            drop(graph);
            assert_eq!(rounds.get(), expected);
        }
        let mut outer = GraphBuilder::new();
        let inner = Shape::line(1).builder(|_| || ());
        outer
            .repeat("asks", inner, 5, |_| panic!("on purpose"))
            .unwrap();
        let error = outer.build().unwrap().run(pool).unwrap_err();
        assert!(error.to_string().contains("on purpose"));
    });
}

/// Loops are no deeper on the stack the longer they go on.
#[test]
fn a_loop_of_a_hundred_thousand_rounds() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let count = Count::new();
        let mut outer = GraphBuilder::new();
        outer
            .repeat("loop", counting(&Shape::line(2), &count), 100_000, |_| true)
            .unwrap();
        outer.build().unwrap().run(pool).unwrap();
        assert_eq!(count.get(), 200_000);
    });
}

#[test]
fn nested_graphs_run_on_a_pool_that_has_ended() {
    let _watch = watch();
    let pool = pool(2);
    pool.shutdown(taskweave::Shutdown::Drain, None).unwrap();
    let leaves = Count::new();
    let mut outer = GraphBuilder::new();
    outer
        .repeat("loop", tower(3, &leaves), 50, |_| true)
        .unwrap();
    outer.build().unwrap().run(&pool).unwrap();
    assert_eq!(leaves.get(), 50 * 81);
}

#[test]
fn a_limit_is_kept() {
    let _watch = watch();
    each_size(|pool| {
        let limit = Limit::new(1);
        let inside = AtomicUsize::new(0);
        let mut builder = GraphBuilder::new();
        for i in 0..100 {
            let inside = &inside;
            let task = builder.task(format!("{i}"), move || {
                assert_eq!(inside.fetch_add(1, SeqCst), 0);
                busy(100);
                inside.fetch_sub(1, SeqCst);
                if i == 70 { Next::Stop } else { Next::Continue }
            });
            builder.limit(task, &limit).unwrap();
        }
        let mut graph = builder.build().unwrap();
        for _ in 0..10 {
            let report = graph.run(pool).unwrap();
            assert_eq!(report.executed + report.skipped, 100);
        }
    });
}

/// On one worker the order is the one that was asked for.
#[test]
fn the_longest_way_is_begun_first() {
    let _watch = watch();
    let pool = pool(1);
    let order = Mutex::new(Vec::new());
    let mut builder = GraphBuilder::new();
    let mut task = |name: &'static str| {
        let order = &order;
        builder.task(name, move || order.lock().unwrap().push(name))
    };
    let [root, short, long, long2, dear, joined] =
        ["root", "short", "long", "long2", "dear", "joined"].map(&mut task);
    for branch in [short, long, dear] {
        builder.edge(root, branch).unwrap();
    }
    builder.edge(long, long2).unwrap();
    for last in [short, long2, dear] {
        builder.edge(last, joined).unwrap();
    }
    builder.cost(dear, 10).unwrap();
    let mut graph = builder.build().unwrap();
    for _ in 0..3 {
        graph.run(&pool).unwrap();
        assert_eq!(
            std::mem::take(&mut *order.lock().unwrap()),
            ["root", "dear", "long", "long2", "short", "joined"]
        );
    }
    // Among roots, too.
    let mut builder = GraphBuilder::new();
    let ids = [3, 9, 1, 7].map(|cost| {
        let order = &order;
        let names = ["", "1", "", "3", "", "", "", "7", "", "9"];
        (
            builder.task(names[cost], move || order.lock().unwrap().push(names[cost])),
            cost as u64,
        )
    });
    for (id, cost) in ids {
        builder.cost(id, cost).unwrap();
    }
    builder.build().unwrap().run(&pool).unwrap();
    assert_eq!(
        std::mem::take(&mut *order.lock().unwrap()),
        ["9", "7", "3", "1"]
    );
}

#[test]
fn hints_change_nothing_but_the_place() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let shape = Shape::random(4, 100, 3);
        let count = Count::new();
        let mut builder = GraphBuilder::new();
        let ids: Vec<_> = (0..shape.n)
            .map(|v| builder.task(format!("{v}"), || count.tick()))
            .collect();
        for &(from, to) in &shape.edges {
            builder.edge(ids[from], ids[to]).unwrap();
        }
        for (index, &id) in ids.iter().enumerate() {
            builder
                .prefer_worker(id, [0, 1, 2, u32::MAX][index % 4])
                .unwrap();
        }
        let foreign = GraphBuilder::new().task("foreign", || ());
        assert!(matches!(
            builder.prefer_worker(foreign, 0),
            Err(EdgeError::Foreign { .. })
        ));
        assert!(matches!(
            builder.cost(foreign, 0),
            Err(EdgeError::Foreign { .. })
        ));
        assert!(matches!(
            builder.limit(foreign, &Limit::new(1)),
            Err(EdgeError::Foreign { .. })
        ));
        let mut graph = builder.build().unwrap();
        for _ in 0..10 {
            assert_eq!(graph.run(pool).unwrap().executed, shape.n);
        }
    });
}

/// Writes down what it's told, and panics now and then.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn write(&self, line: String) {
        self.0.lock().unwrap().push(line);
        panic!("an observer on purpose");
    }
}

impl Observer for Diary {
    fn pass_begins(&self, pass: u64) {
        self.write(format!("pass {pass}"));
    }

    fn pass_ends(&self, result: Result<&Pass, &PassError>) {
        self.write(match result {
            Ok(pass) => format!("executed {}", pass.executed),
            Err(error) => format!("error in {}", error.vertex),
        });
    }

    fn task_begins(&self, index: usize, name: &str) {
        self.write(format!("{index} {name}"));
    }

    fn task_ends(&self, _index: usize, name: &str, end: TaskEnd) {
        self.write(format!("{name} {end:?}"));
    }
}

#[test]
fn observers_see_each_pass_and_each_task() {
    let _watch = watch();
    quiet();
    inside_and_outside(|pool| {
        let (diary, choice) = (Diary::default(), AtomicUsize::new(0));
        let mut builder = GraphBuilder::new();
        let decide = builder.task("decide", || match choice.load(SeqCst) {
            3 => Ok(Next::Stop),
            4 => Err("on purpose"),
            chosen => Ok(Next::Branch(chosen)),
        });
        let branches = ["a", "b"].map(|name| builder.task(name, || ()));
        builder.branches(decide, branches).unwrap();
        builder.observe(diary.clone());
        let mut graph = builder.build().unwrap();
        let mut lines = |chosen| {
            choice.store(chosen, SeqCst);
            let _ = graph.run(pool);
            std::mem::take(&mut *diary.0.lock().unwrap())
        };
        let first = lines(0);
        assert_eq!(first[..3], ["pass 0", "0 decide", "decide Done"]);
        assert_eq!(first[6], "executed 2");
        let mut rest = first[3..6].to_vec();
        rest.sort_unstable();
        assert_eq!(rest, ["1 a", "a Done", "b Skipped"]);
        assert_eq!(lines(3)[1..3], ["0 decide", "decide Stopped"]);
        let failed = lines(4);
        assert_eq!((&*failed[0], &*failed[2]), ("pass 2", "decide Failed"));
        assert_eq!(failed[5], "error in decide");
    });
}

#[test]
fn nested_graphs_are_drawn_and_told() {
    let inner = Shape::line(2).builder(|_| || ());
    let mut outer = GraphBuilder::new();
    let nested = outer.nested("nested", inner).unwrap();
    let after = outer.task("after\n", || ());
    outer.edge(nested, after).unwrap();
    let graph = outer.build().unwrap();
    assert_eq!(
        graph.text(),
        "nested -> after\\n\n  v0 -> v1\n  v1\nafter\\n\n"
    );
    let expected = "\
digraph taskweave {
  node [shape=box];
  0 [label=\"nested\"];
  subgraph cluster_n0_ {
    label=\"nested\";
    n0_0 [label=\"v0\"];
    n0_1 [label=\"v1\"];
    n0_0 -> n0_1;
  }
  1 [label=\"after\\n\"];
  0 -> 1;
}
";
    assert_eq!(graph.dot(), expected);
}
