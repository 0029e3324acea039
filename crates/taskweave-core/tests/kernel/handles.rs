//! Every way for a task to end, with every way for its handle to go: each result and each closure is dropped once, and
//! the handle says what happened.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use taskweave_core::{JoinHandle, Pool, TaskError};

use taskweave_testing::{Count, Dropped, Gate, block_on, each_pool, pool, until, watch};

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Body {
    Returns,
    Panics,
    /// It's cancelled before it begins.
    Cancelled,
}

/// What becomes of the handle.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Handle {
    Wait,
    WaitFor,
    Try,
    Await,
    DroppedBefore,
    DroppedAfter,
    /// The result is taken, and then the handle is asked again.
    Twice,
}

/// When the handle's end comes, as seen from the body.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    /// The body is queued behind one that goes on.
    Queued,
    Running,
    Ended,
}

const BODIES: [Body; 3] = [Body::Returns, Body::Panics, Body::Cancelled];
const HANDLES: [Handle; 7] = [
    Handle::Wait,
    Handle::WaitFor,
    Handle::Try,
    Handle::Await,
    Handle::DroppedBefore,
    Handle::DroppedAfter,
    Handle::Twice,
];
const WHENS: [When; 3] = [When::Queued, When::Running, When::Ended];

#[track_caller]
fn check(body: Body, result: Result<Dropped, TaskError>) {
    match (body, result) {
        (Body::Returns, Ok(_)) | (Body::Cancelled, Err(TaskError::Cancelled)) => {}
        (Body::Panics, Err(TaskError::Panicked(panic))) => {
            assert_eq!(panic.message(), "on purpose");
        }
        (body, Ok(_)) => panic!("{body:?}, but there is a result"),
        (body, Err(error)) => panic!("{body:?}, but {error}"),
    }
}

fn product(pool: &Pool, body: Body, end: Handle, when: When) {
    let (results, closures) = (Count::new(), Count::new());
    let (began, gate, held) = (Gate::new(), Gate::new(), Gate::new());
    // Holds up all workers, so that the task stays queued.
    let holders: Vec<_> = (0..if when == When::Queued {
        pool.worker_threads()
    } else {
        0
    })
        .map(|_| {
            let (held, begun) = (held.clone(), Gate::new());
            let begin = begun.clone();
            let holder = pool.spawn(move || {
                begin.open();
                held.pass();
            });
            begun.pass();
            holder
        })
        .collect();
    let handle = {
        let (result, closure) = (results.clone(), Dropped(closures.clone()));
        let (began, gate) = (began.clone(), gate.clone());
        pool.spawn(move || {
            let _closure = closure;
            began.open();
            gate.pass();
            assert!(body == Body::Returns, "on purpose");
            Dropped(result)
        })
    };
    match when {
        When::Queued if body == Body::Cancelled => assert!(handle.cancel() && !handle.cancel()),
        _ if body == Body::Cancelled => {
            // It can be cancelled only if it hasn't begun.
            gate.open();
            if !handle.cancel() {
                drop(handle);
                return;
            }
        }
        When::Queued => gate.open(),
        When::Running => began.pass(),
        When::Ended => {
            gate.open();
            until(|| handle.is_finished());
        }
    }
    let opener = (when == When::Running && end != Handle::DroppedBefore).then(|| {
        let gate = gate.clone();
        taskweave_sys::sync::thread::spawn(move || gate.open())
    });
    let free = || held.open();
    match end {
        Handle::Wait => check(body, handle.wait()),
        Handle::WaitFor => match handle.wait_timeout(Duration::from_secs(3600)) {
            Ok(result) => check(body, result),
            Err(_) => panic!("an hour has passed"),
        },
        Handle::Try => {
            free();
            let mut handle = handle;
            until(|| handle.is_finished());
            check(body, handle.try_wait().expect("it's there"));
        }
        Handle::Await => {
            free();
            check(body, block_on(handle));
        }
        Handle::DroppedBefore => {
            drop(handle);
            gate.open();
        }
        Handle::DroppedAfter => {
            free();
            until(|| handle.is_finished());
            drop(handle);
        }
        Handle::Twice => {
            free();
            let mut handle = handle;
            check(body, block_on(&mut handle));
            assert!(matches!(handle.try_wait(), Some(Err(TaskError::Taken))));
            assert!(matches!(block_on(&mut handle), Err(TaskError::Taken)));
            match handle.wait_timeout(Duration::ZERO) {
                Ok(result) => assert!(matches!(result, Err(TaskError::Taken))),
                Err(_) => panic!("it has ended"),
            }
        }
    }
    held.open();
    for holder in holders {
        holder.wait().unwrap();
    }
    if let Some(opener) = opener {
        opener.join().unwrap();
    }
    // A detached task runs on by itself.
    until(|| closures.get() == 1);
    until(|| results.get() == usize::from(body == Body::Returns));
}

