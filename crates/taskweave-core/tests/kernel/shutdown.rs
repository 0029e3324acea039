//! Ending a pool: draining, abandoning, trying again, and what is still possible afterwards.

use std::sync::Arc;
use std::time::Duration;

use taskweave_core::{Shutdown, ShutdownTimeout, TaskError, join, scope};

use taskweave_testing::{Count, Dropped, Gate, block_on, builder, each_pool, pool, until, watch};

#[test]
fn draining_runs_all_that_is_queued() {
    let _watch = watch();
    each_pool(|pool| {
        let (ran, gate) = (Count::new(), Gate::new());
        for i in 0..300 {
            let (ran, gate) = (ran.clone(), gate.clone());
            drop(pool.spawn(move || {
                gate.pass();
                scope(|s| s.spawn(|| ran.tick()));
            }));
            if i % 10 == 0 {
                // Queued behind closed gates; the threads go up to eight at once.
                let ran = Dropped(Count::new());
                drop(pool.spawn_blocking(move || drop(ran)));
            }
        }
        let refused = pool.shutdown(Shutdown::Drain, Some(Duration::ZERO));
        assert!(
            matches!(refused, Err(ShutdownTimeout { threads }) if threads == pool.worker_threads())
        );
        assert!(matches!(pool.spawn(|| ()).wait(), Err(TaskError::Shutdown)));
        gate.open();
        pool.shutdown(Shutdown::Drain, None).unwrap();
        assert_eq!(ran.get(), 300);
        pool.shutdown(Shutdown::Drain, None).unwrap();
        pool.shutdown(Shutdown::Abandon, Some(Duration::ZERO))
            .unwrap();
    });
}

#[test]
fn abandoning_drops_what_has_not_begun() {
    let _watch = watch();
    each_pool(|pool| {
        let workers = pool.worker_threads();
        let (began, gate) = (Count::new(), Gate::new());
        let parts = Count::new();
        let running: Vec<_> = (0..workers)
            .map(|i| {
                let (began, gate, parts) = (began.clone(), gate.clone(), parts.clone());
                pool.spawn(move || {
                    began.add();
                    gate.pass();
                    // Parts of what has begun run all the same.
                    let ((), sum) = scope(|s| {
                        for _ in 0..10 {
                            s.spawn(|| parts.tick());
                        }
                        join(|| parts.tick(), || 1)
                    });
                    i + sum
                })
            })
            .collect();
        until(|| began.get() == workers);
        let (dropped, detached) = (Count::new(), Count::new());
        let queued: Vec<_> = (0..200)
            .map(|_| {
                let dropped = Dropped(dropped.clone());
                pool.spawn(move || drop(dropped))
            })
            .collect();
        for _ in 0..200 {
            let dropped = Dropped(detached.clone());
            drop(pool.spawn(move || {
                // It isn't run, so this drop comes without.
                std::mem::forget(dropped);
            }));
        }
        let mut job = pool.prepare(|| panic!("it isn't run"));
        let submission = job.submit().unwrap();
        assert!(
            pool.shutdown(Shutdown::Abandon, Some(Duration::ZERO))
                .is_err()
        );
        gate.open();
        pool.shutdown(Shutdown::Abandon, None).unwrap();
        for (i, handle) in running.into_iter().enumerate() {
            assert_eq!(handle.wait().unwrap(), i + 1);
        }
        assert_eq!(parts.get(), 11 * workers);
        for handle in queued {
            assert!(matches!(handle.wait(), Err(TaskError::Shutdown)));
        }
        assert_eq!((dropped.get(), detached.get()), (200, 200));
        assert!(matches!(submission.wait(), Err(TaskError::Shutdown)));
    });
}

