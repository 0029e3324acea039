//! In which order one worker takes what waits for it.

use std::cell::Cell;
use std::sync::Arc;

use taskweave_core::{Pool, join, scope};

use taskweave_testing::{Gate, Log, builder, pool, until, watch};

/// A pool of one worker, whose only worker is held up until the gate opens.
fn held_up() -> (Arc<Pool>, Gate) {
    let pool = Arc::new(pool(1));
    let (began, gate) = (Gate::new(), Gate::new());
    let (begin, hold) = (began.clone(), gate.clone());
    drop(pool.spawn(move || {
        begin.open();
        hold.pass();
    }));
    began.pass();
    (pool, gate)
}

/// The entries, once there are `n`.
fn all_of<T>(log: &Log<T>, n: usize) -> Vec<T> {
    until(|| log.len() >= n);
    log.take()
}

fn is_sorted(numbers: &[usize]) -> bool {
    numbers.windows(2).all(|pair| pair[0] < pair[1])
}

#[test]
fn tasks_from_outside_leave_first_in_first_out() {
    let _watch = watch();
    let (pool, gate) = held_up();
    let log = Log::new();
    for i in 0..2000 {
        let log = log.clone();
        drop(pool.spawn(move || log.push(i)));
    }
    gate.open();
    assert_eq!(all_of(&log, 2000), Vec::from_iter(0..2000));
}

#[test]
fn tasks_of_each_thread_keep_their_order() {
    let _watch = watch();
    let (pool, gate) = held_up();
    let log = Log::new();
    std::thread::scope(|s| {
        for producer in 0..4 {
            let (pool, log) = (&pool, &log);
            s.spawn(move || {
                for i in 0..1000 {
                    let log = log.clone();
                    drop(pool.spawn(move || log.push((producer, i))));
                }
            });
        }
        // Half of it arrives while the worker is at work.
        gate.open();
    });
    let log = all_of(&log, 4000);
    for producer in 0..4 {
        let own: Vec<usize> = log
            .iter()
            .filter(|entry| entry.0 == producer)
            .map(|entry| entry.1)
            .collect();
        assert_eq!(own.len(), 1000);
        assert!(is_sorted(&own), "order of thread {producer}");
    }
}

#[test]
fn tasks_of_a_body_leave_first_in_first_out() {
    let _watch = watch();
    for capacity in [8, 512] {
        let pool = Arc::new(builder(1).queue_capacity(capacity).build().unwrap());
        let log = Log::new();
        let (inner, entries) = (Arc::clone(&pool), log.clone());
        drop(pool.spawn(move || {
            for i in 0..2000 {
                let log = entries.clone();
                drop(inner.spawn(move || log.push(i)));
            }
        }));
        assert_eq!(
            all_of(&log, 2000),
            Vec::from_iter(0..2000),
            "with a ring of {capacity}"
        );
    }
}

#[test]
fn tasks_that_spawn_themselves_anew_take_turns() {
    fn again(pool: &Arc<Pool>, id: usize, left: usize, log: &Log<usize>) {
        log.push(id);
        if left > 0 {
            let (inner, log) = (Arc::clone(pool), log.clone());
            drop(pool.spawn(move || again(&inner, id, left - 1, &log)));
        }
    }
    let _watch = watch();
    let (pool, gate) = held_up();
    let log = Log::new();
    for id in 0..5 {
        let (inner, log) = (Arc::clone(&pool), log.clone());
        drop(pool.spawn(move || again(&inner, id, 199, &log)));
    }
    gate.open();
    assert!(
        all_of(&log, 1000)
            .chunks(5)
            .all(|turn| turn == [0, 1, 2, 3, 4])
    );
}

#[test]
fn children_of_a_scope_leave_last_in_first_out() {
    let _watch = watch();
    let pool = pool(1);
    let log = Log::new();
    pool.scope(|s| {
        for i in 0..40 {
            let log = log.clone();
            s.spawn(move || log.push(i));
        }
    });
    // One turn in 64 is for the oldest.
    let order = log.take();
    let turn = (1..40).filter(|&i| order[i - 1] < order[i]).count();
    assert!(order.len() == 40 && turn <= 1, "{order:?}");
}