#[test]
fn every_end_of_a_task_with_every_end_of_its_handle() {
    let _watch = watch();
    for workers in [1, 2] {
        let pool = pool(workers);
        for body in BODIES {
            for end in HANDLES {
                for when in WHENS {
                    for _ in 0..5 {
                        product(&pool, body, end, when);
                    }
                }
            }
        }
        // Nothing is dropped again when the pool goes.
        drop(pool);
    }
}

#[test]
fn handles_dropped_while_their_tasks_end() {
    let _watch = watch();
    each_pool(|pool| {
        let (results, closures) = (Count::new(), Count::new());
        for i in 0..3000 {
            let (result, closure) = (results.clone(), Dropped(closures.clone()));
            let handle = pool.spawn(move || {
                let _closure = closure;
                Dropped(result)
            });
            taskweave_testing::busy(i % 200);
            drop(handle);
        }
        drop(pool);
        assert_eq!((results.get(), closures.get()), (3000, 3000));
    });
}

#[test]
fn results_of_any_size_and_alignment() {
    #[repr(align(256))]
    #[derive(Debug, PartialEq)]
    struct Aligned([u8; 300]);
    let _watch = watch();
    each_pool(|pool| {
        assert_eq!(pool.spawn(|| ()).wait().unwrap(), ());
        assert_eq!(
            pool.spawn(|| Aligned([3; 300])).wait().unwrap(),
            Aligned([3; 300])
        );
        let data = [7_u8; 5000];
        assert_eq!(pool.spawn(move || data.len()).wait().unwrap(), 5000);
        assert!(
            pool.spawn(|| [1_u8; 5000])
                .wait()
                .unwrap()
                .iter()
                .all(|&x| x == 1)
        );
        let aligned = Aligned([1; 300]);
        let address =
            pool.spawn(move || (&raw const aligned).addr() % 256 + usize::from(aligned.0[0]));
        assert_eq!(address.wait().unwrap(), 1);
    });
}

/// Counts its wakes and its own drops.
struct Waking {
    wakes: Count,
    _drops: Dropped,
}

impl Wake for Waking {
    fn wake(self: Arc<Self>) {
        self.wakes.add();
    }
}

fn counting_waker() -> (Waker, Count, Count) {
    let (wakes, drops) = (Count::new(), Count::new());
    let waking = Waking {
        wakes: wakes.clone(),
        _drops: Dropped(drops.clone()),
    };
    (Waker::from(Arc::new(waking)), wakes, drops)
}

fn poll<T>(handle: &mut JoinHandle<T>, waker: &Waker) -> Poll<Result<T, TaskError>> {
    Pin::new(handle).poll(&mut Context::from_waker(waker))
}

