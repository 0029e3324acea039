//! The models of futures: the code itself, on a pool whose queue is emptied by threads of the model. Leaves have two slots.

use core::future::{Future, poll_fn};
use core::task::{Poll, Waker};
use std::sync::Arc;

use loom::cell::UnsafeCell;
use taskweave_sys::inbox::Pop;
use taskweave_sys::sync::Mutex;
use taskweave_sys::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::spawn_future;
use crate::error::TaskError;
use crate::model::{Body, body, check};
use crate::pool::Pool;
use crate::shared::{Phase, Shared};
use crate::spawn::{JoinHandle, Options};
use crate::task::vtable;
use crate::thread;
use crate::worker::Worker;

/// Loom reports one that is never dropped, or dropped twice.
type Token = loom::sync::Arc<()>;

fn shared() -> Arc<Shared> {
    let builder = Pool::builder()
        .worker_threads(1)
        .queue_capacity(2)
        .spin_us(0);
    Shared::new(builder.check().unwrap())
}

/// Runs what is queued. True: there was something.
fn run_all(shared: &Shared) -> bool {
    let mut ran = false;
    loop {
        match shared.slots[0].inbox.try_pop() {
            Pop::Taken(task) => {
                ran = true;
                // SAFETY: taken, so it's alive until one of its verbs is called.
                let verbs = unsafe { vtable(task) };
                // SAFETY: one verb, once.
                unsafe { (verbs.run)(task) };
            }
            Pop::Busy => loom::thread::yield_now(),
            Pop::Empty => return ran,
        }
    }
}

fn worker(shared: &Arc<Shared>) -> Body<()> {
    let shared = Arc::clone(shared);
    body(move || {
        run_all(&shared);
    })
}

/// What a waker says, and the memory that it says it of.
struct Letter {
    written: AtomicBool,
    content: UnsafeCell<u32>,
    polls: UnsafeCell<u32>,
    waker: Mutex<Option<Waker>>,
}

// SAFETY: who may touch it when is what the models check.
unsafe impl Sync for Letter {}
// SAFETY: as above.
unsafe impl Send for Letter {}

impl Letter {
    fn new() -> Arc<Self> {
        Arc::new(Letter {
            written: AtomicBool::new(false),
            content: UnsafeCell::new(0),
            polls: UnsafeCell::new(0),
            waker: Mutex::new(None),
        })
    }

    /// Ready when the letter is there. Each poll touches the same memory.
    fn read(self: &Arc<Self>, token: Token) -> impl Future<Output = Token> + Send + 'static {
        let this = Arc::clone(self);
        let mut token = Some(token);
        poll_fn(move |context| {
            // SAFETY: one poll at a time, which the model checks.
            this.polls.with_mut(|polls| unsafe { *polls += 1 });
            let mut waker = this.waker.lock().unwrap();
            if waker.is_none() {
                *waker = Some(context.waker().clone());
            }
            drop(waker);
            // A poll for nothing may see it early. The one that follows the wake must see it: for that only the wake can order the two.
            if this.written.load(Ordering::Acquire) {
                // SAFETY: written before.
                this.content
                    .with(|content| assert_eq!(unsafe { *content }, 1));
                return Poll::Ready(token.take().unwrap());
            }
            Poll::Pending
        })
    }

    fn waker(&self) -> Waker {
        self.waker.lock().unwrap().clone().unwrap()
    }

    fn write(&self) {
        // SAFETY: before the flag.
        self.content.with_mut(|content| unsafe { *content = 1 });
        self.written.store(true, Ordering::Release);
    }
}

/// A pool with a future that waits for its letter.
fn waiting() -> (Arc<Shared>, Arc<Letter>, JoinHandle<Token>, Token) {
    let (shared, letter, token) = (shared(), Letter::new(), Token::new(()));
    let future = letter.read(Token::clone(&token));
    let handle = spawn_future(&shared, Options::default(), future);
    assert!(run_all(&shared));
    assert!(!handle.is_finished());
    (shared, letter, handle, token)
}

/// One writes and wakes while two poll, since somebody woke for nothing before. Afterwards the letter has been read.
#[test]
fn a_wake_meets_a_poll() {
    check(3, |order| {
        let (shared, letter, mut handle, _token) = waiting();
        let waker = letter.waker();
        waker.wake_by_ref();
        let writes = Arc::clone(&letter);
        order.run(vec![
            body(move || {
                writes.write();
                waker.wake();
            }),
            worker(&shared),
            worker(&shared),
        ]);
        run_all(&shared);
        assert!(matches!(handle.try_wait(), Some(Ok(_))), "the wake is lost");
        drop(letter.waker.lock().unwrap().take());
        drop(handle);
        assert_eq!(Arc::strong_count(&shared), 1, "the slot isn't free");
    });
}

/// A waker of a future that has ended is woken and dropped while its handle goes; then its slot gets a new future.
#[test]
fn a_slot_is_used_again() {
    check(2, |order| {
        let (shared, letter, handle, token) = waiting();
        let stale = letter.waker();
        letter.write();
        stale.wake_by_ref();
        run_all(&shared);
        drop(letter.waker.lock().unwrap().take());
        let (here, again) = (Arc::clone(&shared), Letter::new());
        again.write();
        let token = token.clone();
        order.run(vec![
            body(move || {
                drop(handle);
                run_all(&here);
            }),
            body({
                let shared = Arc::clone(&shared);
                move || {
                    stale.wake();
                    // It gets the slot, if that is free by then.
                    drop(spawn_future(&shared, Options::default(), again.read(token)));
                }
            }),
        ]);
        run_all(&shared);
        assert_eq!(Arc::strong_count(&shared), 1, "a slot isn't free");
    });
}

