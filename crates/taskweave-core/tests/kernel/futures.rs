//! Futures: they end once, are woken from anywhere, and don't starve anybody.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};

use taskweave_core::{JoinHandle, Pool, TaskError, block_on, join, spawn_future, yield_now};
use taskweave_testing::{
    Bomb, Count, Gate, Random, builder, busy, each_size, inside_and_outside, pool, rounds, until,
    watch,
};

/// Ready when somebody says so.
#[derive(Clone, Default)]
pub(crate) struct Event(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Event {
    pub(crate) fn set(&self) {
        let wakers = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            std::mem::take(&mut state.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn waiters(&self) -> usize {
        self.0.lock().unwrap().1.len()
    }

    pub(crate) fn wakers(&self) -> Vec<Waker> {
        self.0.lock().unwrap().1.clone()
    }

    /// Forgets who waits.
    pub(crate) fn forget(&self) {
        let wakers = std::mem::take(&mut self.0.lock().unwrap().1);
        drop(wakers);
    }
}

impl Future for Event {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        state.1.push(context.waker().clone());
        Poll::Pending
    }
}

#[test]
fn a_future_ends_with_its_value() {
    let _watch = watch();
    inside_and_outside(|pool| {
        assert_eq!(pool.spawn_future(async { 7 }).wait().unwrap(), 7);
        let handles: Vec<_> = (0..1000)
            .map(|i| {
                pool.spawn_future(async move {
                    yield_now().await;
                    i
                })
            })
            .collect();
        for (i, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.wait().unwrap(), i);
        }
    });
}

#[test]
fn large_futures_and_results_are_moved_into_boxes() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let large = [7_u8; 5000];
        let handle = pool.spawn_future(async move {
            yield_now().await;
            large
        });
        assert_eq!(handle.wait().unwrap(), large);
        #[repr(align(64))]
        struct Aligned(u8);
        let aligned = Aligned(3);
        let handle = pool.spawn_future(async move {
            yield_now().await;
            assert_eq!((&raw const aligned).addr() % 64, 0);
            aligned.0
        });
        assert_eq!(handle.wait().unwrap(), 3);
    });
}

#[test]
fn handles_are_awaited_by_futures_and_by_others() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let task = pool.spawn(|| 6);
        let future = pool.spawn_future(async { task.await.unwrap() * 7 });
        let sum = pool.spawn_future(async { future.await.unwrap() + 1 });
        assert_eq!(block_on(sum).unwrap(), 43);
        assert_eq!(
            taskweave_testing::block_on(pool.spawn_future(async { 1 })).unwrap(),
            1
        );
    });
}

#[test]
fn a_wake_from_anywhere_is_followed_by_a_poll() {
    let _watch = watch();
    each_size(|pool| {
        let event = Event::default();
        let waiting = event.clone();
        let outside = pool.spawn_future(waiting);
        until(|| event.waiters() == 1);
        event.set();
        outside.wait().unwrap();

        let event = Event::default();
        let waiting = event.clone();
        let inside = pool.spawn_future(waiting);
        let setter = pool.spawn(move || event.set());
        inside.wait().unwrap();
        setter.wait().unwrap();
    });
}

/// Two futures hand a token back and forth a hundred thousand times, over any two threads: a lost wake would hang.
#[test]
fn no_wake_is_lost_between_two() {
    let _watch = watch();
    let trips = rounds(50_000, 3_000_000);
    each_size(|pool| {
        type Cell = Arc<Mutex<(usize, Option<Waker>)>>;
        let turn: Cell = Arc::default();
        let player = |me: usize| {
            let turn = Arc::clone(&turn);
            async move {
                for trip in 0..trips {
                    let wanted = trip * 2 + me;
                    poll_fn(|context| {
                        let mut turn = turn.lock().unwrap();
                        if turn.0 == wanted {
                            turn.0 += 1;
                            let other = turn.1.take();
                            drop(turn);
                            if let Some(other) = other {
                                other.wake();
                            }
                            return Poll::Ready(());
                        }
                        turn.1 = Some(context.waker().clone());
                        Poll::Pending
                    })
                    .await;
                }
            }
        };
        let (a, b) = (pool.spawn_future(player(0)), pool.spawn_future(player(1)));
        a.wait().unwrap();
        b.wait().unwrap();
    });
}

