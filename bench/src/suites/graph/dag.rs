//! Shapes, and three ways to run them.

use std::sync::Arc;

use taskweave::graph::GraphBuilder;
use taskweave_sys::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use super::{BenchError, Setup, Side, pools, wrong};
use crate::harness::Stopwatch;

/// Edges by where they begin; every edge leads to a larger number.
#[derive(Clone, Debug)]
pub(super) struct Dag {
    successors: Vec<Vec<u32>>,
}

impl Dag {
    fn new(tasks: u32, edges: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut successors = vec![Vec::new(); tasks as usize];
        for (before, after) in edges {
            successors[before as usize].push(after);
        }
        Self { successors }
    }

    pub(super) fn chain(tasks: u32) -> Self {
        Self::new(tasks, (1..tasks).map(|task| (task - 1, task)))
    }

    /// From the root to the leaves.
    pub(super) fn tree(tasks: u32) -> Self {
        Self::new(tasks, (1..tasks).map(|task| ((task - 1) / 2, task)))
    }

    /// A square grid; each task waits for its neighbours to the left and above.
    pub(super) fn wavefront(side: u32) -> Self {
        let edges = (0..side * side).flat_map(move |task| {
            let right = (task % side + 1 < side).then_some((task, task + 1));
            let below = (task / side + 1 < side).then_some((task, task + side));
            right.into_iter().chain(below)
        });
        Self::new(side * side, edges)
    }

    /// Each task waits for one to three of the 512 before it, the same on every machine.
    pub(super) fn random(tasks: u32) -> Self {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = move |below: u32| {
            // Xorshift: Marsaglia, 2003.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 32) as u32) % below
        };
        let mut edges = Vec::new();
        for task in 1..tasks {
            let mut before: Vec<u32> = (0..=next(3))
                .map(|_| task - 1 - next(task.min(512)))
                .collect();
            before.sort_unstable();
            before.dedup();
            edges.extend(before.into_iter().map(|before| (before, task)));
        }
        Self::new(tasks, edges.into_iter())
    }

    /// One task, then so many, then one.
    pub(super) fn fan(middle: u32) -> Self {
        let edges = (1..=middle).flat_map(move |task| [(0, task), (task, middle + 1)]);
        Self::new(middle + 2, edges)
    }

    pub(super) fn tasks(&self) -> usize {
        self.successors.len()
    }

    pub(super) fn edges(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        (0..)
            .zip(&self.successors)
            .flat_map(|(before, list)| list.iter().map(move |&after| (before, after)))
    }
}

/// A place for each task. Only the task itself ever touches it, hence no read-modify-write.
#[derive(Clone, Debug)]
struct Places(Arc<[AtomicU8]>);

impl Places {
    fn new(dag: &Dag) -> Self {
        Self((0..dag.tasks()).map(|_| AtomicU8::new(0)).collect())
    }

    #[inline]
    fn count(&self, task: usize) {
        let place = &self.0[task];
        // No `black_box`: it sends the byte over the stack, where the closure's own frame then waits for it, 3.6 ns on each side and nobody's.
        let count = place.load(Ordering::Relaxed).wrapping_add(1);
        place.store(count, Ordering::Relaxed);
    }
}

/// A side whose `pass` is to count in every place once.
fn counted(
    name: &'static str,
    per_pass: u64,
    places: Places,
    mut pass: impl FnMut() -> Result<(), BenchError> + 'static,
) -> Side {
    let body = move |passes: u64, watch: &mut Stopwatch| {
        watch.time(per_pass * passes, || (0..passes).try_for_each(|_| pass()))?;
        let tasks = places.0.len() as u64;
        let right = |place: &&AtomicU8| place.swap(0, Ordering::Relaxed) == passes as u8;
        wrong(name, tasks, places.0.iter().filter(right).count() as u64)
    };
    Side::new(name, body).placed()
}

/// Ours.
pub(super) fn ours(setup: &Setup, dag: &Dag, per_pass: u64) -> Result<Side, BenchError> {
    let places = Places::new(dag);
    let shared = places.clone();
    ours_with(setup, dag, per_pass, places, move |task| shared.count(task))
}

