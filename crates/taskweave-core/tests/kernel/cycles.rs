//! Waits that could never end are errors, and only these.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use taskweave_core::{JoinHandle, Pool, TaskError, join, scope};

use taskweave_testing::{Gate, Random, block_on, busy, each_pool, pool, rounds, until, watch};

type Slot = Arc<Mutex<Option<JoinHandle<usize>>>>;

/// `n` tasks in a circle, each of which waits for the next one once all have begun. Returns how many were refused.
fn circle(pools: &[Arc<Pool>], n: usize) -> usize {
    let slots: Vec<Slot> = (0..n).map(|_| Slot::default()).collect();
    let (refused, refusals) = mpsc::channel();
    let go = Gate::new();
    for i in 0..n {
        let next = Arc::clone(&slots[(i + 1) % n]);
        let (refused, go) = (refused.clone(), go.clone());
        let pool = &pools[i % pools.len()];
        let inner = Arc::clone(pool);
        let handle = pool.spawn(move || {
            // It lets the others begin on one worker, too.
            inner.spawn_blocking(move || go.pass()).wait().unwrap();
            let next = next.lock().unwrap().take().expect("it was put there");
            match next.wait() {
                Ok(number) => number + 1,
                Err(TaskError::Deadlock) => {
                    refused.send(i).unwrap();
                    0
                }
                Err(other) => panic!("{other}"),
            }
        });
        *slots[i].lock().unwrap() = Some(handle);
    }
    drop(refused);
    go.open();
    refusals.iter().count()
}

#[test]
fn a_task_that_waits_for_itself() {
    let _watch = watch();
    each_pool(|pool| {
        for _ in 0..20 {
            assert_eq!(
                circle(
                    &[Arc::new(taskweave_testing::pool(pool.worker_threads()))],
                    1
                ),
                1
            );
        }
    });
}

#[test]
fn two_that_wait_for_each_other_and_three_in_a_circle() {
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        for n in [2, 3, 10] {
            for _ in 0..20 {
                assert_eq!(circle(std::slice::from_ref(&pool), n), 1, "circle of {n}");
            }
        }
        assert_eq!(pool.spawn(|| 1).wait().unwrap(), 1);
    });
}

#[test]
fn a_circle_through_two_pools() {
    let _watch = watch();
    for workers in [1, 2] {
        let pools = [Arc::new(pool(workers)), Arc::new(pool(1))];
        for n in [2, 4] {
            for _ in 0..20 {
                assert_eq!(circle(&pools, n), 1, "circle of {n}");
            }
        }
    }
}

/// Two tasks that wait for each other, one of them in a part of its body. Returns how many were refused.
fn circle_through(part: fn(&(dyn Fn() + Sync)), pool: &Arc<Pool>) -> usize {
    let slots = [Slot::default(), Slot::default()];
    let (refused, refusals) = mpsc::channel();
    let go = Gate::new();
    for i in 0..2 {
        let other = Arc::clone(&slots[1 - i]);
        let (inner, refused, go) = (Arc::clone(pool), Mutex::new(refused.clone()), go.clone());
        let handle = pool.spawn(move || {
            inner.spawn_blocking(move || go.pass()).wait().unwrap();
            let wait = || {
                let Some(other) = other.lock().unwrap().take() else {
                    return;
                };
                match other.wait() {
                    Ok(_) => {}
                    Err(TaskError::Deadlock) => refused.lock().unwrap().send(()).unwrap(),
                    Err(other) => panic!("{other}"),
                }
            };
            if i == 0 {
                wait()
            } else {
                part(&wait)
            }
            0
        });
        *slots[i].lock().unwrap() = Some(handle);
    }
    drop(refused);
    go.open();
    refusals.iter().count()
}

#[test]
fn circles_through_scopes_and_joins() {
    let _watch = watch();
    let parts: [fn(&(dyn Fn() + Sync)); 4] = [
        |wait| scope(|s| s.spawn(wait)),
        |wait| {
            join(|| (), wait);
        },
        |wait| {
            join(wait, || ());
        },
        |wait| scope(|s| (0..3).for_each(|_| s.spawn(|| scope(|s| s.spawn(wait))))),
    ];
    each_pool(|pool| {
        let pool = Arc::new(pool);
        for part in parts {
            for _ in 0..20 {
                assert_eq!(circle_through(part, &pool), 1);
            }
        }
        assert_eq!(pool.spawn(|| 1).wait().unwrap(), 1);
    });
}