/// A handle cancels while a worker polls: the future is dropped once, and the handle says what happened.
#[test]
fn a_cancel_meets_a_poll() {
    check(2, |order| {
        let (shared, letter, mut handle, token) = waiting();
        letter.write();
        letter.waker().wake();
        drop(letter.waker.lock().unwrap().take());
        let cancels = body(move || {
            let cancelled = handle.cancel();
            (handle, cancelled)
        });
        let here = Arc::clone(&shared);
        let polls = body(move || {
            run_all(&here);
        });
        let ended = Arc::new(Mutex::new(None));
        let out = Arc::clone(&ended);
        order.run(vec![
            body(move || *out.lock().unwrap() = Some(cancels())),
            polls,
        ]);
        let (back, cancelled) = ended.lock().unwrap().take().unwrap();
        handle = back;
        match handle.try_wait() {
            Some(Ok(read)) => {
                assert!(!cancelled);
                drop(read);
            }
            Some(Err(TaskError::Cancelled)) => {}
            other => panic!("{other:?}"),
        }
        drop(handle);
        drop(letter.waker.lock().unwrap().take());
        drop(token);
        assert_eq!(Arc::strong_count(&shared), 1, "the slot isn't free");
    });
}

/// The pool goes while somebody has a waker: its memory goes with the waker.
#[test]
fn the_last_waker_outlives_the_pool() {
    check(2, |order| {
        let (shared, letter, handle, token) = waiting();
        let (first, second) = (letter.waker(), letter.waker());
        drop(letter.waker.lock().unwrap().take());
        letter.write();
        first.wake_by_ref();
        run_all(&shared);
        drop((handle, token));
        let weak = Arc::downgrade(&shared);
        let watched = Arc::clone(&letter);
        assert_eq!(Arc::strong_count(&shared), 2, "a waker keeps it");
        drop(shared);
        let goes = |waker: Waker, letter: Arc<Letter>| {
            body(move || {
                drop(waker);
                drop(letter);
            })
        };
        order.run(vec![goes(first, letter), goes(second, watched)]);
        assert!(weak.upgrade().is_none(), "nobody has a waker");
    });
}

/// A drain begins while the last waker of a future that will never be ready goes: the future is dropped.
#[test]
fn a_drain_meets_the_last_waker() {
    check(2, |order| {
        let (shared, letter, mut handle, _token) = waiting();
        let waker = letter.waker.lock().unwrap().take().unwrap();
        // Later polls leave none.
        crate::keeper::models::add_keeper(&shared, 0);
        letter.waker.lock().unwrap().replace(Waker::noop().clone());
        let here = Arc::clone(&shared);
        order.run(vec![
            body(move || drop(waker)),
            body(move || {
                // As `close` does, less the end of threads that aren't there.
                here.phase
                    .fetch_max(Phase::Draining as u8, Ordering::SeqCst);
                taskweave_sys::sync::atomic::fence(Ordering::SeqCst);
                here.wake_futures();
                run_all(&here);
            }),
        ]);
        run_all(&shared);
        assert!(matches!(handle.try_wait(), Some(Err(TaskError::Shutdown))));
        assert_eq!(shared.live_futures(), 0);
    });
}

/// Two workers and a waker with two futures of one leaf: each is polled by whoever has its signal, and both end.
#[test]
fn one_leaf_is_run_by_two() {
    check(2, |order| {
        let (shared, token) = (shared(), Token::new(()));
        let count = Arc::new(AtomicUsize::new(0));
        let letters = [Letter::new(), Letter::new()];
        let handles = letters.each_ref().map(|letter| {
            letter.write();
            spawn_future(&shared, Options::default(), letter.read(token.clone()))
        });
        order.run(vec![worker(&shared), worker(&shared)]);
        for (mut handle, letter) in handles.into_iter().zip(&letters) {
            assert!(matches!(handle.try_wait(), Some(Ok(_))));
            count.fetch_add(1, Ordering::Relaxed);
            drop(letter.waker.lock().unwrap().take());
        }
        assert_eq!(Arc::strong_count(&shared), 1, "a slot isn't free");
    });
}

/// Runs what a worker has, as its occupant.
fn occupy(shared: &Shared) {
    let worker = &shared.slots[0].worker;
    let outer = thread::set_current(worker);
    while let Some(task) = worker.next_task() {
        worker.run(task);
    }
    thread::set_current(outer);
}

/// A poll on a worker wakes another future, whose poll goes on elsewhere since somebody woke for nothing before. It's polled next, or by anybody, if
/// the poll that woke it is about to block.
#[test]
fn a_poll_wakes_another_future() {
    for blocks in [false, true] {
        check(2, move |order| {
            let (shared, letter, mut handle, token) = waiting();
            let waker = letter.waker();
            drop(letter.waker.lock().unwrap().take());
            letter.waker.lock().unwrap().replace(Waker::noop().clone());
            let (mut polls, mut waker) = (0, Some(waker));
            let early = waker.clone().unwrap();
            let writer = spawn_future(&shared, Options::default(), {
                let letter = Arc::clone(&letter);
                poll_fn(move |context| {
                    polls += 1;
                    if polls == 1 {
                        // How long this takes isn't known yet.
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    letter.write();
                    waker.take().unwrap().wake();
                    if blocks {
                        Worker::with_current(|worker| worker.map(Worker::publish_queues));
                    }
                    Poll::Ready(())
                })
            });
            let here = Arc::clone(&shared);
            early.wake();
            order.run(vec![body(move || occupy(&here)), worker(&shared)]);
            occupy(&shared);
            assert!(matches!(handle.try_wait(), Some(Ok(_))), "the wake is lost");
            drop((writer, handle, token));
            assert_eq!(Arc::strong_count(&shared), 1, "a slot isn't free");
        });
    }
}
