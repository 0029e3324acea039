//! What a builder refuses, what it says then, and that it goes on.

use std::collections::HashSet;
use std::error::Error;

use taskweave::graph::{EdgeError, Graph, GraphBuilder, GraphError, PassError, TaskId};

use crate::shapes::{Shape, name, vertex};
use taskweave_testing::{Count, Dropped, pool, watch};

/// A builder with so many tasks that do nothing.
fn with_tasks(n: usize) -> (GraphBuilder<'static>, Vec<TaskId>) {
    let mut builder = GraphBuilder::new();
    let ids = (0..n).map(|i| builder.task(name(i), || ())).collect();
    (builder, ids)
}

/// The path of the cycle that this shape is refused for.
#[track_caller]
fn cycle(shape: &Shape) -> Vec<String> {
    match shape.try_graph(|_| || ()) {
        Err(GraphError::Cycle { path }) => path,
        other => panic!("a cycle is expected, not {other:?}"),
    }
}

/// Checks that the path is a cycle of the shape, named once each.
#[track_caller]
pub(crate) fn assert_is_cycle(shape: &Shape, path: &[String]) {
    let path: Vec<usize> = path.iter().map(|name| vertex(name)).collect();
    assert!(path.len() >= 2, "{path:?}");
    let edges: HashSet<_> = shape.edges.iter().copied().collect();
    for (i, &from) in path.iter().enumerate() {
        let to = path[(i + 1) % path.len()];
        assert!(
            edges.contains(&(from, to)),
            "no edge {from} → {to} in {path:?}"
        );
    }
    let mut names = path.clone();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), path.len(), "{path:?} names a vertex twice");
}

#[test]
fn a_graph_without_tasks_is_refused() {
    let error = GraphBuilder::new().build().unwrap_err();
    assert_eq!(error, GraphError::Empty);
    assert_eq!(
        error.to_string(),
        "the graph has no task; add one before building it"
    );
}

#[test]
fn an_edge_from_a_task_to_itself_is_refused() {
    let (mut builder, ids) = with_tasks(2);
    let error = builder.edge(ids[1], ids[1]).unwrap_err();
    assert_eq!(error, EdgeError::SelfEdge { task: "v1".into() });
    assert_eq!(
        error.to_string(),
        "task \"v1\" can't come before itself; a loop is a graph that is run again"
    );
}

#[test]
fn an_edge_that_stands_already_is_refused() {
    let (mut builder, ids) = with_tasks(2);
    builder.edge(ids[0], ids[1]).unwrap();
    let error = builder.edge(ids[0], ids[1]).unwrap_err();
    let expected = EdgeError::Duplicate {
        before: "v0".into(),
        after: "v1".into(),
    };
    assert_eq!(error, expected);
    assert_eq!(
        error.to_string(),
        "the edge from \"v0\" to \"v1\" stands already; add it once"
    );
    assert_eq!(builder.build().unwrap().edges(), 1);
}

#[test]
fn a_task_of_another_builder_is_refused() {
    let (mut one, ours) = with_tasks(4);
    let (mut two, theirs) = with_tasks(2);
    for (before, after) in [
        (ours[0], theirs[1]),
        (theirs[1], ours[0]),
        (theirs[1], theirs[1]),
    ] {
        let error = one.edge(before, after).unwrap_err();
        assert_eq!(error, EdgeError::Foreign { index: 1 });
        assert_eq!(
            error.to_string(),
            "task number 1 belongs to another builder; use the ids that this one's `task` returned"
        );
    }
    // Its position doesn't exist here.
    assert_eq!(
        two.edge(theirs[0], ours[3]),
        Err(EdgeError::Foreign { index: 3 })
    );
    // The names of an edge's ends are not the same task.
    assert_ne!(ours[0], theirs[0]);
    assert_eq!(ours[0].index(), theirs[0].index());
    assert_eq!(
        one.build().unwrap().edges() + two.build().unwrap().edges(),
        0
    );
}

#[test]
fn a_builder_is_unchanged_by_refused_edges_and_goes_on() {
    let _watch = watch();
    let (_, theirs) = with_tasks(1);
    let count = Count::new();
    let mut builder = GraphBuilder::new();
    assert!(builder.is_empty());
    let ids: Vec<_> = (0..3)
        .map(|i| {
            let count = count.clone();
            builder.task(name(i), move || assert_eq!(count.add() % 4, i))
        })
        .collect();
    builder.edge(ids[0], ids[1]).unwrap();
    for (before, after) in [(ids[0], ids[1]), (ids[2], ids[2]), (ids[0], theirs[0])] {
        builder.edge(before, after).unwrap_err();
        builder.edge(before, after).unwrap_err();
    }
    assert_eq!(builder.len(), 3);
    builder.edge(ids[1], ids[2]).unwrap();
    let counter = count.clone();
    let last = builder.task("v3", move || assert_eq!(counter.add() % 4, 3));
    builder.edge(ids[2], last).unwrap();
    assert_eq!(
        (last.index(), builder.len(), builder.is_empty()),
        (3, 4, false)
    );
    let mut graph = builder.build().unwrap();
    assert_eq!((graph.tasks(), graph.edges()), (4, 3));
    let pool = pool(2);
    for _ in 0..100 {
        graph.run(&pool).unwrap();
    }
    assert_eq!(count.get(), 400);
}