fn ours_with(
    setup: &Setup,
    dag: &Dag,
    per_pass: u64,
    places: Places,
    body: impl Fn(usize) + Clone + Send + 'static,
) -> Result<Side, BenchError> {
    const NAME: &str = "taskweave";
    let pool = pools::taskweave_placed(setup)?;
    let mut builder = GraphBuilder::new();
    let ids: Vec<_> = (0..dag.tasks())
        .map(|task| {
            let body = body.clone();
            builder.task("", move || body(task))
        })
        .collect();
    let refused = |why: Box<dyn std::error::Error>| BenchError::refused(NAME)(why);
    for (before, after) in dag.edges() {
        builder
            .edge(ids[before as usize], ids[after as usize])
            .map_err(|why| refused(why.into()))?;
    }
    let mut graph = builder.build().map_err(|why| refused(why.into()))?;
    Ok(counted(NAME, per_pass, places, move || {
        graph
            .run(&pool)
            .map(|_| ())
            .map_err(|why| refused(why.into()))
    }))
}

/// In the order of the numbers, which is one that the edges allow.
pub(super) fn sequential(dag: &Dag, per_pass: u64) -> Side {
    let places = Places::new(dag);
    let shared = places.clone();
    counted("sequential", per_pass, places, move || {
        (0..shared.0.len()).for_each(|task| shared.count(task));
        Ok(())
    })
}

/// Both sides of a graph whose tasks do `work` as well.
pub(super) fn with_work(
    setup: &Setup,
    dag: &Dag,
    work: impl Fn() + Clone + Send + 'static,
) -> Result<[Side; 2], BenchError> {
    let (our_places, places) = (Places::new(dag), Places::new(dag));
    let (our_work, shared) = (work.clone(), our_places.clone());
    let body = move |task| {
        our_work();
        shared.count(task);
    };
    let ours = ours_with(setup, dag, 1, our_places, body)?;
    let shared = places.clone();
    let peer = counted("sequential", 1, places, move || {
        for task in 0..shared.0.len() {
            work();
            shared.count(task);
        }
        Ok(())
    });
    Ok([ours, peer])
}

/// Counters and rows for rayon.
struct Counted<F> {
    starts: Box<[u32]>,
    successors: Box<[u32]>,
    inputs: Box<[u32]>,
    arrived: Box<[AtomicU32]>,
    roots: Box<[u32]>,
    pass: AtomicU32,
    body: F,
}

impl<F: Fn(usize) + Sync> Counted<F> {
    fn new(dag: &Dag, body: F) -> Self {
        let mut inputs = vec![0; dag.tasks()];
        dag.edges()
            .for_each(|(_, after)| inputs[after as usize] += 1);
        let mut starts = vec![0];
        let mut successors = Vec::new();
        for list in &dag.successors {
            successors.extend(list);
            starts.push(successors.len() as u32);
        }
        Self {
            starts: starts.into(),
            successors: successors.into(),
            roots: (0..)
                .zip(&inputs)
                .filter(|&(_, &inputs)| inputs == 0)
                .map(|(task, _)| task)
                .collect(),
            arrived: inputs.iter().map(|_| AtomicU32::new(0)).collect(),
            inputs: inputs.into(),
            pass: AtomicU32::new(0),
            body,
        }
    }

    fn run<'scope>(&'scope self, scope: &rayon::Scope<'scope>, pass: u32, first: u32) {
        let mut next = Some(first);
        while let Some(task) = next.take() {
            let task = task as usize;
            (self.body)(task);
            let row = self.starts[task] as usize..self.starts[task + 1] as usize;
            for &after in &self.successors[row] {
                if !self.arrive(pass, after as usize) {
                    continue;
                }
                if next.is_none() {
                    next = Some(after);
                } else {
                    scope.spawn(move |scope| self.run(scope, pass, after));
                }
            }
        }
    }

    #[inline]
    fn arrive(&self, pass: u32, task: usize) -> bool {
        let inputs = self.inputs[task];
        // AcqRel: releases what this input has done to whoever counts the last one, and acquires the others' effects.
        inputs == 1
            || self.arrived[task]
                .fetch_add(1, Ordering::AcqRel)
                .wrapping_add(1)
                == pass.wrapping_mul(inputs)
    }
}

