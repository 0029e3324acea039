//! Small passes of `taktora-executor`, in both of its forms: vertices run on the thread that waits for triggers, or on workers.
//!
//! Its graphs are triggered by time. A period of a nanosecond is always over, so that passes follow one another; and only what lies between the begin
//! of the first vertex and the end of the last is counted, not the timer, the wait and the statistics around a pass, which take it some
//! tens of microseconds. Ours is timed from call to return. Its CPU time is that of everything.
//!
//! A line is a graph like the others; `chain 8` is what it calls a chain, which runs as one job.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use taktora_executor::{
    ExecutableItem, Executor, ExecutorError, ItemFlow, TriggerDeclarer, item, item_with_triggers,
};
use taskweave_sys::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use super::{
    BenchError, Case, Pair, Setup, Side, Suite,
    dag::{self, Dag},
    shape,
    small::SHAPES,
    wrong,
};
use crate::harness::{Cpu, Stopwatch};

const INLINE: &str = "taktora";
const THREADS: &str = "taktora-threads";

pub(super) fn cases() -> Vec<Case> {
    let case = |name, peer, build| Case {
        suite: Suite::Graph,
        name,
        peer,
        unit: "pass",
        samples: 21,
        workers: None,
        build,
    };
    let both = |(name, _)| {
        [
            case(name, INLINE, |setup| pair(setup, INLINE, 0)),
            case(name, THREADS, |setup| pair(setup, THREADS, setup.workers)),
        ]
    };
    SHAPES.into_iter().flat_map(both).collect()
}

fn pair(setup: &Setup, name: &'static str, workers: usize) -> Result<Pair, BenchError> {
    let dag = shape(&SHAPES, setup)?;
    let refused = |why: ExecutorError| BenchError::refused(name)(why.into());
    Ok(Pair {
        ours: dag::ours(setup, &dag, 1)?,
        peer: side(name, workers, &dag, setup.case.starts_with("chain")).map_err(refused)?,
    })
}

/// What vertices leave behind.
#[derive(Debug, Default)]
struct Trace {
    began: Mutex<Option<Instant>>,
    nanoseconds: AtomicU64,
    passes: AtomicU64,
}

impl Trace {
    fn begin(&self) {
        if let Ok(mut began) = self.began.lock() {
            *began = Some(Instant::now());
        }
    }

    fn end(&self) {
        let began = self.began.lock().ok().and_then(|began| *began);
        let took = began.map_or(Duration::ZERO, |began| began.elapsed());
        // Relaxed: read after the executor has returned.
        self.nanoseconds
            .fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
        self.passes.fetch_add(1, Ordering::Relaxed);
    }
}

/// All of the shapes begin with vertex 0 and end with the last.
fn side(
    name: &'static str,
    workers: usize,
    dag: &Dag,
    as_chain: bool,
) -> Result<Side, ExecutorError> {
    let trace = Arc::new(Trace::default());
    let mut executor = Executor::builder().worker_threads(workers).build()?;
    let items = (0..dag.tasks()).map(|task| vertex(&trace, task, dag.tasks() - 1));
    if as_chain {
        executor.add_chain(items.collect::<Vec<_>>())?;
    } else {
        let mut graph = executor.add_graph();
        let vertices: Vec<_> = items.map(|item| graph.vertex(item)).collect();
        for (before, after) in dag.edges() {
            graph.edge(vertices[before as usize], vertices[after as usize]);
        }
        graph.root(vertices[0]);
        graph.build()?;
    }
    let body = move |passes: u64, watch: &mut Stopwatch| {
        trace.nanoseconds.store(0, Ordering::Relaxed);
        trace.passes.store(0, Ordering::Relaxed);
        let cpu = Cpu::start();
        let run = executor.run_n(usize::try_from(passes).unwrap_or(usize::MAX));
        let cpu = cpu.settled();
        run.map_err(|why| BenchError::refused(name)(why.into()))?;
        wrong(name, passes, trace.passes.load(Ordering::Relaxed))?;
        let wall = Duration::from_nanos(trace.nanoseconds.load(Ordering::Relaxed));
        watch.add(passes, wall, cpu);
        Ok(())
    };
    Ok(Side::new(name, body).placed())
}

/// Each vertex counts in a place of its own, next to nothing.
fn vertex(trace: &Arc<Trace>, task: usize, last: usize) -> Box<dyn ExecutableItem> {
    let mut place = 0_u64;
    let mut count = move || place = black_box(place + 1);
    let trace = Arc::clone(trace);
    if task == 0 {
        let triggers = |declarer: &mut TriggerDeclarer<'_>| {
            declarer.interval(Duration::from_nanos(1));
            Ok(())
        };
        return Box::new(item_with_triggers(triggers, move |_| {
            trace.begin();
            count();
            Ok(ItemFlow::Continue)
        }));
    }
    Box::new(item(move |_| {
        count();
        if task == last {
            trace.end();
        }
        Ok(ItemFlow::Continue)
    }))
}
