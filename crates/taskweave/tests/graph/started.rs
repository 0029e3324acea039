//! `start`: passes in the background, and what may be dropped meanwhile.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use taskweave::graph::{AlreadyRunning, Graph, GraphBuilder, Next};
use taskweave::{CancelToken, Pool, Shutdown, TaskError};

use crate::shapes::Shape;
use crate::tracked::Plan;
use taskweave_testing::{Count, Dropped, Gate, SIZES, busy, each_size, pool, quiet, rounds, watch};

fn counting(shape: &Shape, count: &Count) -> Graph<'static> {
    shape.graph(|_| {
        let count = count.clone();
        move || count.tick()
    })
}

#[test]
fn a_started_pass_runs_and_says_how_it_ended() {
    let _watch = watch();
    each_size(|pool| {
        for shape in Shape::all() {
            let count = Count::new();
            let mut graph = counting(&shape, &count);
            for round in 0..10 {
                let report = graph.start(pool).unwrap().wait().unwrap();
                assert_eq!((report.pass, report.executed), (2 * round, shape.n));
                assert_eq!(graph.run(pool).unwrap().pass, 2 * round + 1);
            }
            assert_eq!(count.get(), 20 * shape.n);
        }
    });
}

#[test]
fn a_second_start_is_refused_while_the_first_one_runs() {
    let _watch = watch();
    each_size(|pool| {
        let gate = Gate::new();
        let mut builder = GraphBuilder::new();
        let pass = gate.clone();
        builder.task("waits", move || pass.pass());
        let mut graph = builder.build().unwrap();
        let running = graph.start(pool).unwrap();
        assert_eq!(graph.start(pool).unwrap_err(), AlreadyRunning);
        assert!(graph.is_running() && !running.is_finished());
        let running = running.wait_timeout(Duration::from_millis(1)).unwrap_err();
        gate.open();
        running.wait().unwrap();
        // Run comes after one that nobody waits for.
        drop(graph.start(pool).unwrap());
        assert_eq!(graph.run(pool).unwrap().pass, 2);
    });
}

#[test]
fn handles_keep_their_own_results() {
    let _watch = watch();
    each_size(|pool| {
        let count = Count::new();
        let mut graph = counting(&Shape::diamond(), &count);
        let mut handles = Vec::new();
        for _ in 0..10 {
            handles.push(graph.start(pool).unwrap());
            while graph.is_running() {
                std::thread::yield_now();
            }
        }
        for (pass, mut handle) in (0..).zip(handles) {
            let ended = loop {
                if let Some(ended) = handle.try_wait() {
                    break ended;
                }
            };
            assert_eq!(ended.unwrap().pass, pass);
            let again = handle.wait().unwrap_err();
            assert!(matches!(again.error, TaskError::Taken));
        }
    });
}

#[test]
fn failures_stops_and_cancels_are_told() {
    let _watch = watch();
    quiet();
    each_size(|pool| {
        for plan in Plan::ALL {
            let mut graph = Shape::line(5).graph(|vertex| {
                move || match plan {
                    _ if vertex != 2 => Ok(Next::Continue),
                    Plan::Continue => Ok(Next::Continue),
                    Plan::Stop => Ok(Next::Stop),
                    Plan::Fail => Err("on purpose"),
                    Plan::Panic => panic!("on purpose"),
                }
            });
            for _ in 0..5 {
                match graph.start(pool).unwrap().wait() {
                    Ok(report) => {
                        assert_eq!(report.skipped, [2, 0][usize::from(plan == Plan::Continue)])
                    }
                    Err(error) => assert_eq!((error.executed, error.skipped), (3, 2)),
                }
            }
            let token = CancelToken::new();
            token.cancel();
            let error = graph.start_with(pool, &token).unwrap().wait().unwrap_err();
            assert!(error.is_cancelled() && error.skipped == 5);
        }
    });
}

#[test]
fn graphs_overlap() {
    let _watch = watch();
    each_size(|pool| {
        let count = Count::new();
        let shapes = Shape::all();
        let mut graphs: Vec<_> = shapes.iter().map(|shape| counting(shape, &count)).collect();
        let all: usize = shapes.iter().map(|shape| shape.n).sum();
        for round in 1..=rounds(20, 1_000) {
            let running: Vec<_> = graphs.iter_mut().map(|g| g.start(pool).unwrap()).collect();
            for handle in running {
                handle.wait().unwrap();
            }
            assert_eq!(count.get(), round * all);
        }
    });
}