/// Rayon, at its best for a graph whose tasks have a body of their own each, as ours have.
pub(super) fn rayon(setup: &Setup, dag: &Dag, per_pass: u64) -> Result<Side, BenchError> {
    let places = Places::new(dag);
    let body = |task| -> Box<dyn Fn() + Send + Sync> {
        let places = places.clone();
        Box::new(move || places.count(task))
    };
    let bodies: Box<[_]> = (0..dag.tasks()).map(body).collect();
    rayon_with("rayon", setup, dag, per_pass, places, move |task| {
        bodies[task]();
    })
}

/// Rayon for a graph whose tasks all have the same body, which is compiled into the loop: a program for this one job.
pub(super) fn rayon_uniform(setup: &Setup, dag: &Dag, per_pass: u64) -> Result<Side, BenchError> {
    let places = Places::new(dag);
    let shared = places.clone();
    let body = move |task| shared.count(task);
    rayon_with("rayon-uniform", setup, dag, per_pass, places, body)
}

fn rayon_with(
    name: &'static str,
    setup: &Setup,
    dag: &Dag,
    per_pass: u64,
    places: Places,
    body: impl Fn(usize) + Send + Sync + 'static,
) -> Result<Side, BenchError> {
    let pool = pools::rayon_placed(setup)?;
    let by_hand = Counted::new(dag, body);
    Ok(counted(name, per_pass, places, move || {
        let all = &by_hand;
        // Relaxed: only this thread changes it, and spawning orders it before the tasks.
        let pass = all.pass.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        pool.scope(|scope| {
            for &root in &all.roots {
                scope.spawn(move |scope| all.run(scope, pass, root));
            }
        });
        Ok(())
    }))
}

/// oneTBB's flow graph, in a process of its own.
#[cfg(feature = "native-peers")]
pub(super) fn tbb(setup: &Setup, dag: &Dag, per_pass: u64) -> Result<Side, BenchError> {
    use crate::{engines::native::CountingGraph, harness::processors};

    let threads = taskweave_taskbench::Setup {
        threads: setup.workers,
        processors: processors()?,
    };
    let mut graph = CountingGraph::start(&threads, dag.tasks(), dag.edges())?;
    let form = graph.form().to_owned();
    let body = move |passes: u64, watch: &mut Stopwatch| graph.run(passes, per_pass, watch);
    Ok(Side::new("tbb", body).in_form(form))
}

#[cfg(test)]
mod tests {
    use super::{Dag, ours, rayon, rayon_uniform, sequential};
    use crate::suites::Setup;

    fn shapes() -> [Dag; 6] {
        [
            Dag::chain(8),
            Dag::tree(31),
            Dag::wavefront(5),
            Dag::random(1000),
            Dag::fan(64),
            Dag::fan(2),
        ]
    }

    #[test]
    fn edges_lead_forward_and_stand_once() {
        for dag in shapes() {
            let mut edges: Vec<_> = dag.edges().collect();
            assert!(edges.iter().all(|&(before, after)| before < after));
            let all = edges.len();
            edges.sort_unstable();
            edges.dedup();
            assert_eq!(edges.len(), all);
        }
        let counts = shapes().map(|dag| (dag.tasks(), dag.edges().count()));
        assert_eq!(counts[..3], [(8, 7), (31, 30), (25, 40)]);
        assert_eq!(counts[4..], [(66, 128), (4, 4)]);
    }

    #[test]
    fn all_forms_count_every_task() {
        let setup = Setup {
            case: "",
            workers: 2,
        };
        for dag in shapes() {
            for mut side in [
                ours(&setup, &dag, 1).unwrap(),
                rayon(&setup, &dag, 1).unwrap(),
                rayon_uniform(&setup, &dag, 1).unwrap(),
                sequential(&dag, 1),
                #[cfg(feature = "native-peers")]
                super::tbb(&setup, &dag, 1).unwrap(),
            ] {
                // More passes than a place can count to.
                side.sample(300).unwrap();
                side.sample(1).unwrap();
            }
        }
    }
}