#[test]
fn abandoning_after_draining_has_timed_out() {
    let _watch = watch();
    each_pool(|pool| {
        let (gate, begun, ran) = (Gate::new(), Count::new(), Count::new());
        let handles: Vec<_> = (0..100)
            .map(|_| {
                let (gate, begun, ran) = (gate.clone(), begun.clone(), ran.clone());
                pool.spawn(move || {
                    begun.add();
                    gate.pass();
                    ran.add();
                })
            })
            .collect();
        until(|| begun.get() > 0);
        assert!(
            pool.shutdown(Shutdown::Drain, Some(Duration::from_millis(1)))
                .is_err()
        );
        assert!(
            pool.shutdown(Shutdown::Abandon, Some(Duration::from_millis(1)))
                .is_err()
        );
        // The milder form comes too late.
        assert!(
            pool.shutdown(Shutdown::Drain, Some(Duration::from_millis(1)))
                .is_err()
        );
        gate.open();
        pool.shutdown(Shutdown::Drain, None).unwrap();
        let mut shut = 0;
        for handle in handles {
            match handle.wait() {
                Ok(()) => {}
                Err(TaskError::Shutdown) => shut += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(ran.get() + shut, 100);
        assert!(shut >= 100 - pool.worker_threads());
    });
}

#[test]
fn waits_for_what_is_abandoned_are_errors() {
    let _watch = watch();
    for workers in [1, 2] {
        let pool = Arc::new(pool(workers));
        let gate = Gate::new();
        let hold = gate.clone();
        let waits = Count::new();
        let begun = waits.clone();
        let blocking = pool.spawn_blocking(move || {
            begun.add();
            hold.pass();
        });
        let waiter = {
            let waits = waits.clone();
            pool.spawn(move || {
                waits.add();
                blocking.wait()
            })
        };
        // None of these is to be run by a poll, or abandoned.
        until(|| waits.get() == 2);
        let holders: Vec<_> = (0..workers)
            .map(|_| {
                let (gate, waits) = (gate.clone(), waits.clone());
                pool.spawn(move || {
                    waits.add();
                    gate.pass();
                })
            })
            .collect();
        until(|| waits.get() == 2 + workers);
        let queued = pool.spawn(|| ());
        let second = pool.spawn(|| ());
        assert!(
            pool.shutdown(Shutdown::Abandon, Some(Duration::ZERO))
                .is_err()
        );
        gate.open();
        assert!(matches!(block_on(queued), Err(TaskError::Shutdown)));
        block_on(waiter).unwrap().unwrap();
        for holder in holders {
            holder.wait().unwrap();
        }
        pool.shutdown(Shutdown::Abandon, None).unwrap();
        assert!(matches!(second.wait(), Err(TaskError::Shutdown)));
    }
}

#[test]
fn draining_while_bodies_are_blocked_in_waits() {
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        let (gate, begun) = (Gate::new(), Count::new());
        let handles: Vec<_> = (0..10)
            .map(|i| {
                let (hold, begun) = (gate.clone(), begun.clone());
                let blocking = pool.spawn_blocking(move || {
                    hold.pass();
                    i
                });
                pool.spawn(move || {
                    begun.add();
                    let awaited = blocking.wait().unwrap();
                    // Without a slot, in a pool that refuses new tasks.
                    let (a, b) = join(|| awaited, || 1);
                    let count = Count::new();
                    scope(|s| (0..5).for_each(|_| s.spawn(|| scope(|s| s.spawn(|| count.tick())))));
                    a + b + count.get()
                })
            })
            .collect();
        until(|| begun.get() == 10);
        assert!(
            pool.shutdown(Shutdown::Drain, Some(Duration::from_millis(1)))
                .is_err()
        );
        gate.open();
        pool.shutdown(Shutdown::Drain, None).unwrap();
        for (i, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.wait().unwrap(), i + 6);
        }
    });
}

#[test]
fn bodies_may_not_spawn_while_the_pool_drains() {
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        let (began, gate) = (Gate::new(), Gate::new());
        let (inner, begin, hold) = (Arc::clone(&pool), began.clone(), gate.clone());
        let handle = pool.spawn(move || {
            begin.open();
            hold.pass();
            let refused = inner.spawn(|| ()).wait();
            matches!(refused, Err(TaskError::Shutdown))
        });
        began.pass();
        assert!(
            pool.shutdown(Shutdown::Drain, Some(Duration::ZERO))
                .is_err()
        );
        gate.open();
        assert!(handle.wait().unwrap());
        pool.shutdown(Shutdown::Drain, None).unwrap();
    });
}

#[test]
fn a_shutdown_from_within_only_begins_it() {
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        for blocking in [false, true] {
            let inner = Arc::clone(&pool);
            let body = move || {
                // It would wait for itself, also after it has lost its slot.
                let _ = inner.spawn_blocking(|| ()).wait();
                inner.shutdown(Shutdown::Drain, None).is_err()
            };
            let handle = if blocking {
                pool.spawn_blocking(body)
            } else {
                pool.spawn(body)
            };
            match block_on(handle) {
                Ok(refused) => assert!(refused && !blocking),
                Err(TaskError::Shutdown) => assert!(blocking, "it was begun by the first one"),
                Err(other) => panic!("{other}"),
            }
        }
        pool.shutdown(Shutdown::Drain, None).unwrap();
    });
}

#[test]
fn several_threads_shut_down_at_once() {
    let _watch = watch();
    for _ in 0..30 {
        each_pool(|pool| {
            let ran = Count::new();
            for _ in 0..50 {
                let ran = ran.clone();
                drop(pool.spawn(move || ran.add()));
            }
            std::thread::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| pool.shutdown(Shutdown::Drain, None).unwrap());
                }
            });
            assert_eq!(ran.get(), 50);
        });
    }
}

#[test]
fn hooks_are_called_once_a_thread() {
    let _watch = watch();
    for workers in [1, 3] {
        let (starts, stops) = (Count::new(), Count::new());
        let (start, stop) = (starts.clone(), stops.clone());
        let pool = builder(workers)
            .on_start(move |_| start.tick())
            .on_stop(move |_| stop.tick())
            .build()
            .unwrap();
        let gate = Gate::new();
        let hold = gate.clone();
        let blocking = pool.spawn_blocking(move || hold.pass());
        // One spare thread.
        let waiter = pool.spawn(move || blocking.wait().unwrap());
        until(|| pool.dump().contains("waits for"));
        gate.open();
        waiter.wait().unwrap();
        pool.shutdown(Shutdown::Drain, None).unwrap();
        assert!(starts.get() >= workers && starts.get() <= workers + 1);
        assert_eq!(starts.get(), stops.get());
    }
}
