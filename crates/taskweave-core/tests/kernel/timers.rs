//! Timers: none early, none lost, none drifts, and nobody else is needed for them.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use std::future::Future;
use taskweave_core::{
    Shutdown, TaskError, block_on, interval, sleep, sleep_until, timeout, yield_now,
};
use taskweave_testing::{
    Count, Dropped, Gate, Hits, Log, Random, each_pool, each_size, pool, rounds, until, watch,
};

const MS: Duration = Duration::from_millis(1);

#[test]
fn no_timer_is_early_and_none_is_lost() {
    let _watch = watch();
    each_size(|pool| {
        let count = rounds(500, 20_000);
        let hits = Hits::new(count);
        let handles: Vec<_> = (0..count)
            .map(|i| {
                let hits = Arc::clone(&hits);
                pool.spawn_future(async move {
                    let deadline = Instant::now() + Duration::from_micros(137 * (i as u64 % 100));
                    sleep_until(deadline).await;
                    assert!(Instant::now() >= deadline);
                    hits.hit(i);
                })
            })
            .collect();
        for handle in handles {
            handle.wait().unwrap();
        }
        hits.assert_each(1);
    });
}

/// Says who was woken.
struct Named(u64, Log<u64>);

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.1.push(self.0);
    }
}

#[test]
fn timers_of_a_wheel_fire_in_order() {
    let _watch = watch();
    let pool = pool(2);
    let log = Log::new();
    let mut random = Random::new(3);
    let mut times: Vec<u64> = (1..60).collect();
    for i in (1..times.len()).rev() {
        times.swap(i, random.below(i + 1));
    }
    pool.block_on(async {
        let start = Instant::now() + 5 * MS;
        let mut sleeps: Vec<_> = times
            .iter()
            .map(|time| Box::pin(sleep_until(start + MS * *time as u32)))
            .collect();
        for (sleep, time) in sleeps.iter_mut().zip(&times) {
            let waker = Waker::from(Arc::new(Named(*time, log.clone())));
            let context = &mut Context::from_waker(&waker);
            assert!(sleep.as_mut().poll(context).is_pending());
        }
        until(|| log.len() == 59);
    });
    assert!(log.take().is_sorted());
}

#[test]
fn an_interval_does_not_drift() {
    let _watch = watch();
    each_size(|pool| {
        let ticks = pool
            .spawn_future(async {
                let mut interval = interval(2 * MS);
                let mut ticks = Vec::new();
                for i in 0..20 {
                    ticks.push(interval.tick().await);
                    if i == 7 {
                        // Late: what was missed comes at once.
                        std::thread::sleep(7 * MS);
                    }
                }
                ticks
            })
            .wait()
            .unwrap();
        for pair in ticks.windows(2) {
            assert_eq!(pair[1] - pair[0], 2 * MS);
        }
    });
}

#[test]
fn a_period_below_the_clock_is_a_millisecond() {
    assert_eq!(interval(Duration::ZERO).period(), MS);
}

#[test]
fn timeouts_end_what_never_ends() {
    let _watch = watch();
    each_size(|pool| {
        let drops = Count::new();
        let dropped = Dropped(drops.clone());
        let never = pool.spawn_future(async move {
            let never = async move {
                let _dropped = dropped;
                pending::<()>().await;
            };
            timeout(2 * MS, never).await
        });
        assert!(never.wait().unwrap().is_err());
        assert_eq!(drops.get(), 1);
        let soon = pool.spawn_future(timeout(Duration::MAX, async {
            yield_now().await;
            3
        }));
        assert_eq!(soon.wait().unwrap(), Ok(3));
        let task = pool.spawn(|| 4);
        assert_eq!(
            block_on(timeout(Duration::from_secs(1000), task))
                .unwrap()
                .unwrap(),
            4
        );
    });
}

#[test]
fn timers_may_be_dropped_at_any_time() {
    let _watch = watch();
    let context = &mut Context::from_waker(Waker::noop());
    each_size(|pool| {
        pool.spawn_future(async {
            let mut random = Random::new(7);
            for _ in 0..2000 {
                let time = Duration::from_micros(random.below(3000) as u64);
                let _ = timeout(time, yield_now()).await;
            }
        })
        .wait()
        .unwrap();
    });
    for _ in 0..100 {
        let mut far = pin!(sleep(Duration::from_secs(1 << 40)));
        assert!(far.as_mut().poll(context).is_pending());
        far.as_mut().reset(Instant::now() + MS);
        assert!(far.as_mut().poll(context).is_pending() || far.deadline() <= Instant::now());
    }
}

/// Set on one worker, dropped on another, while they fire.
#[test]
fn a_hammer_of_timers_loses_none() {
    let _watch = watch();
    let pool = pool(3);
    let handles: Vec<_> = (0..64)
        .map(|seed| {
            pool.spawn_future(async move {
                let mut random = Random::new(seed);
                for _ in 0..rounds(30, 3000) {
                    let time =
                        |random: &mut Random| Duration::from_micros(random.below(2500) as u64);
                    let (first, second) = (time(&mut random), time(&mut random));
                    let either = timeout(first, sleep(second)).await;
                    if first > second + 2 * MS && either.is_err() {
                        // The longer one may be seen first only by a poll that comes after both.
                        yield_now().await;
                    }
                }
            })
        })
        .collect();
    for handle in handles {
        handle.wait().unwrap();
    }
}

#[test]
fn timers_work_without_a_pool_around() {
    let _watch = watch();
    taskweave_testing::block_on(sleep(MS));
    let deadline = Instant::now() + 2 * MS;
    block_on(sleep_until(deadline));
    assert!(Instant::now() >= deadline);
}

