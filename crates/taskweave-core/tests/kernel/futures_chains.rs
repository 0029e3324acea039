//! Futures that wake each other: what a poll has woken is polled next on the same worker, or by anybody.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use taskweave_core::{Limit, sleep, spawn_future, yield_now};
use taskweave_sys::sync::atomic::{AtomicBool, Ordering};
use taskweave_testing::{each_pool, each_size, pool, rounds, until, watch};

/// Pairs that hand a token back and forth, one of each spawned from outside and one from inside, and so in different leaves. In between they let others go first,
/// by themselves or woken by the other: whoever takes one leaf's future for another's loses a wake, and hangs.
#[test]
fn wakes_across_leaves_are_not_mixed_up() {
    type Table = Arc<Mutex<(usize, [Option<Waker>; 2])>>;
    let _watch = watch();
    let trips = rounds(200, 20_000);
    let player = move |table: Table, me: usize, yields: usize| async move {
        for trip in 0..trips {
            poll_fn(|context| {
                let mut table = table.lock().unwrap();
                if table.0 % 2 == me {
                    return Poll::Ready(());
                }
                table.1[me] = Some(context.waker().clone());
                Poll::Pending
            })
            .await;
            for _ in 0..(trip + yields) % 3 {
                yield_now().await;
            }
            let other = {
                let mut table = table.lock().unwrap();
                table.0 += 1;
                table.1[1 - me].take()
            };
            if let Some(other) = other {
                other.wake();
            }
        }
    };
    each_size(|pool| {
        let tables: Vec<Table> = (0..100).map(|_| Table::default()).collect();
        let outside: Vec<_> = (0..100)
            .map(|i| pool.spawn_future(player(Arc::clone(&tables[i]), 0, i)))
            .collect();
        let inside = pool.spawn_future(async move {
            let all: Vec<_> = (0..100)
                .map(|i| spawn_future(player(Arc::clone(&tables[i]), 1, i / 3)))
                .collect();
            for each in all {
                each.await.unwrap();
            }
        });
        inside.wait().unwrap();
        for each in outside {
            each.wait().unwrap();
        }
    });
}

/// In one poll a future wakes itself and one at the same place of another leaf, which ends at once: that end is no other's.
#[test]
fn an_end_in_one_leaf_takes_no_wake_from_another() {
    type Place = Arc<Mutex<Option<Waker>>>;
    let _watch = watch();
    each_size(|pool| {
        for _ in 0..rounds(30, 3000) {
            let places: Arc<Vec<Place>> = Arc::new((0..64).map(|_| Place::default()).collect());
            let own = Arc::clone(&places);
            // From inside, and so in the worker's leaf.
            let last = pool.spawn_future(async move {
                let waiting = |place: Place| {
                    let mut polled = false;
                    poll_fn(move |context| {
                        if std::mem::replace(&mut polled, true) {
                            return Poll::Ready(());
                        }
                        *place.lock().unwrap() = Some(context.waker().clone());
                        Poll::Pending
                    })
                };
                own.iter()
                    .map(|place| spawn_future(waiting(Arc::clone(place))))
                    .collect::<Vec<_>>()
            });
            let last = last.wait().unwrap();
            until(|| places.iter().all(|place| place.lock().unwrap().is_some()));
            let first: Vec<_> = (0..64)
                .map(|i| {
                    let place = Arc::clone(&places[i]);
                    let mut polled = false;
                    pool.spawn_future(poll_fn(move |context| {
                        if std::mem::replace(&mut polled, true) {
                            return Poll::Ready(());
                        }
                        context.waker().wake_by_ref();
                        place.lock().unwrap().take().unwrap().wake();
                        Poll::Pending
                    }))
                })
                .collect();
            for each in first.into_iter().chain(last) {
                each.wait().unwrap();
            }
        }
    });
}

/// A poll waits for a task that the pool runs meanwhile, in the same slot, and that wakes the future which is being polled.
#[test]
fn a_wake_by_what_a_poll_waits_for_is_not_lost() {
    let _watch = watch();
    each_pool(|pool| {
        let (pool, limit) = (Arc::new(pool), Limit::new(1));
        let (inner, mut waits) = (Arc::clone(&pool), true);
        let future = pool.spawn_future(poll_fn(move |context| {
            if !std::mem::take(&mut waits) {
                return Poll::Ready(7);
            }
            let waker = context.waker().clone();
            // One that no wait runs by itself.
            let task = inner.task().limit(&limit).spawn(move || waker.wake());
            task.wait().unwrap();
            Poll::Pending
        }));
        assert_eq!(future.wait().unwrap(), 7);
    });
}

/// What a poll wakes is polled on the same worker as soon as that poll has ended, even if the future that woke it is always ready; and others get their turns.
#[test]
fn a_chain_of_wakes_lets_others_go_first() {
    let _watch = watch();
    let pool = pool(1);
    let done = Arc::new(AtomicBool::new(false));
    let events: [Arc<Mutex<Option<Waker>>>; 2] = Default::default();
    let players: Vec<_> = (0..2)
        .map(|me| {
            let (mine, other) = (Arc::clone(&events[me]), Arc::clone(&events[1 - me]));
            let done = Arc::clone(&done);
            pool.spawn_future(poll_fn(move |context| {
                *mine.lock().unwrap() = Some(context.waker().clone());
                let other = other.lock().unwrap().take();
                match other {
                    Some(other) => other.wake(),
                    None => context.waker().wake_by_ref(),
                }
                if done.load(Ordering::Relaxed) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }))
        })
        .collect();
    // Top-level tasks, futures and timers, in turn.
    for _ in 0..100 {
        pool.spawn(|| ()).wait().unwrap();
        pool.spawn_future(yield_now()).wait().unwrap();
    }
    pool.spawn_future(sleep(Duration::from_millis(2)))
        .wait()
        .unwrap();
    done.store(true, Ordering::Relaxed);
    for player in players {
        player.wait().unwrap();
    }
}