#[test]
fn children_come_before_tasks() {
    let _watch = watch();
    let pool = Arc::new(pool(1));
    let log = Log::new();
    let inner = Arc::clone(&pool);
    let entries = log.clone();
    drop(pool.spawn(move || {
        for i in 0..10 {
            let log = entries.clone();
            drop(inner.spawn(move || log.push(100 + i)));
        }
        scope(|s| {
            for i in 0..10 {
                let log = &entries;
                s.spawn(move || log.push(i));
            }
        });
    }));
    let expected = (0..10).rev().chain(100..110);
    assert_eq!(all_of(&log, 20), Vec::from_iter(expected));
}

/// Calls `body` on the only worker of a pool: as a task from outside, as one that a task has spawned, or as a guest.
fn on_the_worker(way: usize, body: impl FnOnce(&Arc<Pool>) + Send + 'static) {
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    let done = Gate::new();
    let end = done.clone();
    let body = move || {
        body(&inner);
        end.open();
    };
    match way {
        0 => drop(pool.spawn(body)),
        1 => {
            let inner = Arc::clone(&pool);
            drop(pool.spawn(move || {
                // It comes in one batch with others.
                drop(inner.spawn(|| ()));
                drop(inner.spawn(body));
                drop(inner.spawn(|| ()));
            }));
        }
        _ => {
            until(|| pool.dump().contains("1 asleep"));
            pool.install(body);
        }
    }
    done.pass();
}

#[test]
fn tasks_spawned_under_a_join_wait_for_their_turn() {
    let _watch = watch();
    for way in 0..3 {
        let log = Log::new();
        let entries = log.clone();
        on_the_worker(way, move |pool| {
            let spawn = |i| {
                let log = entries.clone();
                drop(pool.spawn(move || log.push(i)));
            };
            join(
                || (0..10).for_each(spawn),
                || {
                    entries.push(1000);
                    (10..20).for_each(spawn);
                },
            );
            entries.push(2000);
        });
        let expected = [1000, 2000].into_iter().chain(0..20);
        assert_eq!(all_of(&log, 22), Vec::from_iter(expected), "way {way}");
    }
}

#[test]
fn tasks_spawned_under_a_scope_wait_for_their_turn() {
    let _watch = watch();
    for way in 0..3 {
        let log = Log::new();
        let entries = log.clone();
        on_the_worker(way, move |pool| {
            scope(|s| {
                let log = &entries;
                let spawn = move |i| {
                    let log = log.clone();
                    drop(pool.spawn(move || log.push(i)));
                };
                (0..5).for_each(spawn);
                s.spawn(move || {
                    log.push(1000);
                    (10..15).for_each(spawn);
                });
                (5..10).for_each(spawn);
            });
            entries.push(2000);
        });
        let expected = [1000, 2000].into_iter().chain(0..15);
        assert_eq!(all_of(&log, 17), Vec::from_iter(expected), "way {way}");
    }
}

#[test]
fn tasks_that_spawn_themselves_under_a_join_or_scope_do_not_nest() {
    thread_local! {
        static DEPTH: Cell<usize> = const { Cell::new(0) };
    }
    fn again(pool: &Arc<Pool>, left: usize, depths: &Log<usize>) {
        DEPTH.set(DEPTH.get() + 1);
        let spawn = || {
            if left > 0 {
                let (inner, depths) = (Arc::clone(pool), depths.clone());
                drop(pool.spawn(move || again(&inner, left - 1, &depths)));
            }
        };
        if left.is_multiple_of(2) {
            join(spawn, || ());
        } else {
            scope(|s| {
                s.spawn(|| ());
                spawn();
            });
        }
        depths.push(DEPTH.get());
        DEPTH.set(DEPTH.get() - 1);
    }
    let _watch = watch();
    for way in 0..3 {
        let depths = Log::new();
        let entries = depths.clone();
        on_the_worker(way, move |pool| again(pool, 5000, &entries));
        let deepest = all_of(&depths, 5001).into_iter().max();
        assert_eq!(deepest, Some(1), "way {way}");
    }
}