/// Threads from outside write and wake at random; each future must be polled after the last write that concerns it.
#[test]
fn a_hammer_of_wakes_strands_nobody() {
    const FUTURES: usize = 200;
    let _watch = watch();
    let hits = rounds(20_000, 2_000_000);
    each_size(|pool| {
        #[derive(Default)]
        struct Place {
            written: usize,
            over: bool,
            waker: Option<Waker>,
        }
        let places: Arc<Vec<Mutex<Place>>> =
            Arc::new((0..FUTURES).map(|_| Mutex::default()).collect());
        let handles: Vec<_> = (0..FUTURES)
            .map(|i| {
                let places = Arc::clone(&places);
                let mut seen = 0;
                pool.spawn_future(poll_fn(move |context| {
                    let mut place = places[i].lock().unwrap();
                    seen += std::mem::take(&mut place.written);
                    if place.over {
                        return Poll::Ready(seen);
                    }
                    place.waker = Some(context.waker().clone());
                    Poll::Pending
                }))
            })
            .collect();
        let write = |place: usize, over: bool| {
            let waker = {
                let mut place = places[place].lock().unwrap();
                place.written += usize::from(!over);
                place.over |= over;
                // Sometimes the waker stays, and is woken again and again.
                if place.written.is_multiple_of(2) {
                    place.waker.take()
                } else {
                    place.waker.clone()
                }
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        };
        std::thread::scope(|s| {
            for seed in 0..3 {
                let write = &write;
                s.spawn(move || {
                    let mut random = Random::new(seed);
                    (0..hits).for_each(|_| write(random.below(FUTURES), false));
                });
            }
        });
        (0..FUTURES).for_each(|place| write(place, true));
        let seen: usize = handles
            .into_iter()
            .map(|handle| handle.wait().unwrap())
            .sum();
        assert_eq!(seen, 3 * hits);
    });
}

/// 200 futures that are always ready, and on the same worker one that was spawned after them and a task: both get their turn within the bound, which is counted in
/// polls.
#[test]
fn always_ready_futures_starve_nobody() {
    let _watch = watch();
    let pool = pool(1);
    let stop = Gate::new();
    let polls = Count::new();
    let gate = Gate::new();
    let begin = gate.clone();
    let holder = pool.spawn(move || begin.pass());
    let ready: Vec<_> = (0..200)
        .map(|_| {
            let (stop, polls) = (stop.clone(), polls.clone());
            pool.spawn_future(async move {
                while !stop.is_open() {
                    polls.tick();
                    yield_now().await;
                }
            })
        })
        .collect();
    let late = polls.clone();
    let task = pool.spawn(move || late.get());
    let late = polls.clone();
    let future = pool.spawn_future(async move {
        let mut turns = Vec::new();
        for _ in 0..50 {
            turns.push(late.get());
            yield_now().await;
        }
        turns
    });
    gate.open();
    holder.wait().unwrap();
    // 64 polls a task, 64 tasks, and up to 5 that were queued before.
    let bound = 64 * 64 * 6;
    assert!(task.wait().unwrap() <= bound);
    let turns = future.wait().unwrap();
    for pair in turns.windows(2) {
        assert!(
            pair[1] - pair[0] <= bound,
            "{} polls between",
            pair[1] - pair[0]
        );
    }
    stop.open();
    for handle in ready {
        handle.wait().unwrap();
    }
}

/// A future that computes for long doesn't hold up the others of its leaf while another worker is idle.
#[test]
fn futures_of_one_leaf_run_in_parallel() {
    let _watch = watch();
    for workers in [2, 8] {
        let pool = pool(workers);
        let barrier = Arc::new(std::sync::Barrier::new(2));
        for _ in 0..rounds(50, 5000) {
            let handles: Vec<_> = (0..2)
                .map(|_| {
                    let barrier = Arc::clone(&barrier);
                    pool.spawn_future(async move {
                        busy(20_000);
                        barrier.wait();
                    })
                })
                .collect();
            for handle in handles {
                handle.wait().unwrap();
            }
        }
    }
}

#[test]
fn waits_inside_of_polls_hand_the_rest_back() {
    let _watch = watch();
    // One worker: what a poll waits for is in its own leaf.
    each_size(|pool| {
        for _ in 0..20 {
            let event = Event::default();
            let first = event.clone();
            let hand = Arc::new(Mutex::new(None));
            let handed = Arc::clone(&hand);
            let waits = pool.spawn_future(async move {
                first.await;
                let inner: taskweave_core::JoinHandle<u32> = handed.lock().unwrap().take().unwrap();
                inner.wait().unwrap() + join(|| 1, || 2).1
            });
            let second = event.clone();
            let inner = pool.spawn_future(async move {
                second.await;
                5
            });
            *hand.lock().unwrap() = Some(inner);
            until(|| event.waiters() == 2);
            event.set();
            assert_eq!(waits.wait().unwrap(), 7);
        }
    });
}

#[test]
fn a_panic_is_a_result() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let handle = pool.spawn_future(async {
            yield_now().await;
            panic!("on purpose");
        });
        let Err(TaskError::Panicked(panic)) = handle.wait() else {
            panic!("it panicked");
        };
        assert_eq!(panic.message(), "on purpose");
        // A future whose drop panics has its value all the same.
        let bomb = Bomb;
        let handle = pool.spawn_future(poll_fn(move |_| {
            let _ = &bomb;
            Poll::Ready(3)
        }));
        assert_eq!(handle.wait().unwrap(), 3);
        // A result that nobody wants, and whose drop panics.
        drop(pool.spawn_future(async { Bomb }));
        assert_eq!(pool.spawn_future(async { 1 }).wait().unwrap(), 1);
    });
}

