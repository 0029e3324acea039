//! Spawned tasks, scopes and joins.

use std::sync::Arc;

use taskweave_core::{TaskError, join, scope};
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};
use taskweave_sys::sync::thread;

use crate::explore::{explore, pool};

#[test]
fn results_reach_those_who_wait_outside() {
    for workers in [1, 2, 3] {
        explore(move || {
            let pool = pool(workers);
            let handles: Vec<_> = (0..4).map(|i| pool.spawn(move || i)).collect();
            let sum: i32 = handles.into_iter().map(|h| h.wait().unwrap()).sum();
            assert_eq!(sum, 6);
        });
    }
}

#[test]
fn detached_tasks_run_before_the_pool_ends() {
    for workers in [1, 2] {
        explore(move || {
            let pool = pool(workers);
            let ran = Arc::new(AtomicUsize::new(0));
            for _ in 0..4 {
                let ran = Arc::clone(&ran);
                drop(pool.spawn(move || ran.fetch_add(1, Ordering::Relaxed)));
            }
            drop(pool);
            assert_eq!(ran.load(Ordering::Relaxed), 4);
        });
    }
}

#[test]
fn a_task_waits_for_tasks_of_its_own() {
    for workers in [1, 2] {
        explore(move || {
            let pool = Arc::new(pool(workers));
            let inner = Arc::clone(&pool);
            let outer = pool.spawn(move || {
                let handles: Vec<_> = (0..3).map(|i| inner.spawn(move || i)).collect();
                handles.into_iter().map(|h| h.wait().unwrap()).sum::<i32>()
            });
            assert_eq!(outer.wait().unwrap(), 3);
        });
    }
}

#[test]
fn a_scope_ends_after_all_its_parts() {
    for workers in [1, 2, 3] {
        explore(move || {
            let pool = pool(workers);
            let ran = AtomicUsize::new(0);
            pool.scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| {
                        s.spawn(|| {
                            ran.fetch_add(1, Ordering::Relaxed);
                        });
                        ran.fetch_add(1, Ordering::Relaxed);
                    });
                }
            });
            assert_eq!(ran.into_inner(), 6);
        });
    }
}

#[test]
fn joins_and_scopes_nest() {
    for workers in [1, 2] {
        explore(move || {
            let pool = pool(workers);
            let ran = AtomicUsize::new(0);
            let count = || {
                ran.fetch_add(1, Ordering::Relaxed);
            };
            pool.install(|| {
                join(
                    || join(count, || scope(|s| s.spawn(count))),
                    || {
                        scope(|s| {
                            s.spawn(|| {
                                join(count, count);
                            });
                            s.spawn(count);
                        });
                    },
                )
            });
            assert_eq!(ran.load(Ordering::Relaxed), 5);
        });
    }
}

#[test]
fn threads_from_outside_come_at_once() {
    explore(|| {
        let pool = Arc::new(pool(2));
        let guests: Vec<_> = (0..2)
            .map(|i| {
                let pool = Arc::clone(&pool);
                thread::spawn(move || {
                    let (a, b) = pool.install(|| join(move || i, move || i + 1));
                    let handle = pool.spawn(move || a + b);
                    handle.wait().unwrap()
                })
            })
            .collect();
        let sum: i32 = guests.into_iter().map(|g| g.join().unwrap()).sum();
        assert_eq!(sum, 4);
    });
}

#[test]
fn a_cancelled_task_runs_or_says_so() {
    explore(|| {
        let pool = pool(1);
        let ran = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&ran);
        let handle = pool.spawn(move || counter.fetch_add(1, Ordering::Relaxed));
        let cancelled = handle.cancel();
        match handle.wait() {
            Ok(_) => assert!(!cancelled),
            Err(TaskError::Cancelled) => assert!(cancelled),
            Err(other) => panic!("{other}"),
        }
        assert_eq!(ran.load(Ordering::Relaxed), usize::from(!cancelled));
    });
}
