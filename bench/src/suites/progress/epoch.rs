//! An epoch with nothing in it: two threads leave it, and each waits until it is closed. Each has a processor of its own, on both sides: where the system puts two that it takes for one, the row would
//! tell of nothing else.

use std::sync::{Arc, Barrier};
use std::time::Instant;

use taskweave_progress::Progress;
use taskweave_progress::timely;
use taskweave_progress::timely::dataflow::operators::{Input, Probe};
use taskweave_progress::timely::dataflow::{InputHandle, ProbeHandle};
use taskweave_sys::machine::affinity;
use taskweave_sys::sync::thread;

use crate::error::{BenchError, wrong};
use crate::harness::{Pair, Side, Stopwatch, processors};
use crate::suites::{Case, Suite};

const EPOCHS: u64 = 2_000;
const THREADS: usize = 2;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            suite: Suite::Progress,
            name: "empty epoch",
            peer: "timely",
            unit: "epoch",
            samples: 15,
            workers: None,
            build: |_| {
                Ok(Pair {
                    ours: ours(),
                    peer: with_timely(),
                })
            },
        }
        .on(THREADS),
    ]
}

fn place(cpus: &[usize], thread: usize) {
    // Allowed a moment ago; one that isn't placed after all shows in the spread.
    let _ = affinity::pin_current_thread(&[cpus[thread % cpus.len()]]);
}

fn ours() -> Side {
    Side::new("taskweave", |repetitions, watch: &mut Stopwatch| {
        let cpus = Arc::new(processors()?);
        for _ in 0..repetitions {
            let (progress, root) = Progress::<u64>::new();
            let start = Arc::new(Barrier::new(THREADS + 1));
            let threads: Vec<_> = (0..THREADS)
                .map(|each| {
                    let cpus = Arc::clone(&cpus);
                    let (progress, mut capability) = (progress.clone(), root.clone());
                    let start = Arc::clone(&start);
                    thread::spawn(move || {
                        place(&cpus, each);
                        start.wait();
                        for epoch in 0..EPOCHS {
                            // A later time is always in reach.
                            let _ = capability.downgrade(epoch + 1);
                            progress.wait_until_passed(&epoch);
                        }
                        *capability.time()
                    })
                })
                .collect();
            drop(root);
            watch.time(EPOCHS, || {
                start.wait();
                for thread in threads {
                    let last = thread.join().unwrap_or(0);
                    wrong("taskweave", EPOCHS, last)?;
                }
                Ok::<(), BenchError>(())
            })?;
        }
        Ok(())
    })
    .single()
}

/// As its documentation's first example, without data.
fn with_timely() -> Side {
    Side::new("timely", |repetitions, watch: &mut Stopwatch| {
        for _ in 0..repetitions {
            let cpus = processors()?;
            let config = timely::Config::process(THREADS);
            let cpu = crate::harness::Cpu::start();
            let guards = timely::execute(config, move |worker| {
                place(&cpus, worker.index());
                let mut input = InputHandle::<u64, _>::new();
                let probe = ProbeHandle::new();
                worker.dataflow(|scope| {
                    scope
                        .input_from(&mut input)
                        .container::<Vec<u64>>()
                        .probe_with(&probe);
                });
                let start = Instant::now();
                for epoch in 0..EPOCHS {
                    input.advance_to(epoch + 1);
                    while probe.less_than(input.time()) {
                        worker.step();
                    }
                }
                start.elapsed()
            });
            let refused = |why: String| BenchError::Refused {
                side: "timely",
                why,
            };
            let times: Result<Vec<_>, String> =
                guards.map_err(refused)?.join().into_iter().collect();
            let wall = times
                .map_err(refused)?
                .into_iter()
                .max()
                .unwrap_or_default();
            watch.add(EPOCHS, wall, cpu.settled());
        }
        Ok(())
    })
    .single()
}
