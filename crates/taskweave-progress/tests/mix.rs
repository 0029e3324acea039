//! Frontiers beside the rest of the runtime: tasks, graphs and futures hold capabilities, and wait for a frontier.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use taskweave::Pool;
use taskweave::graph::GraphBuilder;
use taskweave_progress::Epochs;
use taskweave_sys::sync::thread;

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<R>(future: impl Future<Output = R>) -> R {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => thread::park(),
        }
    }
}

/// Epoch 0 is a task's, a graph's and a future's; epoch 1 begins, on the pool, when all of it is in.
#[test]
fn a_task_a_graph_and_a_future_hold_an_epoch_and_a_task_waits_for_it() {
    let pool = Arc::new(Pool::builder().worker_threads(2).build().unwrap());
    let (epochs, mut input) = Epochs::new();
    let done = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let done = Arc::clone(&done);
        move || done.lock().unwrap().push(what)
    };

    let next = input.ticket_for(1).unwrap();
    let (after, on) = (note("after"), Arc::downgrade(&pool));
    epochs.when_closed(0, move || {
        if let Some(pool) = on.upgrade() {
            // Detached: its ticket tells when it has run.
            drop(pool.spawn(move || {
                after();
                drop(next);
            }));
        }
    });

    let (by_task, ticket) = (note("task"), input.ticket());
    let task = pool.spawn(move || {
        by_task();
        drop(ticket);
    });
    let (by_graph, mut ticket) = (note("graph"), Some(input.ticket()));
    let mut builder = GraphBuilder::new();
    builder.task("hold", move || {
        by_graph();
        drop(ticket.take());
    });
    let mut graph = builder.build().unwrap();
    let (by_future, ticket) = (note("future"), input.ticket());
    let task_of_future = pool.spawn(|| 7);
    let future = async move {
        assert_eq!(task_of_future.await.unwrap(), 7);
        by_future();
        drop(ticket);
    };
    input.advance_to(1).unwrap();
    drop(input);

    assert_eq!(epochs.current(), Some(0));
    graph.run(&pool).unwrap();
    block_on(future);
    task.wait().unwrap();
    block_on(epochs.closed(1));
    let mut done = done.lock().unwrap().clone();
    assert_eq!(done.pop(), Some("after"));
    done.sort_unstable();
    assert_eq!(done, ["future", "graph", "task"]);
}

/// A task that panics has dropped its ticket: the epoch is closed, and the handle tells the rest.
#[test]
fn a_task_that_panics_or_is_cancelled_holds_nothing_up() {
    let pool = Pool::builder().worker_threads(2).build().unwrap();
    let (epochs, input) = Epochs::new();
    let (first, second) = (input.ticket(), input.ticket());
    let panics = pool.spawn(move || {
        let _held = first;
        std::panic::resume_unwind(Box::new("the body"));
    });
    let cancelled = pool.spawn(move || drop(second));
    cancelled.cancel();
    drop(input);
    epochs.wait(0);
    assert!(panics.wait().is_err());
}
