//! Tasks that end elsewhere.

use std::sync::{Arc, Mutex, mpsc};

use taskweave::graph::{Completion, Graph, GraphBuilder, Next};
use taskweave::{Limit, TaskError};
use taskweave_sys::sync::thread;

use taskweave_testing::{Count, SIZES, each_size, inside_and_outside, pool, quiet, rounds, watch};

/// `begin` hands its completion out, `after` counts.
fn handing_out(count: &Count) -> (Graph<'static>, mpsc::Receiver<Completion>) {
    let (send, receive) = mpsc::channel();
    let mut builder = GraphBuilder::new();
    let begin = builder.begin("begin", move |completion| {
        let _ = send.send(completion);
    });
    let count = count.clone();
    let after = builder.task("after", move || count.tick());
    builder.edge(begin, after).unwrap();
    (builder.build().unwrap(), receive)
}

#[test]
fn a_task_ends_when_another_thread_says_so() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let count = Count::new();
        let (mut graph, completions) = handing_out(&count);
        let passes = rounds(50, 5_000);
        let other = thread::spawn(move || {
            for completion in completions {
                completion.complete().unwrap();
            }
        });
        for _ in 0..passes {
            assert_eq!(graph.run(pool).unwrap().executed, 2);
        }
        drop(graph);
        other.join().unwrap();
        assert_eq!(count.get(), passes);
    });
}

#[test]
fn a_body_completes_itself() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let count = Count::new();
        let mut builder = GraphBuilder::new();
        let ids = [0, 1, 2].map(|i| {
            let count = &count;
            builder.begin(format!("{i}"), move |completion: Completion| {
                let late = completion.clone();
                assert!(!completion.is_stale());
                completion.complete().unwrap();
                assert!(late.is_stale());
                assert!(late.complete().unwrap_err().to_string().contains("before"));
                count.tick();
            })
        });
        builder.chain(ids).unwrap();
        let mut graph = builder.build().unwrap();
        for _ in 0..20 {
            assert_eq!(graph.run(pool).unwrap().executed, 3);
        }
        drop(graph);
        assert_eq!(count.get(), 60);
    });
}

#[test]
fn completions_of_earlier_passes_are_refused() {
    let _watch = watch();
    each_size(|pool| {
        let count = Count::new();
        let (mut graph, completions) = handing_out(&count);
        let mut stale: Option<Completion> = None;
        for pass in 0..20 {
            let running = graph.start(pool).unwrap();
            let completion = completions.recv().unwrap();
            if let Some(stale) = stale.replace(completion.clone()) {
                assert!(stale.is_stale());
                let error = stale.clone().complete().unwrap_err();
                assert_eq!(error.pass, pass - 1);
                drop(stale);
                assert!(!running.is_finished());
            }
            completion.complete().unwrap();
            assert_eq!(running.wait().unwrap().pass, pass);
        }
        drop(graph);
        assert!(stale.unwrap().complete().is_err());
    });
}

#[test]
fn a_completion_that_is_dropped_is_an_error_of_the_task() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let mut builder = GraphBuilder::new();
        let forgetful = builder.begin("forgetful", |completion: Completion| {
            let clone = completion.clone();
            drop(completion);
            drop(clone);
        });
        let after = builder.task("after", || ());
        builder.edge(forgetful, after).unwrap();
        let mut graph = builder.build().unwrap();
        for _ in 0..10 {
            let error = graph.run(pool).unwrap_err();
            assert_eq!(
                (&*error.vertex, error.executed, error.skipped),
                ("forgetful", 1, 1)
            );
            assert!(error.to_string().contains("dropped"), "{error}");
        }
    });
}

#[test]
fn outcomes_are_those_of_bodies() {
    let _watch = watch();
    quiet();
    inside_and_outside(|pool| {
        for how in 0..5 {
            let mut builder = GraphBuilder::new();
            let begin = builder.begin("begin", move |completion: Completion| {
                let settled = match how {
                    0 => completion.complete_with(Next::Stop),
                    1 => completion.complete_with(Err::<(), _>("on purpose")),
                    2 => completion.complete_with(Next::Branch(1)),
                    3 => completion.complete_with(Next::Branch(2)),
                    _ => panic!("on purpose"),
                };
                settled.unwrap();
            });
            let branches = [0, 1].map(|i| builder.task(format!("{i}"), || ()));
            builder.branches(begin, branches).unwrap();
            let mut graph = builder.build().unwrap();
            for _ in 0..5 {
                match (how, graph.run(pool)) {
                    (0, Ok(report)) => assert_eq!((report.executed, report.skipped), (1, 2)),
                    (2, Ok(report)) => assert_eq!((report.executed, report.skipped), (2, 1)),
                    (1 | 3, Err(error)) => {
                        assert!(matches!(error.error, TaskError::Failed(_)), "{error}");
                    }
                    (4, Err(error)) => assert!(matches!(error.error, TaskError::Panicked(_))),
                    (how, other) => panic!("{how}: {other:?}"),
                }
            }
        }
    });
}

