//! Random graphs against a sequential oracle.

use std::sync::OnceLock;

use proptest::prelude::*;
use taskweave::Pool;
use taskweave::graph::GraphError;

use crate::build::assert_is_cycle;
use crate::shapes::{Shape, name};
use crate::tracked::{Plan, Tracked};
use taskweave_testing::{SIZES, pool, quiet};

/// Any list of edges without repetitions and without loops of one.
fn any_shape() -> impl Strategy<Value = Shape> {
    (1..30_usize).prop_flat_map(|n| {
        let edge = (0..n, 0..n).prop_filter("two vertices", |(from, to)| from != to);
        let edges = if n == 1 { 0..1 } else { 0..3 * n };
        proptest::collection::vec(edge, edges).prop_map(move |mut edges| {
            let mut seen = std::collections::HashSet::new();
            edges.retain(|edge| seen.insert(*edge));
            Shape { n, edges }
        })
    })
}

/// A graph without cycles whose vertices aren't numbered in order.
fn acyclic() -> impl Strategy<Value = Shape> {
    (1..60_usize, 0..5_usize, any::<u64>())
        .prop_map(|(n, degree, seed)| Shape::random(seed, n, degree))
}

fn plans() -> impl Strategy<Value = Vec<(prop::sample::Index, usize)>> {
    proptest::collection::vec((any::<prop::sample::Index>(), 0..4_usize), 0..8)
}

/// Pools that all cases share.
fn pools() -> &'static [Pool] {
    static POOLS: OnceLock<Vec<Pool>> = OnceLock::new();
    POOLS.get_or_init(|| SIZES.map(pool).into())
}

/// Takes vertices away that nothing leads to, until none is left.
fn kahn(shape: &Shape) -> bool {
    let mut left: Vec<usize> = shape.predecessors().iter().map(Vec::len).collect();
    let mut gone = vec![false; shape.n];
    loop {
        let ready: Vec<usize> = (0..shape.n).filter(|&v| !gone[v] && left[v] == 0).collect();
        if ready.is_empty() {
            return gone.iter().all(|&gone| gone);
        }
        for vertex in ready {
            gone[vertex] = true;
            for &(_, to) in shape.edges.iter().filter(|&&(from, _)| from == vertex) {
                left[to] -= 1;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// A graph is built if and only if it has no cycle, and a cycle that is reported is one.
    #[test]
    fn what_is_refused_has_a_cycle(shape in any_shape()) {
        prop_assert_eq!(shape.is_cyclic(), !kahn(&shape));
        match shape.try_graph(|_| || ()) {
            Ok(graph) => {
                prop_assert!(kahn(&shape));
                prop_assert_eq!((graph.tasks(), graph.edges()), (shape.n, shape.edges.len()));
            }
            Err(GraphError::Cycle { path }) => {
                prop_assert!(!kahn(&shape));
                assert_is_cycle(&shape, &path);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    /// Bodies check their order themselves; what ran is a prefix of the graph.
    #[test]
    fn passes_keep_to_the_oracle_whatever_the_bodies_do(
        shape in acyclic(),
        passes in proptest::collection::vec(plans(), 1..5),
        long in any::<bool>(),
    ) {
        quiet();
        for pool in pools() {
            let mut tracked = Tracked::KINDS[usize::from(long)](&shape);
            let mut expected = vec![0; shape.n];
            for plan in &passes {
                tracked.plan_all(Plan::Continue);
                let mut ending = vec![false; shape.n];
                for (vertex, what) in plan {
                    let vertex = vertex.index(shape.n);
                    tracked.plan(vertex, Plan::ALL[*what]);
                    ending[vertex] = Plan::ALL[*what] != Plan::Continue;
                }
                let checked = tracked.run(pool);
                for &vertex in &checked.ran {
                    expected[vertex] += 1;
                }
                let ended: Vec<usize> = checked.ran.iter().copied().filter(|&v| ending[v]).collect();
                let behind = shape.behind(&ended);
                prop_assert!(checked.ran.iter().all(|&vertex| !behind[vertex]));
                // What ran leaves no gap: the predecessors of each ran, too.
                for (vertex, before) in shape.predecessors().iter().enumerate() {
                    if checked.ran.binary_search(&vertex).is_ok() {
                        prop_assert!(before.iter().all(|v| checked.ran.binary_search(v).is_ok()));
                    }
                }
                if pool.worker_threads() == 1 {
                    // Bodies follow one another, so the first to end the pass is the last to run.
                    prop_assert!(ended.len() <= 1);
                    if let Err(error) = &checked.result {
                        prop_assert_eq!(&error.vertex, &name(ended[0]));
                        prop_assert_eq!(error.others, 0);
                    }
                }
                prop_assert_eq!(tracked.times(), expected.clone());
            }
            tracked.plan_all(Plan::Continue);
            tracked.run_clean(pool);
        }
    }
}