/// Each of graph, handle and pool is dropped before, while or after the pass runs.
#[test]
fn whatever_is_dropped_the_pass_ends_and_everything_is_freed() {
    let _watch = watch();
    for workers in SIZES {
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            for delay in [0, 2_000, 60_000] {
                let (count, freed) = (Count::new(), Count::new());
                let shape = Shape::grid(8);
                let mut graph = shape.graph(|_| {
                    let (count, dropped) = (count.clone(), Dropped(freed.clone()));
                    move || {
                        let _captured = &dropped;
                        busy(100);
                        count.tick();
                    }
                });
                let pool = pool(workers);
                let mut parts = (Some(graph.start(&pool).unwrap()), Some(graph), Some(pool));
                for what in order {
                    busy(delay);
                    match what {
                        0 => drop(parts.0.take()),
                        1 => drop(parts.1.take()),
                        _ => drop(parts.2.take()),
                    }
                }
                // A pool's drop has waited for what it ran.
                assert_eq!((count.get(), freed.get()), (shape.n, shape.n));
            }
        }
    }
}

#[test]
fn a_pool_that_is_shut_down_runs_what_was_started() {
    let _watch = watch();
    for mode in [Shutdown::Drain, Shutdown::Abandon] {
        for workers in SIZES {
            let pool = pool(workers);
            let count = Count::new();
            let shape = Shape::grid(10);
            let mut graph = counting(&shape, &count);
            let running = graph.start(&pool).unwrap();
            pool.shutdown(mode, None).unwrap();
            assert_eq!(running.wait().unwrap().executed, shape.n);
            // And one that has ended leaves it to the caller.
            assert_eq!(
                graph.start(&pool).unwrap().wait().unwrap().executed,
                shape.n
            );
            assert_eq!(graph.run(&pool).unwrap().executed, shape.n);
        }
    }
}

#[test]
fn a_task_waits_for_a_started_pass() {
    let _watch = watch();
    for workers in SIZES {
        let pool = Arc::new(pool(workers));
        let handles: Vec<_> = (0..6)
            .map(|_| {
                let inner = Arc::clone(&pool);
                pool.spawn(move || {
                    let count = Count::new();
                    let mut graph = counting(&Shape::grid(6), &count);
                    for _ in 0..10 {
                        graph.start(&inner).unwrap().wait().unwrap();
                        let started = graph.start(&inner).unwrap();
                        let waited = started.wait_timeout(Duration::from_secs(100));
                        waited.unwrap().unwrap();
                    }
                    count.get()
                })
            })
            .collect();
        for handle in handles {
            assert_eq!(handle.wait().unwrap(), 20 * 36);
        }
    }
}

#[test]
fn a_body_that_waits_for_its_own_pass_is_told() {
    let _watch = watch();
    each_size(|pool| {
        let handle = Arc::new(std::sync::Mutex::new(None));
        let gate = Gate::new();
        let mut builder = GraphBuilder::new();
        let (own, open) = (Arc::clone(&handle), gate.clone());
        builder.task("waits for itself", move || {
            open.pass();
            let running: taskweave::graph::Running = own.lock().unwrap().take().unwrap();
            let error = running.wait().unwrap_err();
            assert!(matches!(error.error, TaskError::Deadlock), "{error}");
        });
        let mut graph = builder.build().unwrap();
        let running = graph.start(pool).unwrap();
        *handle.lock().unwrap() = Some(running);
        gate.open();
        while graph.is_running() {
            std::thread::yield_now();
        }
        assert!(handle.lock().unwrap().is_none());
    });
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[test]
fn a_started_pass_is_a_future() {
    let _watch = watch();
    each_size(|pool: &Pool| {
        let count = Count::new();
        let mut graph = counting(&Shape::grid(6), &count);
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        for pass in 0..20 {
            let mut running = pin!(graph.start(pool).unwrap());
            let report = loop {
                match running.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(ended) => break ended.unwrap(),
                    Poll::Pending => std::thread::park(),
                }
            };
            assert_eq!((report.pass, report.executed), (pass, 36));
        }
    });
}