/// All workers are busy with short tasks that never end to come.
#[test]
fn a_busy_pool_looks_between_tasks() {
    let _watch = watch();
    for workers in [1, 2] {
        let pool = pool(workers);
        let stop = Gate::new();
        let spinners: Vec<_> = (0..workers)
            .map(|_| {
                let stop = stop.clone();
                pool.spawn_future(async move {
                    while !stop.is_open() {
                        yield_now().await;
                    }
                })
            })
            .collect();
        let open = stop.clone();
        pool.spawn_future(async move {
            sleep(3 * MS).await;
            open.open();
        })
        .wait()
        .unwrap();
        for spinner in spinners {
            spinner.wait().unwrap();
        }
    }
}

/// A body blocks its thread, by means of its own, until a timer lets it go on: the worker that sleeps sees to that.
#[test]
fn a_sleeper_attends_while_others_block() {
    let _watch = watch();
    for workers in [2, 3, 8] {
        let pool = pool(workers);
        for _ in 0..5 {
            let gate = Gate::new();
            let (open, pass) = (gate.clone(), gate.clone());
            let timer = pool.spawn_future(async move {
                sleep(2 * MS).await;
                open.open();
            });
            std::thread::sleep(MS / 2);
            let blocked = pool.spawn(move || pass.pass());
            blocked.wait().unwrap();
            timer.wait().unwrap();
        }
    }
}

#[test]
fn a_wait_in_a_worker_leaves_timers_attended() {
    let _watch = watch();
    each_size(|pool| {
        let sleeper = pool.spawn_future(async {
            sleep(2 * MS).await;
            5
        });
        let waits = pool.spawn(move || sleeper.wait().unwrap());
        assert_eq!(waits.wait().unwrap(), 5);
        let blocks = pool.spawn(|| {
            block_on(async {
                sleep(MS).await;
                6
            })
        });
        assert_eq!(blocks.wait().unwrap(), 6);
        // And where the only one who sleeps is a wait in the middle of a stack.
        let (a, b) = pool.install(|| {
            taskweave_core::join(
                || {
                    taskweave_core::scope(|s| {
                        s.spawn(|| assert!(block_on(timeout(MS, pending::<()>())).is_err()));
                        1
                    })
                },
                || 2,
            )
        });
        assert_eq!((a, b), (1, 2));
    });
}

#[test]
fn a_drain_waits_for_timers_and_an_abandon_does_not() {
    let _watch = watch();
    each_pool(|pool| {
        let soon = pool.spawn_future(async {
            sleep(3 * MS).await;
            1
        });
        until(|| pool.metrics().total().polls > 0);
        pool.shutdown(Shutdown::Drain, None).unwrap();
        assert_eq!(soon.wait().unwrap(), 1);
    });
    each_pool(|pool| {
        let far = pool.spawn_future(sleep(Duration::from_secs(1_000_000)));
        until(|| pool.metrics().total().polls > 0);
        assert!(pool.shutdown(Shutdown::Drain, Some(2 * MS)).is_err());
        pool.shutdown(Shutdown::Abandon, None).unwrap();
        assert!(matches!(far.wait(), Err(TaskError::Shutdown)));
    });
}

/// The timer is that of a pool which ends; the future isn't.
#[test]
fn timers_of_a_pool_that_ends_go_on_elsewhere() {
    let _watch = watch();
    each_pool(|own| {
        let other = pool(1);
        let mut timer = Box::pin(sleep(20 * MS));
        let deadline = timer.deadline();
        // Set in the first pool.
        own.block_on(async {
            let first = std::future::poll_fn(|context| Poll::Ready(timer.as_mut().poll(context)));
            assert!(first.await.is_pending());
        });
        let waits = other.spawn_future(async move {
            timer.await;
            Instant::now()
        });
        drop(own);
        assert!(waits.wait().unwrap() >= deadline);
    });
}

/// Wheels are handed on from pool to pool: what is left of a timer in the last one disturbs nobody in the next.
#[test]
fn timers_outlive_pools_whose_wheels_are_in_use_again() {
    let _watch = watch();
    let mut left = Vec::new();
    for _ in 0..20 {
        let pool = pool(1);
        for _ in 0..10 {
            let timer = pool.spawn_future(async {
                let mut timer = Box::pin(sleep(Duration::from_secs(3600)));
                let context = &mut Context::from_waker(Waker::noop());
                assert!(timer.as_mut().poll(context).is_pending());
                [timer]
            });
            left.extend(timer.wait().unwrap());
        }
        // Those of the last pool go in the middle of this one's life.
        left.drain(..left.len() / 2);
        pool.spawn_future(sleep(Duration::from_millis(1)))
            .wait()
            .unwrap();
        pool.shutdown(Shutdown::Abandon, None).unwrap();
    }
    // One whose pool has gone is set again, elsewhere.
    let mut timer = left.pop().unwrap();
    timer
        .as_mut()
        .reset(Instant::now() + Duration::from_millis(1));
    block_on(timer);
}

/// An idle pool with many sleeping futures wakes for none of them.
#[test]
fn idle_sleepers_cost_nothing() {
    let _watch = watch();
    let pool = pool(2);
    let handles: Vec<_> = (0..1000)
        .map(|i| pool.spawn_future(sleep(Duration::from_secs(1_000_000 + i))))
        .collect();
    until(|| pool.metrics().total().polls >= 1000 && pool.dump().contains("2 asleep"));
    let parks = pool.metrics().total().parks;
    std::thread::sleep(50 * MS);
    // Places of higher levels may come up; milliseconds don't.
    assert!(pool.metrics().total().parks <= parks + 8);
    assert!(handles.into_iter().all(|handle| handle.cancel()));
}
