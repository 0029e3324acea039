//! What a task costs: graphs of 2¹⁶ tasks and more.

use super::{
    BenchError, Case, Pair, Setup, Shape, Suite,
    dag::{self, Dag},
    shape,
};

const SHAPES: [Shape; 4] = [
    ("chain 2^16", || Dag::chain(1 << 16)),
    ("binary tree 2^17", || Dag::tree((1 << 17) - 1)),
    ("wavefront 256²", || Dag::wavefront(256)),
    ("random DAG 2^16", || Dag::random(1 << 16)),
];

pub(super) fn cases() -> Vec<Case> {
    let case = |name, peer, build| Case {
        suite: Suite::Graph,
        name,
        peer,
        unit: "task",
        samples: 31,
        workers: None,
        build,
    };
    let both = |(name, _)| {
        [
            case(name, "rayon", with_rayon),
            case(name, "rayon-uniform", with_uniform),
            case(name, "sequential", with_sequential),
            #[cfg(feature = "native-peers")]
            case(name, "tbb", with_tbb),
        ]
    };
    SHAPES.into_iter().flat_map(both).collect()
}

fn with_rayon(setup: &Setup) -> Result<Pair, BenchError> {
    let dag = shape(&SHAPES, setup)?;
    let tasks = dag.tasks() as u64;
    Ok(Pair {
        ours: dag::ours(setup, &dag, tasks)?,
        peer: dag::rayon(setup, &dag, tasks)?,
    })
}

fn with_uniform(setup: &Setup) -> Result<Pair, BenchError> {
    let dag = shape(&SHAPES, setup)?;
    let tasks = dag.tasks() as u64;
    Ok(Pair {
        ours: dag::ours(setup, &dag, tasks)?,
        peer: dag::rayon_uniform(setup, &dag, tasks)?,
    })
}

fn with_sequential(setup: &Setup) -> Result<Pair, BenchError> {
    let dag = shape(&SHAPES, setup)?;
    let tasks = dag.tasks() as u64;
    Ok(Pair {
        ours: dag::ours(setup, &dag, tasks)?,
        peer: dag::sequential(&dag, tasks),
    })
}

#[cfg(feature = "native-peers")]
fn with_tbb(setup: &Setup) -> Result<Pair, BenchError> {
    let dag = shape(&SHAPES, setup)?;
    let tasks = dag.tasks() as u64;
    Ok(Pair {
        ours: dag::ours(setup, &dag, tasks)?,
        peer: dag::tbb(setup, &dag, tasks)?,
    })
}