#[test]
fn a_task_that_waits_for_one_in_a_scope_is_not_run_on_top_of_it() {
    let _watch = watch();
    for workers in [2, 3] {
        for _ in 0..50 {
            let pool = Arc::new(pool(workers));
            let (gate, in_scope) = (Gate::new(), Gate::new());
            let (hold, began) = (gate.clone(), in_scope.clone());
            let a = pool.spawn(move || {
                scope(|s| {
                    let (hold, began) = (&hold, &began);
                    let taken = Gate::new();
                    let here = taken.clone();
                    s.spawn(move || {
                        here.open();
                        hold.pass();
                    });
                    // It runs on another worker, so this one has nothing of its own to do.
                    taken.pass();
                    began.open();
                });
                1
            });
            in_scope.pass();
            let x = pool.spawn(move || a.wait());
            // It finds a thread to run on, since the scope's own doesn't do.
            let y = pool.spawn(move || gate.open());
            block_on(y).unwrap();
            assert_eq!(block_on(x).unwrap().expect("no circle"), 1);
        }
    }
}

/// Each task waits for some earlier ones: no circle, whatever runs where.
fn acyclic(pool: &Arc<Pool>, random: &mut Random, tasks: usize) {
    let slots: Arc<Vec<Mutex<Vec<JoinHandle<usize>>>>> =
        Arc::new((0..tasks).map(|_| Mutex::default()).collect());
    let mut last = Vec::new();
    for i in 0..tasks {
        let awaited: Vec<_> = (0..random.below(3))
            .filter_map(|_| {
                if last.is_empty() {
                    None
                } else {
                    Some(last.swap_remove(random.below(last.len())))
                }
            })
            .collect();
        let shape = random.below(5);
        let slots = Arc::clone(&slots);
        let inner = Arc::clone(pool);
        last.push(pool.spawn(move || {
            slots[i].lock().unwrap().extend(awaited);
            let wait = || {
                let handles = std::mem::take(&mut *slots[i].lock().unwrap());
                for handle in handles {
                    handle.wait().expect("these waits form no circle");
                }
            };
            match shape {
                0 => scope(|s| {
                    s.spawn(wait);
                    s.spawn(|| ());
                }),
                1 => drop(join(|| (), wait)),
                2 => drop(join(wait, || ())),
                3 => drop(inner.spawn(wait_for_nothing)),
                _ => wait(),
            }
            wait();
            i
        }));
    }
    for handle in last {
        handle.wait().expect("these waits form no circle");
    }
}

fn wait_for_nothing() {}

#[test]
fn waits_without_a_circle_are_never_refused() {
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        let mut random = Random::new(pool.worker_threads() as u64);
        for _ in 0..rounds(150, 20_000) {
            acyclic(&pool, &mut random, 40);
        }
    });
}

#[test]
fn a_thread_that_has_ended_what_was_awaited_is_not_part_of_a_circle() {
    let _watch = watch();
    for workers in [2, 3, 8] {
        let pool = Arc::new(pool(workers));
        for _ in 0..rounds(1500, 300_000) {
            // `b` ends about when `a` looks who runs it; the same thread may go on with `c`, which waits for `a`.
            let b = pool.spawn(|| assert_ne!(busy(300), 0));
            let a = pool.spawn(move || b.wait());
            let c = pool.spawn(move || a.wait());
            block_on(c).unwrap().expect("no circle").expect("no circle");
        }
    }
}

#[test]
fn all_waits_end_where_only_the_pool_could_end_them() {
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        // Many circles at once, each of which is to be found by itself.
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for n in 1..5 {
                        assert_eq!(circle(std::slice::from_ref(&pool), n), 1);
                    }
                });
            }
        });
        until(|| !pool.dump().contains("waits for"));
    });
}
