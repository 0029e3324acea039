//! Engines that are wrong are found out.

use taskweave_taskbench::{Fault, Found, GraphSpec, Kernel, Pattern, Task, Workload};

const PATTERNS: [Pattern; 5] = [
    Pattern::NoComm,
    Pattern::Stencil1d,
    Pattern::Fft,
    Pattern::AllToAll,
    Pattern::Tree,
];

fn workload(pattern: Pattern) -> Workload {
    let spec = GraphSpec {
        pattern,
        width: 8,
        steps: 6,
        kernel: Kernel::ComputeBound,
        iterations: 1,
        ..GraphSpec::default()
    };
    Workload::new(&[spec]).unwrap()
}

/// A dataflow engine on one thread that always runs what became ready last; it doesn't know of the edge `dropped`.
fn run_without(work: &Workload, dropped: Option<(Task, Task)>) {
    let mut waiting: Vec<usize> = vec![0; work.indices()];
    let mut ready = Vec::new();
    for task in work.all() {
        let reads = work.inputs(task).iter().filter(|&&point| {
            let before = Task {
                step: task.step - 1,
                point,
                ..task
            };
            dropped != Some((before, task))
        });
        waiting[work.index(task)] = reads.count();
        if waiting[work.index(task)] == 0 {
            ready.push(task);
        }
    }
    while let Some(task) = ready.pop() {
        work.run(task);
        for &point in work.readers(task) {
            let reader = Task {
                step: task.step + 1,
                point,
                ..task
            };
            if dropped == Some((task, reader)) {
                continue;
            }
            let left = &mut waiting[work.index(reader)];
            *left -= 1;
            if *left == 0 {
                ready.push(reader);
            }
        }
    }
}

#[test]
fn the_engine_is_right_with_all_edges() {
    for pattern in PATTERNS {
        let work = workload(pattern);
        for _ in 0..3 {
            work.pass(|| run_without(&work, None)).unwrap();
        }
    }
}

#[test]
fn a_dropped_edge_is_found_also_when_the_input_is_an_earlier_passes() {
    for pattern in PATTERNS {
        let work = workload(pattern);
        // The reader has one input fewer to wait for. Another input may still hold it back long enough, so each edge into a point is tried
        // until one makes a difference.
        let caught = |kind: fn(&Found) -> bool| {
            work.all()
                .flat_map(|task| {
                    let before = move |&point: &u32| Task {
                        step: task.step - 1,
                        point,
                        ..task
                    };
                    work.inputs(task)
                        .iter()
                        .map(before)
                        .map(move |before| (before, task))
                        .collect::<Vec<_>>()
                })
                .any(|edge| {
                    let fault = work.pass(|| run_without(&work, Some(edge)));
                    match fault {
                        Err(Fault::WrongInput { task, found, .. }) => {
                            assert_eq!(task, edge.1);
                            kind(&found)
                        }
                        Err(other) => panic!("{other}"),
                        Ok(_) => false,
                    }
                })
        };
        assert!(
            caught(|found| matches!(found, Found::Nothing)),
            "{pattern}: never written"
        );
        work.pass(|| run_without(&work, None)).unwrap();
        assert!(
            caught(|found| matches!(found, Found::EarlierPass { .. })),
            "{pattern}: stale"
        );
    }
}

#[test]
fn a_stale_input_is_found() {
    for pattern in PATTERNS {
        let work = workload(pattern);
        // Hands on what was there two steps ago, as an engine does that reuses a buffer too early.
        let late = |task: Task| {
            let step = task.step.saturating_sub(2);
            let inputs = work.inputs(task).to_vec();
            let outputs = inputs.into_iter().map(move |point| Task {
                step,
                point,
                ..task
            });
            work.execute(task, outputs.map(|task| work.output(task)));
        };
        let fault = work.pass(|| work.all().for_each(late)).unwrap_err();
        let Fault::WrongInput { task, found, .. } = fault else {
            panic!("{fault}");
        };
        assert_eq!(task.step, 2);
        assert!(matches!(
            found,
            Found::Pair { step: 0, .. } | Found::Nothing
        ));
    }
}

#[test]
fn a_pass_that_does_nothing_is_found() {
    for pattern in Pattern::ALL {
        let work = Workload::new(&[GraphSpec {
            pattern,
            ..GraphSpec::default()
        }])
        .unwrap();
        work.pass(|| work.all().for_each(|task| work.run(task)))
            .unwrap();
        assert!(matches!(work.pass(|| {}), Err(Fault::NeverRan { .. })));
    }
}
