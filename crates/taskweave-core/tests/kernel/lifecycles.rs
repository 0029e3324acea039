//! Pools that come and go: by the thousand, at once, within each other, and by the hands of their own tasks.

use std::sync::Arc;

use taskweave_core::{Pool, Shutdown, TaskError, join, scope};

use taskweave_testing::{
    Count, Dropped, Gate, Random, block_on, builder, pool, rounds, thread_count, until, watch,
};

#[test]
fn ten_thousand_pools_one_after_the_other() {
    let _watch = watch();
    let before = thread_count();
    let ran = Count::new();
    let cycles = rounds(10_000, 1_000_000);
    for i in 0..cycles {
        let pool = pool(1 + i % 2);
        let counter = ran.clone();
        match i % 4 {
            0 => drop(pool.spawn(move || counter.add())),
            1 => drop(pool.install(|| counter.add())),
            2 => pool.scope(|s| s.spawn(|| counter.tick())),
            _ => counter.tick(),
        }
        if i % 3 == 0 {
            pool.shutdown(Shutdown::Drain, None).unwrap();
        }
    }
    assert_eq!(ran.get(), cycles);
    // Other tests run beside.
    assert!(
        thread_count() < before + 500,
        "{} threads, {before} before",
        thread_count()
    );
}

#[test]
fn threads_for_blocking_tasks_end_with_their_pool() {
    let _watch = watch();
    let before = thread_count();
    for _ in 0..1000 {
        let pool = pool(1);
        let handle = pool.spawn_blocking(|| 1);
        assert_eq!(block_on(handle).unwrap(), 1);
        drop(pool);
    }
    until(|| thread_count() < before + 500);
    let left = thread_count();
    assert!(left < before + 500, "{left} threads, {before} before");
}

#[test]
fn many_pools_at_once() {
    let _watch = watch();
    let pools: Vec<_> = (0..40).map(|i| pool(1 + i % 3)).collect();
    let ran = Count::new();
    for round in 0..20 {
        for (i, one) in pools.iter().enumerate() {
            let counter = ran.clone();
            drop(one.spawn(move || counter.add()));
            let next = &pools[(i + round) % pools.len()];
            assert_eq!(one.install(|| next.install(|| join(|| 1, || 2))), (1, 2));
        }
    }
    drop(pools);
    assert_eq!(ran.get(), 800);
}

#[test]
fn installs_nested_in_both_directions() {
    fn ping_pong(a: &Pool, b: &Pool, depth: usize) -> usize {
        if depth == 0 {
            return 0;
        }
        1 + a.install(|| ping_pong(b, a, depth - 1))
    }
    let _watch = watch();
    for workers in [1, 2] {
        let (a, b) = (pool(workers), pool(workers));
        for _ in 0..50 {
            std::thread::scope(|s| {
                for _ in 0..2 {
                    s.spawn(|| assert_eq!(ping_pong(&a, &b, 6), 6));
                    s.spawn(|| assert_eq!(ping_pong(&b, &a, 7), 7));
                }
            });
        }
    }
}

#[test]
fn two_pools_whose_workers_all_wait_for_the_other() {
    let _watch = watch();
    for workers in [1, 2] {
        for _ in 0..50 {
            let (a, b) = (Arc::new(pool(workers)), Arc::new(pool(workers)));
            let begun = Count::new();
            let cross = |from: &Arc<Pool>, to: &Arc<Pool>| {
                let (to, begun) = (Arc::clone(to), begun.clone());
                from.spawn(move || {
                    begun.add();
                    // All slots of both pools are taken now.
                    until(|| begun.get() == 2 * workers);
                    let sum = to.install(|| join(|| 1, || 2));
                    let inner = Count::new();
                    to.scope(|s| (0..4).for_each(|_| s.spawn(|| inner.tick())));
                    sum.0 + sum.1 + inner.get()
                })
            };
            let handles: Vec<_> = (0..workers)
                .flat_map(|_| [cross(&a, &b), cross(&b, &a)])
                .collect();
            for handle in handles {
                assert_eq!(block_on(handle).unwrap(), 7);
            }
        }
    }
}

#[test]
fn work_left_behind_by_a_worker_that_visits_another_pool() {
    let _watch = watch();
    let (a, b) = (Arc::new(pool(1)), Arc::new(pool(1)));
    for _ in 0..50 {
        let (in_a, in_b) = (Arc::clone(&a), Arc::clone(&b));
        let handle = a.spawn(move || {
            let gate = Gate::new();
            let open = gate.clone();
            // It's queued on this worker, and the visit lasts until it has run.
            drop(in_a.spawn(move || open.open()));
            in_b.install(|| {
                let parts = in_b.spawn_blocking(move || gate.pass());
                parts.wait().unwrap();
            });
        });
        block_on(handle).unwrap();
    }
}