#[test]
fn a_cycle_is_refused_with_its_path_alone() {
    // A way in, a cycle of three, a way out, and a part that has nothing to do with it.
    let shape = Shape {
        n: 9,
        edges: vec![
            (0, 1),
            (1, 2),
            (2, 3),
            (3, 4),
            (4, 2),
            (4, 5),
            (6, 7),
            (6, 8),
            (7, 8),
        ],
    };
    let path = cycle(&shape);
    assert_eq!(path, ["v2", "v3", "v4"]);
    assert_eq!(
        GraphError::Cycle { path }.to_string(),
        "the tasks wait for one another in a circle: \"v2\" → \"v3\" → \"v4\" → \"v2\""
    );
}

#[test]
fn cycles_are_found_wherever_they_are() {
    let _watch = watch();
    // Two tasks; all in one circle; the last two of a line; one behind a dense part; a long one.
    let mut shapes = vec![Shape {
        n: 2,
        edges: vec![(0, 1), (1, 0)],
    }];
    for (n, back) in [(64, (63, 0)), (64, (63, 62)), (20_000, (19_999, 1))] {
        let mut shape = Shape::line(n);
        shape.edges.push(back);
        shapes.push(shape);
    }
    let mut dense = Shape::layers(10, 8);
    dense.edges.push((79, 70));
    shapes.push(dense);
    for shape in shapes {
        let path = cycle(&shape);
        assert_is_cycle(&shape, &path);
    }
}

#[test]
fn a_cycle_apart_from_every_root_is_found() {
    // Nothing leads into the cycle, and the rest is a graph by itself.
    let shape = Shape {
        n: 5,
        edges: vec![(0, 1), (2, 3), (3, 4), (4, 2)],
    };
    assert_is_cycle(&shape, &cycle(&shape));
}

#[test]
fn edges_may_go_against_the_order_of_the_tasks() {
    let _watch = watch();
    let (log, n) = (Count::new(), 100);
    let shape = Shape {
        n,
        edges: (1..n).map(|i| (i, i - 1)).collect(),
    };
    let mut graph = shape.graph(|vertex| {
        let log = log.clone();
        move || assert_eq!(log.add(), n - 1 - vertex)
    });
    graph.run(&pool(2)).unwrap();
    assert_eq!(log.get(), n);
}

#[test]
fn tasks_may_have_the_same_name() {
    let _watch = watch();
    let count = Count::new();
    let mut builder = GraphBuilder::default();
    let ids = [0, 1, 2].map(|_| {
        let count = count.clone();
        builder.task("same", move || count.tick())
    });
    builder.edge(ids[0], ids[2]).unwrap();
    builder.edge(ids[1], ids[2]).unwrap();
    builder.build().unwrap().run(&pool(1)).unwrap();
    assert_eq!(count.get(), 3);
}

#[test]
fn what_is_refused_or_never_built_drops_its_captures() {
    let drops = Count::new();
    let (one, two, three) = (
        Dropped(drops.clone()),
        Dropped(drops.clone()),
        Dropped(drops.clone()),
    );
    let mut builder = GraphBuilder::new();
    builder.task("never built", move || {
        let _captured = &one;
    });
    drop(builder);
    assert_eq!(drops.get(), 1);
    let mut builder = GraphBuilder::new();
    let a = builder.task("a", move || {
        let _captured = &two;
    });
    let b = builder.task("b", move || {
        let _captured = &three;
    });
    builder.edge(a, b).unwrap();
    builder.edge(b, a).unwrap();
    builder.build().unwrap_err();
    assert_eq!(drops.get(), 3);
}

#[test]
fn graphs_and_errors_may_go_to_other_threads() {
    fn travels<T: Send + Sync>() {}
    fn an_error<T: Error + Send + Sync + 'static>() {}
    fn goes<T: Send>() {}
    travels::<Graph<'static>>();
    goes::<GraphBuilder<'static>>();
    an_error::<EdgeError>();
    an_error::<GraphError>();
    an_error::<PassError>();
}

#[test]
fn a_builder_and_a_graph_say_what_they_hold() {
    let (mut builder, ids) = with_tasks(3);
    builder.edge(ids[0], ids[1]).unwrap();
    assert_eq!(
        format!("{builder:?}"),
        "GraphBuilder { tasks: 3, edges: 1, .. }"
    );
    let graph = builder.build().unwrap();
    let text = format!("{graph:?}");
    assert!(text.contains("vertices: 3, edges: 1"), "{text}");
}
