//! Work never hides behind a body that goes on: with two workers or more, what a body has queued is run while it blocks.
//!
//! Each of these bodies blocks until what it has queued has run, as a channel or a lock would make it.

use std::sync::Arc;
use std::sync::mpsc;

use taskweave_core::pass::{FrozenPass, Verdict, VertexSpec};
use taskweave_core::{Pool, join, scope};

use taskweave_testing::{Count, Gate, pool, watch};

fn pools() -> impl Iterator<Item = Arc<Pool>> {
    [2, 3, 8].into_iter().map(|workers| Arc::new(pool(workers)))
}

/// Calls `body` on a worker of the pool, and waits.
fn on_a_worker(pool: &Arc<Pool>, body: impl FnOnce(&Arc<Pool>) + Send + 'static) {
    let inner = Arc::clone(pool);
    let (done, end) = mpsc::channel();
    drop(pool.spawn(move || {
        body(&inner);
        drop(inner);
        done.send(()).unwrap();
    }));
    end.recv().expect("the body has not panicked");
}

fn spawn_and_block(pool: &Arc<Pool>, tasks: usize) {
    let (done, ends) = mpsc::channel();
    for _ in 0..tasks {
        let done = done.clone();
        drop(pool.spawn(move || done.send(()).unwrap()));
    }
    for _ in 0..tasks {
        ends.recv().unwrap();
    }
}

#[test]
fn spawned_tasks() {
    let _watch = watch();
    for pool in pools() {
        for tasks in [1, 2, 10, 100, 2000] {
            on_a_worker(&pool, move |pool| spawn_and_block(pool, tasks));
        }
    }
}

#[test]
fn spawned_tasks_of_a_kind_known_to_be_short() {
    let _watch = watch();
    for pool in pools() {
        for round in 0..300 {
            on_a_worker(&pool, move |pool| spawn_and_block(pool, 1 + round % 7));
        }
    }
}

#[test]
fn closures_of_a_scope() {
    let _watch = watch();
    for pool in pools() {
        for round in 0..200 {
            on_a_worker(&pool, move |_| {
                scope(|s| {
                    let (done, ends) = mpsc::channel();
                    let n = 1 + round % 7;
                    for _ in 0..n {
                        let done = done.clone();
                        s.spawn(move || done.send(()).unwrap());
                    }
                    for _ in 0..n {
                        ends.recv().unwrap();
                    }
                });
            });
        }
    }
}

#[test]
fn closures_beside_one_that_blocks_for_them() {
    let _watch = watch();
    for pool in pools() {
        for round in 0..200 {
            let n = 1 + round % 9;
            pool.scope(|s| {
                let gate = Gate::new();
                let count = Count::new();
                for _ in 0..n {
                    let (gate, count) = (gate.clone(), count.clone());
                    s.spawn(move || {
                        if count.add() + 1 == n {
                            gate.open();
                        }
                    });
                }
                // Newest, so the first to run here.
                s.spawn(move || gate.pass());
            });
        }
    }
}

#[test]
fn an_open_branch_of_a_join_that_goes_on_forking() {
    let _watch = watch();
    for pool in pools() {
        for _ in 0..50 {
            let gate = Gate::new();
            let fork = || {
                while !gate.is_open() {
                    join(|| (), || ());
                }
            };
            pool.install(|| join(fork, || gate.open()));
        }
    }
}

#[test]
fn prepared_jobs_submitted_by_a_body() {
    let _watch = watch();
    for pool in pools() {
        let mut jobs: Vec<_> = (0..4)
            .map(|_| {
                let (done, end) = mpsc::channel();
                (pool.prepare(move || done.send(()).unwrap()), end)
            })
            .collect();
        for round in 0..200 {
            let mut submit_and_block = || {
                for (job, _) in &mut jobs {
                    // The message of the last round came a moment before its end.
                    while job.submit().is_err() {
                        std::thread::yield_now();
                    }
                }
                for (_, end) in &mut jobs {
                    end.recv().unwrap();
                }
            };
            match round % 3 {
                0 => pool.install(submit_and_block),
                1 => pool.scope(|s| s.spawn(submit_and_block)),
                _ => submit_and_block(),
            }
        }
    }
}

