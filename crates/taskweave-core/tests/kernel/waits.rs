//! Waits for handles: on the spot, in a worker, in depth, for a while, not at all.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taskweave_core::{JoinHandle, Pool, TaskError};
use taskweave_sys::sync::thread;

use taskweave_testing::{Count, Gate, builder, each_pool, pool, until, watch};

/// A pool whose only worker is held up until the gate opens.
fn held_up() -> (Pool, Gate) {
    let pool = pool(1);
    let (began, gate) = (Gate::new(), Gate::new());
    let (begin, hold) = (began.clone(), gate.clone());
    drop(pool.spawn(move || {
        begin.open();
        hold.pass();
    }));
    began.pass();
    (pool, gate)
}

#[test]
fn a_task_that_has_not_begun_is_run_by_the_thread_that_waits() {
    let _watch = watch();
    let (pool, gate) = held_up();
    let here = thread::current().id();
    assert_eq!(pool.spawn(|| thread::current().id()).wait().unwrap(), here);
    let timed = pool
        .spawn(|| thread::current().id())
        .wait_timeout(Duration::ZERO);
    assert_eq!(timed.unwrap().unwrap(), here);
    gate.open();
    let pool = Arc::new(pool);
    let inner = Arc::clone(&pool);
    let same = pool.spawn(move || {
        let handle = inner.spawn(|| thread::current().id());
        handle.wait().unwrap() == thread::current().id()
    });
    assert!(taskweave_testing::block_on(same).unwrap());
}

#[test]
fn a_task_that_runs_is_waited_for() {
    let _watch = watch();
    each_pool(|pool| {
        let (began, gate) = (Gate::new(), Gate::new());
        let (begin, hold) = (began.clone(), gate.clone());
        let mut handle = pool.spawn(move || {
            begin.open();
            hold.pass();
            7
        });
        began.pass();
        assert!(handle.try_wait().is_none());
        let handle = handle.wait_timeout(Duration::ZERO).expect_err("it runs");
        let handle = handle
            .wait_timeout(Duration::from_millis(1))
            .expect_err("it runs");
        assert!(!handle.is_finished() && !handle.cancel());
        let opener = thread::spawn(move || gate.open());
        assert_eq!(handle.wait_timeout(Duration::MAX).unwrap().unwrap(), 7);
        opener.join().unwrap();
    });
}

#[test]
fn a_result_that_is_there_is_taken_at_once() {
    let _watch = watch();
    each_pool(|pool| {
        let mut handle = pool.spawn(|| 1);
        until(|| handle.is_finished());
        assert_eq!(handle.try_wait().unwrap().unwrap(), 1);
        assert!(matches!(handle.try_wait(), Some(Err(TaskError::Taken))));
        assert!(matches!(handle.wait(), Err(TaskError::Taken)));
        let handle = pool.spawn(|| 2);
        until(|| handle.is_finished());
        assert_eq!(handle.wait_timeout(Duration::ZERO).unwrap().unwrap(), 2);
        let handle = pool.spawn(|| 3);
        until(|| handle.is_finished());
        assert_eq!(handle.wait().unwrap(), 3);
    });
}

#[test]
fn a_wait_that_timed_out_in_a_worker_can_be_tried_again() {
    let _watch = watch();
    each_pool(|pool| {
        let gate = Gate::new();
        let hold = gate.clone();
        let awaited = pool.spawn_blocking(move || {
            hold.pass();
            5
        });
        let tries = pool.spawn(move || {
            let mut handle = awaited;
            for _ in 0..5 {
                handle = handle
                    .wait_timeout(Duration::from_millis(1))
                    .expect_err("it runs");
            }
            gate.open();
            handle.wait().unwrap()
        });
        assert_eq!(taskweave_testing::block_on(tries).unwrap(), 5);
        assert_eq!(pool.spawn(|| 1).wait().unwrap(), 1);
    });
}

#[test]
fn waits_on_the_spot_nest_a_thousand_deep() {
    fn deep(pool: &Arc<Pool>, n: usize) -> usize {
        if n == 0 {
            return 0;
        }
        let inner = Arc::clone(pool);
        1 + pool.spawn(move || deep(&inner, n - 1)).wait().unwrap()
    }
    let _watch = watch();
    for workers in [1, 2, 8] {
        let pool = Arc::new(
            builder(workers)
                .stack_size(64 << 20)
                .max_blocked(4096)
                .build()
                .unwrap(),
        );
        let inner = Arc::clone(&pool);
        let handle = pool.spawn(move || deep(&inner, 3000));
        assert_eq!(taskweave_testing::block_on(handle).unwrap(), 3000);
    }
}

/// Tasks of which each waits for the one before, which has begun; the first waits for the gate. Returns the last one.
fn blocked_chain(pool: &Arc<Pool>, length: usize, gate: &Gate, begun: &Count) -> JoinHandle<usize> {
    let hold = gate.clone();
    let mut last = pool.spawn_blocking(move || {
        hold.pass();
        0
    });
    for i in 0..length {
        let counter = begun.clone();
        let before = last;
        last = pool.spawn(move || {
            counter.add();
            before.wait().unwrap() + 1
        });
        until(|| begun.get() > i);
    }
    last
}