#[test]
fn the_last_one_to_have_a_pool_is_a_task_of_its_own() {
    let _watch = watch();
    for workers in [1, 2] {
        for way in 0..4 {
            for _ in 0..20 {
                let dropped = Count::new();
                let counted = Dropped(dropped.clone());
                let pool = Arc::new(
                    builder(workers)
                        .on_stop(move |_| assert_eq!(counted.0.get(), 0))
                        .build()
                        .unwrap(),
                );
                let (inner, go) = (Arc::clone(&pool), Gate::new());
                let hold = go.clone();
                let body = move || {
                    hold.pass();
                    match way {
                        0 | 1 => drop(inner),
                        // After its stack has lost its slot.
                        2 => {
                            let _ = inner.spawn_blocking(|| ()).wait();
                            drop(inner);
                        }
                        _ => {
                            scope(|s| s.spawn(|| ()));
                            std::thread::scope(|s| drop(s.spawn(move || drop(inner))));
                        }
                    }
                };
                let handle = if way == 1 {
                    pool.spawn_blocking(body)
                } else {
                    pool.spawn(body)
                };
                if way == 3 {
                    // Another thread waits for the pool's end, and so for the body, which waits for nobody.
                    go.open();
                    block_on(handle).unwrap();
                    drop(pool);
                } else {
                    drop(pool);
                    go.open();
                    block_on(handle).unwrap();
                }
                until(|| dropped.get() == 1);
            }
        }
    }
}

#[test]
fn guests_drop_the_pool_they_are_in() {
    let _watch = watch();
    for _ in 0..50 {
        let pool = Arc::new(pool(1));
        let inner = Arc::clone(&pool);
        // The thread works in a slot while the other owner drops the pool.
        std::thread::scope(|s| {
            let installed = Gate::new();
            let (begun, go) = (installed.clone(), Gate::new());
            let hold = go.clone();
            s.spawn(move || {
                inner.install(|| {
                    begun.open();
                    hold.pass();
                    scope(|s| s.spawn(|| ()));
                });
            });
            installed.pass();
            let handle = pool.spawn(|| 1);
            go.open();
            drop(pool);
            assert!(matches!(handle.wait(), Ok(1)));
        });
    }
}

/// Threads that submit all sorts of things while another one shuts the pool down.
fn race(workers: usize, mode: Shutdown, seed: u64) {
    let pool = Arc::new(pool(workers));
    let (ran, dropped) = (Count::new(), Count::new());
    let made = Count::new();
    std::thread::scope(|s| {
        for thread in 0..3 {
            let (pool, ran, dropped, made) = (&pool, &ran, &dropped, &made);
            s.spawn(move || {
                let mut random = Random::new(seed * 3 + thread);
                let mut job = pool.prepare(|| ());
                for _ in 0..60 {
                    let (ran, drops) = (ran.clone(), Dropped(dropped.clone()));
                    made.add();
                    let body = move || {
                        ran.add();
                        drop(drops);
                    };
                    match random.below(7) {
                        0 => resolved(pool.spawn(body).wait()),
                        1 => resolved(block_on(pool.spawn(body))),
                        2 => drop(pool.spawn(body)),
                        3 => resolved(block_on(pool.spawn_blocking(body))),
                        4 => pool.scope(|s| s.spawn(body)),
                        5 => pool.install(body),
                        _ => {
                            body();
                            resolved(job.submit().unwrap().wait());
                            resolved(job.run());
                        }
                    }
                }
            });
        }
        let mut random = Random::new(seed);
        taskweave_testing::busy(random.below(100_000) as u32);
        pool.shutdown(mode, None).unwrap();
    });
    pool.shutdown(mode, None).unwrap();
    until(|| dropped.get() == made.get());
    assert!(ran.get() <= made.get());
}

#[track_caller]
fn resolved(result: Result<(), TaskError>) {
    assert!(
        matches!(result, Ok(()) | Err(TaskError::Shutdown)),
        "{result:?}"
    );
}

#[test]
fn submissions_that_race_with_a_shutdown() {
    let _watch = watch();
    for seed in 0..rounds(60, 20_000) as u64 {
        for workers in [1, 2, 8] {
            race(workers, Shutdown::Drain, seed);
            race(workers, Shutdown::Abandon, seed);
        }
    }
}
