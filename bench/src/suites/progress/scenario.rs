//! The scenarios: workers that mint times and retire those of their predecessors.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use taskweave_sys::sync::thread;

use super::link::{Batch, Key, Kind, Link};
use super::live;
use crate::error::{BenchError, wrong};
use crate::harness::{Side, Stopwatch};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// A: a step of a worker in which it sends and receives.
    Step,
    /// B: a receive of worker 0, which does so every [`SELDOM`] steps.
    Receive,
    /// B: the entries of such a receive.
    Entries,
    /// C: a send, nobody receiving.
    Send,
    /// C: the first receive of a worker when all have sent.
    CatchUp,
    /// C: what is allocated when all have sent.
    Bytes,
}

/// One row's parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) measure: Measure,
    pub(super) workers: usize,
    /// How many of a hundred times are retired.
    pub(super) cancelled: u64,
}

const SELDOM: u64 = 1024;
/// In B workers wait for each other after so many steps. On fewer processors than workers each would else run through all of its steps at once, and what is alive, which is what a
/// laggard has to read, would tell of the system's scheduling and of nothing else.
const PACE: u64 = 128;
/// Steps of all workers together in a sample.
const STEPS: u64 = 1 << 16;

/// When a worker receives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listens {
    Always,
    Seldom,
    AtTheEnd,
}

/// What a worker has seen when all is over.
#[derive(Default)]
struct Seen {
    /// The sum of all counts that it received.
    sum: i64,
    receives: u64,
    entries: u64,
    /// In receives that count, as it waited for them.
    time: Duration,
}

pub(super) fn side<K: Key>(kind: Kind, plan: Plan) -> Side {
    let name = kind.name();
    Side::new(name, move |repetitions, watch: &mut Stopwatch| {
        for _ in 0..repetitions {
            sample::<K>(kind, plan, watch)?;
        }
        Ok(())
    })
    .single()
}

fn sample<K: Key>(kind: Kind, plan: Plan, watch: &mut Stopwatch) -> Result<(), BenchError> {
    let steps = STEPS / plan.workers as u64;
    let run = |watch: &mut Stopwatch, links, listens: &(dyn Fn(usize) -> Listens + Sync)| {
        watch.time(STEPS, || all::<K>(links, plan, steps, listens))
    };
    let mut apart = Stopwatch::default();
    match plan.measure {
        Measure::Step => {
            let ends = run(watch, kind.links(plan.workers), &|_| Listens::Always);
            finish(kind, plan, steps, ends, &mut apart)
        }
        Measure::Receive | Measure::Entries => {
            let listens = |worker| match worker {
                0 => Listens::Seldom,
                _ => Listens::Always,
            };
            let ends = run(&mut apart, kind.links(plan.workers), &listens);
            let seldom = &ends[0].2;
            let (receives, time) = if plan.measure == Measure::Receive {
                (seldom.receives, seldom.time)
            } else {
                (seldom.receives, Duration::from_nanos(seldom.entries))
            };
            watch.add(receives, time, time);
            finish(kind, plan, steps, ends, &mut apart)
        }
        Measure::Send => {
            let ends = run(watch, kind.links(plan.workers), &|_| Listens::AtTheEnd);
            finish(kind, plan, steps, ends, &mut apart)
        }
        Measure::CatchUp => {
            let ends = run(&mut apart, kind.links(plan.workers), &|_| Listens::AtTheEnd);
            finish(kind, plan, steps, ends, watch)
        }
        Measure::Bytes => {
            let (ends, bytes) =
                live::left_by(|| run(&mut apart, kind.links(plan.workers), &|_| Listens::AtTheEnd));
            let bytes = Duration::from_nanos(bytes);
            watch.add(1, bytes, bytes);
            finish(kind, plan, steps, ends, &mut apart)
        }
    }
}

type End<K> = (Box<dyn Link<K>>, Batch<K>, Seen);

/// Runs all workers, each on a thread of its own.
fn all<K: Key>(
    links: Vec<Box<dyn Link<K>>>,
    plan: Plan,
    steps: u64,
    listens: &(dyn Fn(usize) -> Listens + Sync),
) -> Vec<End<K>> {
    let start = std::sync::Arc::new(Barrier::new(plan.workers));
    let workers: Vec<_> = links
        .into_iter()
        .enumerate()
        .map(|(worker, link)| {
            let (start, listens) = (std::sync::Arc::clone(&start), listens(worker));
            thread::spawn(move || {
                start.wait();
                let paced = matches!(plan.measure, Measure::Receive | Measure::Entries);
                let pace = paced.then_some(&*start);
                work(link, worker as u64, plan, steps, listens, pace)
            })
        })
        .collect();
    workers
        .into_iter()
        .filter_map(|worker| worker.join().ok())
        .collect()
}

fn work<K: Key>(
    mut link: Box<dyn Link<K>>,
    worker: u64,
    plan: Plan,
    steps: u64,
    listens: Listens,
    pace: Option<&Barrier>,
) -> End<K> {
    let workers = plan.workers as u64;
    let before = (worker + workers - 1) % workers;
    let (mut batch, mut changes, mut seen) = (Batch::new(), Batch::new(), Seen::default());
    for step in 0..steps {
        if let Some(pace) = pace.filter(|_| step % PACE == 0) {
            pace.wait();
        }
        batch.update(K::new(step * workers + worker), 1);
        // Of a hundred times so many are retired, evenly spread.
        if step > 0 && retired(step - 1, plan.cancelled) {
            batch.update(K::new((step - 1) * workers + before), -1);
        }
        link.send(&mut batch);
        let timed = match listens {
            Listens::Always => false,
            Listens::Seldom if step % SELDOM == SELDOM - 1 => true,
            Listens::Seldom | Listens::AtTheEnd => continue,
        };
        let start = timed.then(Instant::now);
        let entries = link.recv(&mut changes);
        seen.sum += changes.drain().map(|(_, count)| count).sum::<i64>();
        if let Some(start) = start {
            seen.time += start.elapsed();
            seen.receives += 1;
            seen.entries += entries as u64;
        }
    }
    (link, changes, seen)
}

fn retired(step: u64, cancelled: u64) -> bool {
    (step + 1) * cancelled / 100 > step * cancelled / 100
}

/// The last receive of each worker, of which the first is timed; everybody must have got everything.
fn finish<K: Key>(
    kind: Kind,
    plan: Plan,
    steps: u64,
    ends: Vec<End<K>>,
    watch: &mut Stopwatch,
) -> Result<(), BenchError> {
    wrong(kind.name(), plan.workers as u64, ends.len() as u64)?;
    let retirements = (0..steps - 1)
        .filter(|step| retired(*step, plan.cancelled))
        .count() as u64;
    let expected = (steps - retirements) * plan.workers as u64;
    for (each, (mut link, mut changes, mut seen)) in ends.into_iter().enumerate() {
        let mut receive = || {
            link.recv(&mut changes);
            seen.sum += changes.drain().map(|(_, count)| count).sum::<i64>();
        };
        if each == 0 {
            watch.time_alone(STEPS, &mut receive);
        } else {
            receive();
        }
        wrong(kind.name(), expected, seen.sum.unsigned_abs())?;
    }
    Ok(())
}