#[test]
fn the_waker_of_the_last_poll_is_woken() {
    let _watch = watch();
    each_pool(|pool| {
        let gate = Gate::new();
        let hold = gate.clone();
        let mut handle = pool.spawn(move || hold.pass());
        let (first, first_wakes, first_drops) = counting_waker();
        let (second, second_wakes, second_drops) = counting_waker();
        assert!(poll(&mut handle, &first).is_pending());
        assert!(poll(&mut handle, &first).is_pending());
        assert!(poll(&mut handle, &second).is_pending());
        drop(first);
        assert_eq!(first_drops.get(), 1, "a replaced waker isn't kept");
        gate.open();
        until(|| second_wakes.get() > 0);
        assert!(matches!(poll(&mut handle, &second), Poll::Ready(Ok(()))));
        assert_eq!((first_wakes.get(), second_wakes.get()), (0, 1));
        drop((second, handle));
        until(|| second_drops.get() == 1);
    });
}

#[test]
fn a_poll_never_runs_the_task() {
    let _watch = watch();
    let pool = pool(1);
    let (began, gate) = (Gate::new(), Gate::new());
    let (begin, hold) = (began.clone(), gate.clone());
    let holder = pool.spawn(move || {
        begin.open();
        hold.pass();
    });
    began.pass();
    let mut handle = pool.spawn(|| 1);
    let (waker, _, _) = counting_waker();
    assert!(poll(&mut handle, &waker).is_pending());
    assert!(handle.try_wait().is_none());
    // A waiting thread may take over from a waker.
    assert_eq!(handle.wait().unwrap(), 1);
    gate.open();
    holder.wait().unwrap();
}

#[test]
fn a_wait_takes_over_from_a_poll_and_back() {
    let _watch = watch();
    each_pool(|pool| {
        let gate = Gate::new();
        let hold = gate.clone();
        let mut handle = pool.spawn_blocking(move || {
            hold.pass();
            9
        });
        let (waker, wakes, drops) = counting_waker();
        for _ in 0..3 {
            assert!(poll(&mut handle, &waker).is_pending());
            handle = handle
                .wait_timeout(Duration::from_micros(300))
                .expect_err("it runs");
        }
        drop(waker);
        assert_eq!(drops.get(), 1, "the thread that waited has replaced it");
        gate.open();
        assert_eq!(handle.wait().unwrap(), 9);
        assert_eq!(wakes.get(), 0);
    });
}

#[test]
fn many_awaited_by_one_thread() {
    let _watch = watch();
    each_pool(|pool| {
        let sum: usize = block_on(async {
            let handles: Vec<_> = (0..500).map(|i| pool.spawn(move || i)).collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 499 * 250);
    });
}

/// Each waits for the one before, and is run by the wait of the one behind: not so deep that the stack ends.
#[test]
fn a_long_chain_of_waits_needs_no_deep_stack() {
    let _watch = watch();
    each_pool(|pool| {
        // The workers are busy until this thread is well under way.
        let begun = Count::new();
        for _ in 0..pool.worker_threads() {
            let begun = begun.clone();
            drop(pool.spawn(move || until(|| begun.get() > 100)));
        }
        let mut last: JoinHandle<Result<usize, TaskError>> = pool.spawn(|| Ok(0));
        let length = 30_000;
        for _ in 0..length {
            let (before, begun) = (last, begun.clone());
            last = pool.spawn(move || {
                begun.add();
                Ok(before.wait()?? + 1)
            });
        }
        match last.wait().unwrap() {
            Ok(reached) => assert_eq!(reached, length),
            // A thread that makes no headway in the middle of the chain, while the others begin what's behind it.
            Err(TaskError::TooManyBlocked { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    });
}

#[test]
fn panics_that_quote_one_another_stay_short() {
    let _watch = watch();
    let pool = pool(1);
    let mut last = pool.spawn(|| panic!("\\ on purpose"));
    for _ in 0..200 {
        let before = last;
        last = pool.spawn(move || before.wait().unwrap());
    }
    let Err(TaskError::Panicked(panic)) = last.wait() else {
        panic!("the first one panics");
    };
    let text = panic.message();
    assert!(text.len() < 2000, "{} bytes", text.len());
    assert!(text.contains("bytes more"), "{text}");
}
