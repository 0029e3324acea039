//! Front ends that use one another: graphs, tasks and futures.
#![cfg(all(feature = "graph", not(any(taskweave_loom, taskweave_shuttle))))]

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taskweave::graph::GraphBuilder;
use taskweave::{CancelToken, JoinHandle, TaskError, join, sleep, spawn_future, yield_now};
use taskweave_testing::{Count, Log, each_size, inside_and_outside, until, watch};

/// A vertex that begins a future and ends with it: its successors run afterwards.
#[test]
fn a_vertex_awaits() {
    let _watch = watch();
    each_size(|pool| {
        let log = Log::new();
        let mut builder = GraphBuilder::new();
        let (first, last) = (log.clone(), log.clone());
        let awaits = builder.begin("awaits", move |completion| {
            let log = first.clone();
            drop(spawn_future(async move {
                sleep(Duration::from_millis(1)).await;
                yield_now().await;
                log.push("awaited");
                completion.complete().unwrap();
            }));
        });
        let after = builder.task("after", move || last.push("after"));
        builder.edge(awaits, after).unwrap();
        let mut graph = builder.build().unwrap();
        for _ in 0..5 {
            graph.run(pool).unwrap();
            assert_eq!(log.take(), ["awaited", "after"]);
        }
    });
}

/// A future starts a graph, awaits its pass, and starts it again.
#[test]
fn a_future_awaits_a_run() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let count = Count::new();
        let mut builder = GraphBuilder::new();
        for i in 0..10 {
            let count = count.clone();
            builder.task(format!("part {i}"), move || count.tick());
        }
        let mut graph = builder.build().unwrap();
        let runs = pool.block_on(async {
            let mut runs = 0;
            for _ in 0..5 {
                graph.start(pool).unwrap().await.unwrap();
                runs += 1;
                assert_eq!(count.get(), runs * 10);
            }
            runs
        });
        assert_eq!(runs, 5);
    });
}

/// A future that a vertex waits for panics, or is cancelled: the completion goes with it, and that is the vertex's error.
#[test]
fn a_future_that_ends_badly_ends_its_vertex() {
    let _watch = watch();
    each_size(|pool| {
        for cancels in [false, true] {
            let token = CancelToken::new();
            let begun = Count::new();
            let (own, begin) = (token.clone(), begun.clone());
            let handle: Arc<Mutex<Option<JoinHandle<()>>>> = Arc::default();
            let kept = Arc::clone(&handle);
            let mut builder = GraphBuilder::new();
            let shared = taskweave::Pool::builder()
                .worker_threads(1)
                .build()
                .unwrap();
            builder.begin("awaits", move |completion| {
                let begin = begin.clone();
                let future = async move {
                    let _completion = completion;
                    yield_now().await;
                    begin.tick();
                    if cancels {
                        pending::<()>().await;
                    }
                    panic!("on purpose");
                };
                let future = shared.task().cancel_with(&own).spawn_future(future);
                *kept.lock().unwrap() = Some(future);
            });
            let mut graph = builder.build().unwrap();
            let pass = graph.start(pool).unwrap();
            until(|| begun.get() == 1);
            token.cancel();
            let error = pass.wait().unwrap_err();
            assert!(error.to_string().contains("awaits"), "{error}");
            let ended = handle.lock().unwrap().take().unwrap().wait();
            match ended {
                Err(TaskError::Cancelled) => assert!(cancels),
                Err(TaskError::Panicked(_)) => assert!(!cancels),
                other => panic!("{other:?}"),
            }
        }
    });
}

/// A vertex panics; the future that awaits the pass is told.
#[test]
fn a_vertex_that_panics_is_an_error_of_the_await() {
    let _watch = watch();
    each_size(|pool| {
        let mut builder = GraphBuilder::new();
        builder.task("fails", || -> () { panic!("on purpose") });
        let mut graph = builder.build().unwrap();
        let pass = graph.start(pool).unwrap();
        let told = pool.spawn_future(async move { pass.await.unwrap_err().to_string() });
        let told = told.wait().unwrap();
        assert!(told.contains("fails"), "{told}");
    });
}

/// A pass is cancelled while one of its vertices awaits a future: that one ends first, its successors are skipped, and the future that awaits the pass is told.
#[test]
fn a_cancelled_pass_is_an_error_of_the_await() {
    let _watch = watch();
    each_size(|pool| {
        let (token, skipped) = (CancelToken::new(), Count::new());
        let (open, gate) = async_channel::bounded::<()>(1);
        let mut builder = GraphBuilder::new();
        let awaits = builder.begin("awaits", move |completion| {
            let gate = gate.clone();
            drop(spawn_future(async move {
                gate.recv().await.unwrap();
                completion.complete().unwrap();
            }));
        });
        let count = skipped.clone();
        let after = builder.task("after", move || count.tick());
        builder.edge(awaits, after).unwrap();
        let mut graph = builder.build().unwrap();
        let pass = graph.start_with(pool, &token).unwrap();
        let told = pool.spawn_future(async move {
            let error = pass.await.unwrap_err();
            (error.executed, error.skipped, error.error)
        });
        token.cancel();
        open.send_blocking(()).unwrap();
        let (executed, left_out, error) = told.wait().unwrap();
        assert!(matches!(error, TaskError::Cancelled), "{error}");
        // The cancel may have come before the vertex began.
        assert_eq!((executed + left_out, skipped.get()), (2, 0));
        assert!(left_out >= 1);
    });
}