/// A panic after the completion was used, and one with a completion that lives on.
#[test]
fn a_panic_fails_the_task_whatever_was_said_of_it() {
    let _watch = watch();
    quiet();
    inside_and_outside(|pool| {
        let kept = Arc::new(Mutex::new(None));
        for keeps in [false, true] {
            let mut builder = GraphBuilder::new();
            let keep = Arc::clone(&kept);
            builder.begin("panics", move |completion: Completion| {
                if keeps {
                    *keep.lock().unwrap() = Some(completion);
                } else {
                    completion.complete().unwrap();
                }
                panic!("on purpose");
            });
            let mut graph = builder.build().unwrap();
            for _ in 0..5 {
                let error = graph.run(pool).unwrap_err();
                assert!(matches!(error.error, TaskError::Panicked(_)));
                if let Some(completion) = kept.lock().unwrap().take() {
                    assert!(completion.complete().is_err());
                }
            }
        }
    });
}

/// Graph and pool go while a completion is out; whoever completes runs the rest.
#[test]
fn completions_outlive_graph_and_pool() {
    let _watch = watch();
    for workers in SIZES {
        for used in [true, false] {
            let pool = pool(workers);
            let count = Count::new();
            let (mut graph, completions) = handing_out(&count);
            let running = graph.start(&pool).unwrap();
            let completion = completions.recv().unwrap();
            drop((graph, pool));
            assert!(!running.is_finished());
            if used {
                completion.complete().unwrap();
                assert_eq!(running.wait().unwrap().executed, 2);
            } else {
                drop(completion);
                assert_eq!(running.wait().unwrap_err().skipped, 1);
            }
            assert_eq!(count.get(), usize::from(used));
        }
    }
}

/// A wait for a task whose graph waits for a completion can end: that's no deadlock.
#[test]
fn a_pool_that_waits_for_a_completion_is_not_stalled() {
    let _watch = watch();
    for workers in SIZES {
        let pool = Arc::new(pool(workers));
        let count = Count::new();
        let (mut graph, completions) = handing_out(&count);
        let inner = Arc::clone(&pool);
        let runs = pool.spawn(move || graph.run(&inner).map(|pass| pass.executed));
        let inner = pool.spawn(move || runs.wait().unwrap().unwrap());
        let completion = completions.recv().unwrap();
        thread::sleep(std::time::Duration::from_millis(5));
        completion.complete().unwrap();
        assert_eq!(inner.wait().unwrap(), 2);
    }
}

#[test]
fn a_limit_holds_until_the_task_has_ended() {
    let _watch = watch();
    each_size(|pool| {
        let limit = Limit::new(2);
        let (inside, most) = (Count::new(), Count::new());
        let (send, receive) = mpsc::channel::<Completion>();
        let mut builder = GraphBuilder::new();
        let under_way = Arc::new(Mutex::new(0_usize));
        for i in 0..20 {
            let (send, inside, most) = (send.clone(), inside.clone(), most.clone());
            let under_way = Arc::clone(&under_way);
            let task = builder.begin(format!("{i}"), move |completion| {
                inside.tick();
                let mut now = under_way.lock().unwrap();
                *now += 1;
                if *now > 2 {
                    most.tick();
                }
                send.send(completion).unwrap();
            });
            builder.limit(task, &limit).unwrap();
        }
        let mut graph = builder.build().unwrap();
        let running = graph.start(pool).unwrap();
        for _ in 0..20 {
            let completion = receive.recv().unwrap();
            *under_way.lock().unwrap() -= 1;
            completion.complete().unwrap();
        }
        assert_eq!(running.wait().unwrap().executed, 20);
        assert_eq!((inside.get(), most.get()), (20, 0));
    });
}