#[test]
fn successors_in_a_graph() {
    let _watch = watch();
    for pool in pools() {
        for fan in [2, 3, 20, 300] {
            // Of a kind that is new to the pool. One that is known to be short may stay private behind its sibling.
            let (ran, gate) = (Count::new(), Gate::new());
            let vertex = |body: Box<dyn Fn() + Send>| VertexSpec {
                name: "vertex".into(),
                body: Box::new(move || {
                    body();
                    Verdict::Continue
                }),
                kind: 64 * fan,
            };
            let mut vertices = vec![vertex(Box::new(|| ()))];
            for i in 0..fan {
                let (ran, gate) = (ran.clone(), gate.clone());
                vertices.push(vertex(Box::new(move || {
                    if i == 0 {
                        gate.pass();
                    } else if ran.add() + 2 == fan {
                        gate.open();
                    }
                })));
            }
            let edges: Vec<_> = (1..=fan as u32).map(|leaf| (0, leaf)).collect();
            FrozenPass::freeze(vertices, &edges)
                .unwrap()
                .run(&pool)
                .unwrap();
        }
    }
}

#[test]
fn roots_of_a_graph() {
    let _watch = watch();
    for pool in pools() {
        for n in [2, 5, 100] {
            let gate = Gate::new();
            let count = Count::new();
            let specs = (0..n)
                .map(|i| {
                    let (gate, count) = (gate.clone(), count.clone());
                    VertexSpec {
                        name: "root".into(),
                        body: Box::new(move || {
                            if i == 0 {
                                gate.pass();
                            } else if count.add() + 2 == n {
                                gate.open();
                            }
                            Verdict::Continue
                        }),
                        kind: 64 * n,
                    }
                })
                .collect();
            FrozenPass::freeze(specs, &[]).unwrap().run(&pool).unwrap();
        }
    }
}

/// What is public stays so when the body takes something else off its deque meanwhile.
#[test]
fn behind_a_join_or_a_prepared_job_of_the_same_body() {
    let _watch = watch();
    for pool in pools() {
        for how in 0..3 {
            on_a_worker(&pool, move |pool| {
                // One worker is left, and it's busy until all is queued.
                let (begun, gate) = (Count::new(), Gate::new());
                for _ in 1..pool.worker_threads() {
                    let (begin, hold) = (begun.clone(), gate.clone());
                    drop(pool.spawn(move || {
                        begin.add();
                        hold.pass();
                    }));
                }
                taskweave_testing::until(|| begun.get() == pool.worker_threads() - 1);
                let (done, ends) = mpsc::channel();
                for _ in 0..10 {
                    let done = done.clone();
                    drop(pool.spawn(move || done.send(()).unwrap()));
                }
                match how {
                    0 => drop(join(|| scope(|s| s.spawn(|| ())), || ())),
                    1 => drop(join(|| join(|| (), || ()), || ())),
                    _ => {
                        let mut job = pool.prepare(|| ());
                        job.submit().unwrap().wait().unwrap();
                    }
                }
                gate.open();
                (0..10).for_each(|_| ends.recv().unwrap());
            });
        }
    }
}

/// Children of a kind that was short a thousand times, one of which then waits for another.
#[test]
fn siblings_that_wait_for_each_other() {
    let _watch = watch();
    for pool in pools() {
        pool.install(|| {
            let children = |n: usize, wait: bool| {
                let (done, end) = mpsc::channel();
                let end = std::sync::Mutex::new(end);
                scope(|s| {
                    for i in 0..n {
                        let (done, end) = (done.clone(), &end);
                        s.spawn(move || {
                            if wait && i == n - 1 {
                                end.lock().unwrap().recv().unwrap();
                            } else if wait && i == n - 2 {
                                done.send(()).unwrap();
                            }
                        });
                    }
                });
            };
            for _ in 0..20 {
                (0..50).for_each(|_| children(200, false));
                children(10, true);
                children(1000, true);
            }
        });
    }
}