/// A body waits for a future that awaits a future that awaits the body.
#[test]
fn a_deadlock_across_tasks_and_futures_is_found() {
    let _watch = watch();
    each_size(|pool| {
        let (send, receive) = async_channel::bounded::<JoinHandle<bool>>(1);
        let inner = pool.spawn_future(async move {
            let body = receive.recv().await.unwrap();
            body.await.unwrap()
        });
        let outer = pool.spawn_future(async move { inner.await.unwrap() });
        let found = Count::new();
        let count = found.clone();
        let body = pool.spawn(move || {
            let deadlock = matches!(outer.wait(), Err(TaskError::Deadlock));
            if deadlock {
                count.tick();
            }
            deadlock
        });
        send.send_blocking(body).unwrap();
        until(|| found.get() == 1);
        until(|| pool.metrics().total().futures_ended == 2);
    });
}

/// A vertex waits for a future that awaits the vertex's own pass. Once it's told, the pass goes on, and the future ends.
#[test]
fn a_deadlock_of_a_vertex_and_the_await_of_its_pass_is_found() {
    let _watch = watch();
    each_size(|pool| {
        let (send, receive) = async_channel::bounded::<JoinHandle<usize>>(1);
        let (found, after) = (Count::new(), Count::new());
        let mut builder = GraphBuilder::new();
        let count = found.clone();
        let waits = builder.task("waits", move || {
            let awaits = receive.recv_blocking().unwrap();
            if matches!(awaits.wait(), Err(TaskError::Deadlock)) {
                count.tick();
            }
        });
        let count = after.clone();
        let last = builder.task("after", move || count.tick());
        builder.edge(waits, last).unwrap();
        let mut graph = builder.build().unwrap();
        for round in 1..=3 {
            let pass = graph.start(pool).unwrap();
            let awaits = pool.spawn_future(async move { pass.await.unwrap().executed });
            send.send_blocking(awaits).unwrap();
            until(|| after.get() == round);
            assert_eq!(found.get(), round);
        }
        until(|| pool.metrics().total().futures_ended == 3);
    });
}

/// What is ready everywhere, all at once.
#[test]
fn joins_within_polls_within_vertices() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let mut builder = GraphBuilder::new();
        let sum = Count::new();
        for i in 0..20 {
            let sum = sum.clone();
            builder.begin(format!("part {i}"), move |completion| {
                let sum = sum.clone();
                drop(spawn_future(async move {
                    let (a, b) = join(|| 1, || 2);
                    yield_now().await;
                    let task = taskweave::spawn(|| 3);
                    (0..a + b + task.await.unwrap()).for_each(|_| sum.tick());
                    completion.complete().unwrap();
                }));
            });
        }
        let mut graph = builder.build().unwrap();
        graph.run(pool).unwrap();
        assert_eq!(sum.get(), 20 * 6);
    });
}

/// A task after a graph's pass after a task, and so on: each has begun when what it comes after has ended.
#[test]
fn tasks_and_passes_come_one_after_the_other() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let log = Log::new();
        let entry = |what: &'static str| {
            let log = log.clone();
            move || log.push(what)
        };
        let mut builder = GraphBuilder::new();
        builder.task("vertex", entry("vertex"));
        let mut graph = builder.build().unwrap();
        let first = pool.spawn(entry("first"));
        let pass = graph.start_after(first, pool).unwrap();
        let last = pool.task().after(pass).spawn(entry("last"));
        last.wait().unwrap();
        assert_eq!(log.take(), ["first", "vertex", "last"]);
    });
}

/// What fails at the beginning of the line is told at its end, and nothing behind it runs.
#[test]
fn the_first_cause_comes_through_tasks_passes_and_gates() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let ran = Count::new();
        let (own, other) = (ran.clone(), ran.clone());
        let mut builder = GraphBuilder::new();
        builder.task("vertex", move || own.tick());
        let mut graph = builder.build().unwrap();
        let first = pool.spawn(|| std::panic::resume_unwind(Box::new("the first cause")));
        let pass = graph.start_after(first, pool).unwrap();
        let last = pool.task().after(pass).spawn(move || other.tick());
        let Err(TaskError::Poisoned { root }) = last.wait() else {
            panic!("the cause was lost");
        };
        assert!(root.to_string().contains("the first cause"), "{root}");
        assert_eq!(ran.get(), 0);
        graph.run(pool).unwrap();
        assert_eq!(ran.get(), 1, "the next pass is clean");
        let mut empty = GraphBuilder::new().build();
        if let Ok(graph) = &mut empty {
            let fails = pool.spawn(|| std::panic::resume_unwind(Box::new("the first cause")));
            assert!(graph.start_after(fails, pool).unwrap().wait().is_err());
        }
    });
}

/// A vertex ends when a gate opens that a future holds, and a task that is cancelled there fails what comes after.
#[test]
fn gates_are_awaited_by_futures() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let (completion, gate) = taskweave::gate::gate();
        let awaits = pool.spawn_future(gate.clone());
        let after = pool.task().after(gate).spawn(|| 7);
        assert!(!awaits.is_finished() && !after.is_finished());
        completion.open();
        awaits.wait().unwrap().unwrap();
        assert_eq!(after.wait().unwrap(), 7);

        let (completion, gate) = taskweave::gate::gate();
        let token = CancelToken::new();
        token.cancel();
        let cancelled = pool.task().cancel_with(&token).after(&gate).spawn(|| ());
        let behind = pool.task().after(cancelled).spawn(|| ());
        completion.open();
        let Err(TaskError::Poisoned { root }) = behind.wait() else {
            panic!("it ran");
        };
        assert!(matches!(*root, TaskError::Cancelled));
    });
}
