//! The models of spawned tasks: the code itself, on a pool whose queue is emptied by a thread of the model.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;
use std::time::Duration;

use loom::cell::UnsafeCell;
use taskweave_sys::inbox::Pop;
use taskweave_sys::sync::Mutex;
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};

use super::{JoinHandle, Options, spawn};
use crate::error::TaskError;
use crate::model::{Body, body, check};
use crate::pool::Pool;
use crate::shared::Shared;
use crate::task::vtable;

/// Loom reports one that is never dropped, or dropped twice.
type Token = loom::sync::Arc<Ran>;

/// How often the body ran.
struct Ran(UnsafeCell<u32>);

// SAFETY: who may touch it is what the model checks.
unsafe impl Sync for Ran {}

struct World {
    shared: Arc<Shared>,
    handle: Option<JoinHandle<Token>>,
    /// Written by the body, read through the result.
    token: Token,
}

impl World {
    fn new() -> Self {
        let shared = shared();
        let token = Token::new(Ran(UnsafeCell::new(0)));
        let captured = Token::clone(&token);
        let handle = spawn(&shared, Options::default(), move || {
            // SAFETY: run once, which the model checks.
            captured.0.with_mut(|ran| unsafe { *ran += 1 });
            captured
        });
        World {
            shared,
            handle: Some(handle),
            token,
        }
    }

    /// A worker that takes the task from the queue.
    fn worker(&self) -> Body<()> {
        let shared = Arc::clone(&self.shared);
        body(move || run_one(&shared))
    }

    /// What is done with the handle.
    fn owner(&mut self, act: impl FnOnce(JoinHandle<Token>) + 'static) -> Body<()> {
        let handle = self.handle.take().unwrap();
        body(move || act(handle))
    }

    /// Afterwards: the task is freed, and has run so often.
    fn end(self, most: u32) -> u32 {
        assert_eq!(Arc::strong_count(&self.shared), 1, "the task isn't freed");
        let ran = read(&self.token);
        assert!(ran <= most);
        ran
    }
}

fn shared() -> Arc<Shared> {
    let builder = Pool::builder()
        .worker_threads(1)
        .queue_capacity(2)
        .spin_us(0);
    Shared::new(builder.check().unwrap())
}

/// Runs a task from the queue, if there is one.
fn run_one(shared: &Shared) {
    loop {
        match shared.slots[0].inbox.try_pop() {
            Pop::Taken(task) => {
                // SAFETY: taken, so it's alive until one of its verbs is called.
                let verbs = unsafe { vtable(task) };
                // SAFETY: one verb, once.
                return unsafe { (verbs.run)(task) };
            }
            Pop::Busy => loom::thread::yield_now(),
            Pop::Empty => return,
        }
    }
}

fn read(token: &Token) -> u32 {
    // SAFETY: the task has ended, which the model checks.
    token.0.with(|ran| unsafe { *ran })
}

#[test]
fn a_wait_meets_the_run() {
    check(2, |order| {
        let mut world = World::new();
        let owner = world.owner(|handle| assert_eq!(read(&handle.wait().unwrap()), 1));
        order.run(vec![world.worker(), owner]);
        assert_eq!(world.end(1), 1);
    });
}

#[test]
fn a_wait_that_gives_up_comes_back() {
    check(2, |order| {
        let mut world = World::new();
        let owner = world.owner(|handle| {
            let result = match handle.wait_timeout(Duration::ZERO) {
                Ok(result) => result,
                Err(handle) => handle.wait(),
            };
            assert_eq!(read(&result.unwrap()), 1);
        });
        order.run(vec![world.worker(), owner]);
        assert_eq!(world.end(1), 1);
    });
}

#[test]
fn a_cancelled_task_runs_or_says_so() {
    check(2, |order| {
        let mut world = World::new();
        let owner = world.owner(|handle| {
            let cancelled = handle.cancel();
            match handle.wait() {
                Ok(token) => assert!(!cancelled && read(&token) == 1),
                Err(TaskError::Cancelled) => assert!(cancelled),
                Err(other) => panic!("{other}"),
            }
        });
        order.run(vec![world.worker(), owner]);
        world.end(1);
    });
}

