//! The kernel's first promises, on pools of several sizes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use taskweave_core::{Pool, TaskError, for_each, join, map_reduce, scope};

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = join(|| fib(n - 1), || fib(n - 2));
    a + b
}

fn pools() -> impl Iterator<Item = Pool> {
    [1, 2, 3, 8]
        .into_iter()
        .map(|n| Pool::builder().worker_threads(n).build().unwrap())
}

#[test]
fn join_computes() {
    for pool in pools() {
        assert_eq!(pool.install(|| fib(22)), 17_711);
    }
}

#[test]
fn scope_runs_all() {
    for pool in pools() {
        let count = AtomicUsize::new(0);
        pool.scope(|s| {
            for _ in 0..100_000 {
                s.spawn(|| {
                    count.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(count.into_inner(), 100_000);
    }
}

#[test]
fn nested_scopes_and_spawns_from_spawned() {
    for pool in pools() {
        let count = AtomicUsize::new(0);
        pool.scope(|s| {
            for _ in 0..100 {
                s.spawn(|| {
                    scope(|inner| {
                        for _ in 0..100 {
                            inner.spawn(|| {
                                count.fetch_add(1, Ordering::Relaxed);
                            });
                        }
                    });
                    s.spawn(|| {
                        count.fetch_add(1, Ordering::Relaxed);
                    });
                });
            }
        });
        assert_eq!(count.into_inner(), 10_100);
    }
}

#[test]
fn handles_give_results_errors_and_panics() {
    for pool in pools() {
        let handles: Vec<_> = (0..1000).map(|i| pool.spawn(move || i * 2)).collect();
        for (i, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.wait().unwrap(), i * 2);
        }
        let handle = pool.spawn(|| -> u32 { panic!("on purpose {}", 1) });
        match handle.wait() {
            Err(TaskError::Panicked(panic)) => assert_eq!(panic.message(), "on purpose 1"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn waits_inside_workers_keep_the_pool_going() {
    for pool in pools() {
        let pool = Arc::new(pool);
        let inner = Arc::clone(&pool);
        let sum: usize = pool
            .spawn(move || {
                let handles: Vec<_> = (0..50).map(|i| inner.spawn(move || i)).collect();
                handles.into_iter().map(|h| h.wait().unwrap()).sum()
            })
            .wait()
            .unwrap();
        assert_eq!(sum, 1225);
    }
}

#[test]
fn loops_visit_each_item_once() {
    for pool in pools() {
        let mut data = vec![0_u32; 100_003];
        pool.install(|| for_each(&mut data[..], |x| *x += 1));
        assert!(data.iter().all(|&x| x == 1));
        let sum = pool.install(|| map_reduce(0..100_003, || 0_usize, |i| i, |a, b| a + b));
        assert_eq!(sum, 100_002 * 100_003 / 2);
    }
}

#[test]
fn prepared_jobs_run_again() {
    for pool in pools() {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        let mut job = pool.prepare(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        for _ in 0..1000 {
            job.submit().unwrap().wait().unwrap();
        }
        for _ in 0..1000 {
            job.run().unwrap();
        }
        drop(job);
        assert_eq!(count.load(Ordering::Relaxed), 2000);
    }
}

#[test]
fn blocking_tasks_run_beside() {
    for pool in pools() {
        let handles: Vec<_> = (0..20).map(|i| pool.spawn_blocking(move || i)).collect();
        let sum: i32 = handles.into_iter().map(|h| h.wait().unwrap()).sum();
        assert_eq!(sum, 190);
    }
}
