//! Nothing is lost and nothing runs twice, however many threads submit however much.

use std::sync::Arc;

use taskweave_core::{Pool, for_each, join, map_reduce, scope};
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};

use taskweave_testing::{Count, Hits, Random, builder, each_pool, pool, rounds, watch};

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = join(|| fib(n - 1), || fib(n - 2));
    a + b
}

/// `threads` threads from outside call `body` with their number at once.
fn from_outside(threads: usize, body: impl Fn(usize) + Sync) {
    std::thread::scope(|s| {
        for thread in 0..threads {
            let body = &body;
            s.spawn(move || body(thread));
        }
    });
}

#[test]
fn each_spawned_task_runs_once() {
    let _watch = watch();
    const EACH: usize = 3000;
    each_pool(|pool| {
        let hits = Hits::new(4 * EACH);
        from_outside(4, |thread| {
            for i in 0..EACH {
                let id = thread * EACH + i;
                let hits = Arc::clone(&hits);
                let handle = pool.spawn(move || {
                    hits.hit(id);
                    id
                });
                match i % 3 {
                    0 => assert_eq!(handle.wait().unwrap(), id),
                    1 => drop(handle),
                    _ => assert!(!handle.cancel() || handle.is_finished()),
                }
            }
        });
        drop(pool);
        assert!(hits.total() >= 4 * EACH * 2 / 3);
        assert!(hits.total() <= 4 * EACH);
    });
}

#[test]
fn each_detached_task_runs_once() {
    let _watch = watch();
    const EACH: usize = 5000;
    each_pool(|pool| {
        let hits = Hits::new(3 * EACH);
        from_outside(3, |thread| {
            for i in 0..EACH {
                let hits = Arc::clone(&hits);
                drop(pool.spawn(move || hits.hit(thread * EACH + i)));
            }
        });
        drop(pool);
        hits.assert_each(1);
    });
}

#[test]
fn each_task_spawned_by_tasks_runs_once() {
    let _watch = watch();
    const WIDTH: usize = 40;
    each_pool(|pool| {
        let pool = Arc::new(pool);
        let hits = Hits::new(WIDTH * WIDTH * WIDTH);
        let all: Vec<_> = (0..WIDTH)
            .map(|a| {
                let (pool, hits) = (Arc::clone(&pool), Arc::clone(&hits));
                let outer = Arc::clone(&pool);
                outer.spawn(move || {
                    let handles: Vec<_> = (0..WIDTH)
                        .map(|b| {
                            let hits = Arc::clone(&hits);
                            pool.spawn(move || {
                                scope(|s| {
                                    for c in 0..WIDTH {
                                        let hits = &hits;
                                        s.spawn(move || hits.hit((a * WIDTH + b) * WIDTH + c));
                                    }
                                });
                            })
                        })
                        .collect();
                    for handle in handles {
                        handle.wait().unwrap();
                    }
                })
            })
            .collect();
        for handle in all {
            handle.wait().unwrap();
        }
        hits.assert_each(1);
    });
}

#[test]
fn each_scoped_closure_runs_once() {
    let _watch = watch();
    const EACH: usize = 10_000;
    each_pool(|pool| {
        let hits = Hits::new(3 * EACH);
        from_outside(3, |thread| {
            let mut seen = vec![false; EACH];
            pool.scope(|s| {
                for (i, seen) in seen.iter_mut().enumerate() {
                    let hits = &hits;
                    s.spawn(move || {
                        *seen = true;
                        hits.hit(thread * EACH + i);
                    });
                }
            });
            assert!(seen.iter().all(|&seen| seen));
        });
        hits.assert_each(1);
    });
}

#[test]
fn scopes_nest_and_closures_spawn_into_outer_scopes() {
    let _watch = watch();
    each_pool(|pool| {
        let count = AtomicUsize::new(0);
        from_outside(2, |_| {
            pool.scope(|s| {
                for _ in 0..100 {
                    s.spawn(|| {
                        scope(|inner| {
                            for _ in 0..50 {
                                inner.spawn(|| {
                                    count.fetch_add(1, Ordering::Relaxed);
                                    s.spawn(|| {
                                        count.fetch_add(1, Ordering::Relaxed);
                                    });
                                });
                            }
                        });
                    });
                }
            });
        });
        assert_eq!(count.into_inner(), 2 * 100 * 50 * 2);
    });
}

#[test]
fn joins_from_several_threads_compute() {
    let _watch = watch();
    each_pool(|pool| {
        from_outside(3, |_| assert_eq!(pool.install(|| fib(18)), 2584));
    });
}