#[test]
fn a_detached_task_drops_its_result() {
    check(2, |order| {
        let mut world = World::new();
        let owner = world.owner(drop);
        order.run(vec![world.worker(), owner]);
        assert_eq!(world.end(1), 1);
    });
}

struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A waker that was replaced may be woken or not; the last one is, if the task wasn't done when it was left.
#[test]
fn the_last_waker_is_woken() {
    check(2, |order| {
        let mut world = World::new();
        let last = Arc::new(Woken(AtomicUsize::new(0)));
        let waker = Arc::clone(&last);
        let owner = world.owner(move |handle| {
            let mut handle = pin!(handle);
            let wakers =
                [Arc::new(Woken(AtomicUsize::new(0))), Arc::clone(&waker)].map(Waker::from);
            for waker in &wakers {
                if let Poll::Ready(result) = handle.as_mut().poll(&mut Context::from_waker(waker)) {
                    assert_eq!(read(&result.unwrap()), 1);
                    return;
                }
            }
            while waker.0.load(Ordering::Acquire) == 0 {
                loom::thread::yield_now();
            }
            let context = &mut Context::from_waker(&wakers[1]);
            let Poll::Ready(result) = handle.as_mut().poll(context) else {
                panic!("woken, and not done");
            };
            assert_eq!(read(&result.unwrap()), 1);
        });
        order.run(vec![world.worker(), owner]);
        assert_eq!(world.end(1), 1);
    });
}

/// A handle on its way to the one who waits for it.
type Passed = Arc<Mutex<Option<JoinHandle<Outcome>>>>;

/// How a body's own wait ended; `None` if it has none.
type Outcome = Option<Result<(), TaskError>>;

fn passed() -> Passed {
    Arc::new(Mutex::new(None))
}

fn wait_for(passed: &Passed) -> Result<Outcome, TaskError> {
    let handle = passed.lock().unwrap().take().unwrap();
    handle.wait()
}

/// A task that is never run by whoever waits for it.
fn apart(
    shared: &Arc<Shared>,
    act: impl FnOnce() -> Outcome + Send + 'static,
) -> JoinHandle<Outcome> {
    let options = Options {
        blocking: true,
        ..Options::default()
    };
    spawn(shared, options, act)
}

/// Of two bodies that wait for each other, whichever comes second is told, and the other goes on.
#[test]
fn one_of_two_that_wait_for_each_other_is_told() {
    check(2, |order| {
        let shared = shared();
        let (first, second) = (passed(), passed());
        let told = Arc::new(AtomicUsize::new(0));
        let waiting = |other: &Passed| {
            let (other, told) = (Arc::clone(other), Arc::clone(&told));
            apart(&shared, move || {
                match wait_for(&other) {
                    Ok(_) => {}
                    Err(TaskError::Deadlock) => drop(told.fetch_add(1, Ordering::Relaxed)),
                    Err(error) => panic!("{error}"),
                }
                None
            })
        };
        let handles = (waiting(&second), waiting(&first));
        *first.lock().unwrap() = Some(handles.0);
        *second.lock().unwrap() = Some(handles.1);
        let worker = || {
            let shared = Arc::clone(&shared);
            body(move || run_one(&shared))
        };
        order.run(vec![worker(), worker()]);
        assert_eq!(told.load(Ordering::Relaxed), 1);
    });
}

/// A thread that has ended a task, and waits for the one who waits for that, is part of no cycle.
#[test]
fn a_wait_after_a_task_is_not_its_own() {
    check(2, |order| {
        let shared = shared();
        let (first, second) = (passed(), passed());
        let other = Arc::clone(&first);
        *first.lock().unwrap() = Some(apart(&shared, || None));
        let waits = apart(&shared, move || Some(wait_for(&other).map(drop)));
        *second.lock().unwrap() = Some(waits);
        let again = Arc::clone(&shared);
        let ends_then_waits = body(move || {
            run_one(&shared);
            assert!(matches!(wait_for(&second), Ok(Some(Ok(())))));
        });
        order.run(vec![ends_then_waits, body(move || run_one(&again))]);
    });
}