#[test]
fn waits_that_block_give_their_slots_to_spare_threads() {
    let _watch = watch();
    for workers in [1, 2] {
        let pool = builder(workers)
            .max_blocked(400)
            .stack_size(128 * 1024)
            .build()
            .unwrap();
        let pool = Arc::new(pool);
        let (gate, begun) = (Gate::new(), Count::new());
        let last = blocked_chain(&pool, 400, &gate, &begun);
        until(|| pool.dump().matches("waits for a task").count() >= 400);
        assert_eq!(pool.spawn(|| 1).wait().unwrap(), 1);
        gate.open();
        assert_eq!(taskweave_testing::block_on(last).unwrap(), 400);
    }
}

#[test]
fn one_worker_is_enough_for_a_that_waits_for_b_that_waits_for_c() {
    let _watch = watch();
    let pool = Arc::new(pool(1));
    let (sender, receiver) = mpsc::channel();
    let blocked = pool.spawn_blocking(move || receiver.recv().unwrap());
    let b = pool.spawn(move || blocked.wait().unwrap());
    let (began, inner) = (Gate::new(), Arc::clone(&pool));
    let a_began = began.clone();
    let a = pool.spawn(move || {
        a_began.open();
        // It has begun: there is one worker, and it was first.
        b.wait().unwrap()
    });
    began.pass();
    let c = inner.spawn(move || sender.send(42).unwrap());
    assert_eq!(taskweave_testing::block_on(a).unwrap(), 42);
    taskweave_testing::block_on(c).unwrap();
}

#[test]
fn more_blocked_threads_than_allowed_are_an_error() {
    let _watch = watch();
    for limit in [0, 1, 3] {
        let pool = Arc::new(builder(1).max_blocked(limit).build().unwrap());
        let (gate, begun) = (Gate::new(), Count::new());
        let last = blocked_chain(&pool, limit, &gate, &begun);
        let refused = pool.spawn(move || match last.wait() {
            Err(TaskError::TooManyBlocked { limit }) => limit,
            other => panic!("{other:?}"),
        });
        assert_eq!(taskweave_testing::block_on(refused).unwrap(), limit);
        // What was awaited goes on without its handle, and the pool without the waits.
        gate.open();
        assert_eq!(pool.spawn(|| 1).wait().unwrap(), 1);
    }
}

#[test]
fn handles_go_to_other_threads_and_tasks() {
    let _watch = watch();
    each_pool(|pool| {
        let handles: Vec<_> = (0..100).map(|i| pool.spawn(move || i)).collect();
        let handles = Arc::new(Mutex::new(handles));
        let waiters: Vec<_> = (0..10)
            .map(|_| {
                let handles = Arc::clone(&handles);
                pool.spawn(move || {
                    let mut sum = 0;
                    loop {
                        let next = handles.lock().unwrap().pop();
                        match next {
                            Some(handle) => sum += handle.wait().unwrap(),
                            None => return sum,
                        }
                    }
                })
            })
            .collect();
        let sum: usize = waiters
            .into_iter()
            .map(|waiter| waiter.wait().unwrap())
            .sum();
        assert_eq!(sum, 4950);
    });
}

#[test]
fn scopes_and_joins_go_on_after_their_stack_has_lost_its_slot() {
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        let handles: Vec<_> = (0..20)
            .map(|i| {
                let inner = Arc::clone(&pool);
                pool.spawn(move || {
                    let (a, b) = taskweave_core::join(
                        || {
                            let count = Count::new();
                            taskweave_core::scope(|s| {
                                s.spawn(|| {
                                    count.add();
                                });
                                inner.spawn_blocking(|| ()).wait().unwrap();
                                s.spawn(|| {
                                    count.add();
                                });
                            });
                            // Without a slot: as from outside.
                            taskweave_core::join(|| count.add(), || count.add());
                            count.get()
                        },
                        || inner.spawn_blocking(move || i).wait().unwrap(),
                    );
                    assert_eq!((a, b), (4, i));
                    taskweave_core::map_reduce(0..100, || 0, |i| i, |a, b| a + b)
                })
            })
            .collect();
        for handle in handles {
            assert_eq!(handle.wait().unwrap(), 4950);
        }
    });
}

#[test]
fn blocking_tasks_wait_for_tasks_and_the_other_way_round() {
    fn ladder(pool: &Arc<Pool>, n: usize) -> usize {
        if n == 0 {
            return 0;
        }
        let inner = Arc::clone(pool);
        let body = move || ladder(&inner, n - 1);
        let handle = if n.is_multiple_of(2) {
            pool.spawn(body)
        } else {
            pool.spawn_blocking(body)
        };
        1 + handle.wait().unwrap()
    }
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        assert_eq!(ladder(&pool, 60), 60);
    });
}