/// Panics in everything that a waker does.
mod hostile {
    use std::task::{RawWaker, RawWakerVTable, Waker};
    static VERBS: RawWakerVTable = RawWakerVTable::new(
        |_| RawWaker::new(std::ptr::null(), &VERBS),
        |_| panic!("a wake on purpose"),
        |_| panic!("a wake on purpose"),
        |_| panic!("a drop on purpose"),
    );
    pub(super) fn waker() -> Waker {
        // SAFETY: the verbs use no data.
        unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &VERBS)) }
    }
}

#[test]
fn foreign_wakers_may_panic() {
    let _watch = watch();
    each_size(|pool| {
        let event = Event::default();
        let mut handle = pool.spawn_future(event.clone());
        let waker = std::mem::ManuallyDrop::new(hostile::waker());
        let mut context = Context::from_waker(&waker);
        assert!(Pin::new(&mut handle).poll(&mut context).is_pending());
        // Replaced, and dropped on the way.
        assert!(Pin::new(&mut handle).poll(&mut context).is_pending());
        until(|| event.waiters() == 1);
        event.set();
        until(|| handle.is_finished());
        assert!(handle.try_wait().unwrap().is_ok());
        assert_eq!(pool.spawn_future(async { 1 }).wait().unwrap(), 1);
    });
}

/// A body waits for a future which, from the event on, waits for that body. Receives whether the body was told of the circle.
fn circle(pool: &Pool, event: &Event) -> mpsc::Receiver<bool> {
    let begin = event.clone();
    let (send, receive) = mpsc::channel::<JoinHandle<bool>>();
    let (tell, told) = mpsc::channel();
    let future = pool.spawn_future(async move {
        begin.await;
        let task = receive.recv().unwrap();
        tell.send(task.await.unwrap()).unwrap();
    });
    let task = pool.spawn(move || matches!(future.wait(), Err(TaskError::Deadlock)));
    send.send(task).unwrap();
    until(|| event.waiters() == 1);
    told
}

#[test]
fn a_circle_of_a_task_and_a_future_is_found() {
    let _watch = watch();
    each_size(|pool| {
        let event = Event::default();
        let told = circle(pool, &event);
        event.set();
        assert!(told.recv().unwrap(), "the wait ended without an error");
    });
}

/// The same, hidden by a waker that somebody outside keeps and then drops, when everybody sleeps.
#[test]
fn a_circle_is_found_when_the_last_waker_outside_goes() {
    let _watch = watch();
    each_size(|pool| {
        let event = Event::default();
        let told = circle(pool, &event);
        let kept = event.wakers();
        event.set();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert_eq!(pool.metrics().total().futures_ended, 0);
        drop(kept);
        assert!(told.recv().unwrap(), "the wait ended without an error");
    });
}

#[test]
fn a_wait_for_a_future_with_a_waker_outside_is_no_deadlock() {
    let _watch = watch();
    each_size(|pool| {
        let event = Event::default();
        let future = pool.spawn_future(event.clone());
        let task = pool.spawn(move || future.wait().is_ok());
        until(|| event.waiters() == 1);
        std::thread::sleep(std::time::Duration::from_millis(2));
        event.set();
        assert!(task.wait().unwrap());
    });
}

#[test]
fn block_on_works_everywhere() {
    let _watch = watch();
    each_size(|pool| {
        let work = || async {
            let a = spawn_future(async { 1 });
            yield_now().await;
            a.await.unwrap() + 1
        };
        assert_eq!(block_on(work()), 2);
        assert_eq!(pool.block_on(work()), 2);
        assert_eq!(pool.install(|| block_on(work())), 2);
        assert_eq!(pool.spawn(move || block_on(work())).wait().unwrap(), 2);
        let nested = pool.spawn_future(async move { block_on(work()) });
        assert_eq!(nested.wait().unwrap(), 2);
        // A wait inside of the future takes the thread's permits, and the flag tells.
        let inner = pool.block_on(async {
            let task = pool.spawn(|| 5);
            yield_now().await;
            task.wait().unwrap()
        });
        assert_eq!(inner, 5);
    });
}

#[test]
fn what_block_on_spawns_is_in_its_pool() {
    let _watch = watch();
    let pool = builder(1).name("mine").build().unwrap();
    let name = pool.block_on(async {
        spawn_future(async { std::thread::current().name().map(str::to_owned) })
            .await
            .unwrap()
    });
    assert_eq!(name.as_deref(), Some("mine-0"));
}

#[test]
fn a_storm_of_spawns_from_everywhere_ends() {
    let _watch = watch();
    each_size(|pool| {
        let count = Count::new();
        std::thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    for _ in 0..rounds(1000, 100_000) {
                        let count = count.clone();
                        drop(pool.spawn_future(async move {
                            let inner = count.clone();
                            let inner = spawn_future(async move { inner.tick() });
                            count.tick();
                            inner.await.unwrap();
                            count.tick();
                        }));
                    }
                });
            }
        });
        until(|| count.get() == 9 * rounds(1000, 100_000));
    });
}
