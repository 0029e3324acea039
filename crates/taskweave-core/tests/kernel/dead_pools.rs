//! What is still possible on a pool that was shut down: everything that needs no worker, on the thread that calls.

use std::sync::Arc;

use taskweave_core::pass::{FrozenPass, Verdict, VertexSpec};
use taskweave_core::{Pool, Scope, Shutdown, TaskError, for_each, join, map_reduce, scope};

use taskweave_testing::{Count, Gate, SIZES, block_on, panic_of, pool, until, watch};

/// Pools of several sizes that were shut down in both ways.
fn dead() -> impl Iterator<Item = Arc<Pool>> {
    SIZES.into_iter().flat_map(|workers| {
        [Shutdown::Drain, Shutdown::Abandon].map(|mode| {
            let pool = pool(workers);
            drop(pool.spawn(|| ()));
            pool.shutdown(mode, None).unwrap();
            Arc::new(pool)
        })
    })
}

fn nest<'scope>(s: &'scope Scope<'scope, '_>, depth: usize, count: &'scope Count) {
    count.add();
    if depth > 0 {
        s.spawn(move || nest(s, depth - 1, count));
        s.spawn(move || scope(|inner| inner.spawn(|| count.tick())));
    }
}

/// All that borrows and so is always run.
fn borrowing(pool: &Pool) {
    assert_eq!(pool.install(|| join(|| 1, || 2)), (1, 2));
    let count = Count::new();
    pool.scope(|s| nest(s, 50, &count));
    assert_eq!(count.get(), 101);
    pool.scope(|s| {
        for _ in 0..10 {
            s.spawn(|| pool.scope(|s| (0..10).for_each(|_| s.spawn(|| count.tick()))));
        }
    });
    assert_eq!(count.get(), 201);
    let mut data = vec![1; 1000];
    pool.install(|| for_each(&mut data[..], |x| *x += 1));
    assert_eq!(
        pool.install(|| map_reduce(0..1000, || 0, |i| i, |a, b| a + b)),
        499_500
    );
    let text = panic_of(|| pool.scope(|s| s.spawn(|| panic!("on purpose"))));
    assert_eq!(text, "on purpose");
    for (vertices, edges) in shapes() {
        let count = Count::new();
        let specs = (0..vertices)
            .map(|_| {
                let count = count.clone();
                VertexSpec {
                    name: "vertex".into(),
                    body: Box::new(move || {
                        count.add();
                        scope(|s| s.spawn(|| ()));
                        Verdict::Continue
                    }),
                    kind: 1,
                }
            })
            .collect();
        let mut pass = FrozenPass::freeze(specs, &edges).unwrap();
        for i in 1..4 {
            assert_eq!(pass.run(pool).unwrap().executed, vertices);
            assert_eq!(count.get(), i * vertices);
        }
    }
}

/// A line, a fan and a grid.
fn shapes() -> [(usize, Vec<(u32, u32)>); 3] {
    let grid = (0..8)
        .flat_map(|x| (0..8).map(move |y| (x, y)))
        .flat_map(|(x, y)| {
            let right = (x < 7).then_some((8 * x + y, 8 * x + 8 + y));
            let down = (y < 7).then_some((8 * x + y, 8 * x + y + 1));
            [right, down].into_iter().flatten()
        })
        .collect();
    [
        (100, (1..100).map(|i| (i - 1, i)).collect()),
        (100, (1..100).map(|i| (0, i)).collect()),
        (64, grid),
    ]
}

fn refusing(pool: &Pool) {
    assert!(matches!(pool.spawn(|| 1).wait(), Err(TaskError::Shutdown)));
    assert!(matches!(
        block_on(pool.spawn(|| 1)),
        Err(TaskError::Shutdown)
    ));
    assert!(matches!(
        pool.spawn_blocking(|| 1).wait(),
        Err(TaskError::Shutdown)
    ));
    let mut job = pool.prepare(|| panic!("it isn't run"));
    assert!(matches!(
        job.submit().unwrap().wait(),
        Err(TaskError::Shutdown)
    ));
    assert!(matches!(job.run(), Err(TaskError::Shutdown)));
    // Also for one that nobody asked about.
    drop(job.submit().unwrap());
    assert!(matches!(
        job.submit().unwrap().wait(),
        Err(TaskError::Shutdown)
    ));
}

#[test]
fn from_outside() {
    let _watch = watch();
    for pool in dead() {
        borrowing(&pool);
        refusing(&pool);
        assert!(pool.dump().contains("ended"));
        let _ = pool.metrics();
    }
}

#[test]
fn from_a_worker_of_another_pool() {
    let _watch = watch();
    for other in [pool(1), pool(2)] {
        for pool in dead() {
            let inner = Arc::clone(&pool);
            other
                .spawn(move || {
                    borrowing(&inner);
                    refusing(&inner);
                })
                .wait()
                .unwrap();
            other.install(|| {
                borrowing(&pool);
                refusing(&pool);
            });
        }
    }
}

#[test]
fn from_several_threads() {
    let _watch = watch();
    for pool in dead() {
        std::thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    for _ in 0..5 {
                        borrowing(&pool);
                        refusing(&pool);
                    }
                });
            }
        });
    }
}

#[test]
fn while_the_pool_drains() {
    let _watch = watch();
    for workers in SIZES {
        let pool = Arc::new(pool(workers));
        let (began, gate) = (Count::new(), Gate::new());
        for _ in 0..workers {
            let (begin, hold) = (began.clone(), gate.clone());
            drop(pool.spawn(move || {
                begin.add();
                hold.pass();
            }));
        }
        until(|| began.get() == workers);
        assert!(
            pool.shutdown(Shutdown::Drain, Some(std::time::Duration::ZERO))
                .is_err()
        );
        // The pool still has its threads, all of which are busy; some come free meanwhile.
        std::thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    borrowing(&pool);
                    refusing(&pool);
                });
            }
            std::thread::yield_now();
            gate.open();
        });
        pool.shutdown(Shutdown::Drain, None).unwrap();
    }
}