#[test]
fn loops_visit_each_item_once() {
    let _watch = watch();
    each_pool(|pool| {
        let mut data = vec![0_u32; 100_003];
        pool.install(|| for_each(&mut data[..], |x| *x += 1));
        assert!(data.iter().all(|&x| x == 1));
        let sum = pool.install(|| map_reduce(0..100_003, || 0_usize, |i| i, |a, b| a + b));
        assert_eq!(sum, 100_002 * 100_003 / 2);
        let in_order = pool.install(|| {
            map_reduce(
                0..5000,
                Vec::new,
                |i| vec![i],
                |mut a, b| {
                    a.extend(b);
                    a
                },
            )
        });
        assert!(
            in_order.iter().copied().eq(0..5000),
            "parts are combined in order"
        );
        pool.install(|| for_each(0..0, |_| panic!("there is nothing to visit")));
        assert_eq!(
            pool.install(|| map_reduce(3..3, || 7, |_| 0, |a, b| a + b)),
            7
        );
    });
}

#[test]
fn prepared_jobs_run_once_a_submission() {
    let _watch = watch();
    each_pool(|pool| {
        from_outside(3, |_| {
            let count = Count::new();
            let counter = count.clone();
            let mut job = pool.prepare(move || {
                counter.add();
            });
            for i in 1..=1000 {
                match i % 3 {
                    0 => job.submit().unwrap().wait().unwrap(),
                    1 => job.run().unwrap(),
                    _ => {
                        let submission = job.submit().unwrap();
                        while !submission.is_finished() {
                            std::thread::yield_now();
                        }
                    }
                }
                assert_eq!(count.get(), i);
            }
        });
    });
}

#[test]
fn blocking_tasks_run_once_each_also_with_two_threads() {
    let _watch = watch();
    let pool = builder(2).max_blocking(2).build().unwrap();
    let hits = Hits::new(600);
    from_outside(3, |thread| {
        let handles: Vec<_> = (0..200)
            .map(|i| {
                let hits = Arc::clone(&hits);
                pool.spawn_blocking(move || hits.hit(thread * 200 + i))
            })
            .collect();
        for handle in handles {
            handle.wait().unwrap();
        }
    });
    hits.assert_each(1);
}

/// One thread's share of a storm in which everything happens at once.
fn everything(pool: &Arc<Pool>, seed: usize, steps: usize, expected: &Count, count: &Count) {
    let mut random = Random::new(seed as u64 + 1);
    let counter = count.clone();
    let mut job = pool.prepare(move || {
        counter.add();
    });
    let mut handles = Vec::new();
    for _ in 0..steps {
        let counter = count.clone();
        match random.below(8) {
            0 => handles.push(pool.spawn(move || {
                counter.add();
            })),
            1 => {
                let inner = Arc::clone(pool);
                handles.push(pool.spawn(move || {
                    inner.spawn(move || counter.add()).wait().unwrap();
                }));
            }
            2 => drop(pool.spawn(move || counter.add())),
            3 => pool.scope(|s| {
                for _ in 0..16 {
                    s.spawn(|| {
                        counter.add();
                    });
                }
                for _ in 0..15 {
                    expected.add();
                }
            }),
            4 => {
                let sum = pool.install(|| join(|| counter.add().min(1), || 1));
                assert_eq!(sum.1, 1);
            }
            5 => job.submit().unwrap().wait().unwrap(),
            6 => job.run().unwrap(),
            _ => handles.push(pool.spawn_blocking(move || {
                counter.add();
            })),
        }
        expected.add();
        if handles.len() > 20 {
            let index = random.below(handles.len());
            handles.swap_remove(index).wait().unwrap();
        }
    }
    for handle in handles {
        handle.wait().unwrap();
    }
}

fn everything_at_once(pool: Pool, threads: usize, steps: usize) {
    let pool = Arc::new(pool);
    let (expected, count) = (Count::new(), Count::new());
    from_outside(threads, |seed| {
        everything(&pool, seed, steps, &expected, &count)
    });
    drop(Arc::into_inner(pool).expect("all bodies have ended"));
    assert_eq!(count.get(), expected.get());
}

#[test]
fn everything_at_once_from_several_threads() {
    let _watch = watch();
    each_pool(|pool| everything_at_once(pool, 4, rounds(400, 40_000)));
}

#[test]
fn sixty_four_workers_on_few_processors() {
    let _watch = watch();
    everything_at_once(pool(64), 4, rounds(300, 30_000));
    let pool = pool(64);
    assert_eq!(pool.install(|| fib(20)), 6765);
    let count = AtomicUsize::new(0);
    pool.scope(|s| {
        for _ in 0..20_000 {
            s.spawn(|| {
                count.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(count.into_inner(), 20_000);
}
