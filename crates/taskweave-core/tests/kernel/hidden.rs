//! Work never hides behind a body that goes on: with two workers or more, what a body has queued is run while it blocks.
//!
//! Each of these bodies blocks until what it has queued has run, as a channel or a lock would make it.

use std::sync::Arc;
use std::sync::mpsc;

use taskweave_core::pass::{FrozenPass, Verdict, VertexSpec};
use taskweave_core::{Pool, join, scope};

use crate::common::{Count, Gate, pool, watch};

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
fn the_second_branch_of_a_join() {
    let _watch = watch();
    for pool in pools() {
        for _ in 0..200 {
            on_a_worker(&pool, |_| {
                let gate = Gate::new();
                join(|| gate.pass(), || gate.open());
            });
            pool.install(|| {
                let gate = Gate::new();
                join(|| gate.pass(), || gate.open());
            });
        }
    }
}

#[test]
fn the_oldest_of_many_branches() {
    fn deep(n: usize, gate: &Gate) {
        if n == 0 {
            gate.pass();
        } else {
            join(|| deep(n - 1, gate), || ());
        }
    }
    let _watch = watch();
    for pool in pools() {
        for _ in 0..100 {
            on_a_worker(&pool, |_| {
                let gate = Gate::new();
                join(|| deep(20, &gate), || gate.open());
            });
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

/// A root with `fan` successors, the first of which blocks until the others have run, in every pass from `from` on.
fn fan_out(pool: &Pool, fan: usize, from: usize, passes: usize) {
    let (ran, gate) = (Count::new(), std::sync::Mutex::new(Gate::new()));
    let pass_number = Count::new();
    let mut specs = vec![VertexSpec {
        name: "root".into(),
        body: Box::new(|| {
            pass_number.add();
            Verdict::Continue
        }),
        kind: 1,
    }];
    for i in 0..fan {
        let (ran, gate, pass_number) = (&ran, &gate, &pass_number);
        specs.push(VertexSpec {
            name: format!("leaf {i}").into(),
            body: Box::new(move || {
                let now = gate.lock().unwrap().clone();
                if i == 0 {
                    if pass_number.get() > from {
                        now.pass();
                    }
                } else if (ran.add() + 1) % (fan - 1) == 0 {
                    now.open();
                }
                Verdict::Continue
            }),
            kind: 2,
        });
    }
    let edges: Vec<_> = (1..=fan as u32).map(|leaf| (0, leaf)).collect();
    let mut pass = FrozenPass::freeze(specs, &edges).unwrap();
    for _ in 0..passes {
        *gate.lock().unwrap() = Gate::new();
        pass.run(pool).unwrap();
    }
}

#[test]
fn successors_in_a_graph() {
    let _watch = watch();
    for pool in pools() {
        for fan in [2, 3, 20, 300] {
            fan_out(&pool, fan, 0, 20);
        }
    }
}

#[test]
fn successors_in_a_graph_whose_kind_was_short_so_far() {
    let _watch = watch();
    for pool in pools() {
        for fan in [2, 3, 20, 300] {
            fan_out(&pool, fan, 50, 60);
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
                        kind: 3,
                    }
                })
                .collect();
            FrozenPass::freeze(specs, &[]).unwrap().run(&pool).unwrap();
        }
    }
}
