//! Panics: each comes out where somebody asks for the result, and the pool goes on.

use std::panic::resume_unwind;
use std::sync::Arc;

use taskweave_core::pass::{FrozenPass, PassError, Verdict, VertexSpec};
use taskweave_core::{Pool, TaskError, for_each, join, map_reduce, scope};

use taskweave_testing::{Bomb, Count, Dropped, block_on, each_pool, panic_of, until, watch};

/// Everything a pool does still works.
#[track_caller]
fn still_works(pool: &Pool) {
    assert_eq!(pool.spawn(|| 1).wait().unwrap(), 1);
    assert_eq!(pool.install(|| join(|| 1, || 2)), (1, 2));
    let count = Count::new();
    pool.scope(|s| {
        for _ in 0..100 {
            s.spawn(|| {
                count.add();
            });
        }
    });
    assert_eq!(count.get(), 100);
    assert_eq!(block_on(pool.spawn(|| 3)).unwrap(), 3);
}

#[track_caller]
fn panicked<T>(result: Result<T, TaskError>) -> String {
    match result {
        Err(TaskError::Panicked(panic)) => {
            let message = panic.message().to_owned();
            assert_eq!(panic_of(|| panic.resume()), message);
            message
        }
        Ok(_) => panic!("it should have panicked"),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn of_a_spawned_body() {
    let _watch = watch();
    each_pool(|pool| {
        let handles: Vec<_> = (0..50)
            .map(|i| pool.spawn(move || panic!("on purpose {i}")))
            .collect();
        for (i, handle) in handles.into_iter().enumerate() {
            let result: Result<(), TaskError> = handle.wait();
            assert_eq!(panicked(result), format!("on purpose {i}"));
        }
        let blocking: Result<(), _> = pool.spawn_blocking(|| panic!("on purpose")).wait();
        assert_eq!(panicked(blocking), "on purpose");
        let with_a_number = pool.spawn(|| -> u32 { resume_unwind(Box::new(17_u64)) });
        match with_a_number.wait() {
            Err(TaskError::Panicked(panic)) => {
                assert_eq!(panic.message(), "a payload that is not a string")
            }
            other => panic!("{other:?}"),
        }
        drop(pool.spawn(|| panic!("on purpose, and nobody asks")));
        still_works(&pool);
    });
}

#[test]
fn of_either_branch_of_a_join_or_of_both() {
    let _watch = watch();
    each_pool(|pool| {
        for _ in 0..20 {
            let a = panic_of(|| {
                pool.install(|| join(|| panic!("a on purpose"), || 1));
            });
            let b = panic_of(|| {
                pool.install(|| join(|| 1, || panic!("b on purpose")));
            });
            let both = panic_of(|| {
                pool.install(|| join(|| panic!("a on purpose"), || panic!("b on purpose")));
            });
            assert_eq!(
                [&*a, &*b, &*both],
                ["a on purpose", "b on purpose", "a on purpose"]
            );
        }
        still_works(&pool);
    });
}

#[test]
fn deep_in_a_tree_of_joins() {
    fn tree(n: usize, bad: usize, at: usize, live: &Count) -> usize {
        let _live = Dropped(live.clone());
        if n == 0 {
            assert_ne!(at, bad, "on purpose");
            return 1;
        }
        let (a, b) = join(
            || tree(n - 1, bad, 2 * at, live),
            || tree(n - 1, bad, 2 * at + 1, live),
        );
        a + b
    }
    let _watch = watch();
    each_pool(|pool| {
        for bad in [0, 1, 77, 128, 255, 256] {
            let live = Count::new();
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                pool.install(|| tree(8, bad, 0, &live))
            }));
            assert_eq!(result.ok(), (bad == 256).then_some(256));
        }
        still_works(&pool);
    });
}

#[test]
fn of_a_scope_and_of_its_closures() {
    let _watch = watch();
    each_pool(|pool| {
        for _ in 0..20 {
            let ran = Count::new();
            let text = panic_of(|| {
                pool.scope(|s| {
                    for i in 0..30 {
                        let ran = &ran;
                        s.spawn(move || {
                            ran.add();
                            assert_ne!(i, 11, "on purpose");
                        });
                    }
                });
            });
            assert!(text.contains("on purpose"));
            assert_eq!(ran.get(), 30, "the others run to their end");
            let body = panic_of(|| {
                pool.scope(|s| {
                    s.spawn(|| {
                        ran.add();
                    });
                    s.spawn(|| panic!("a closure on purpose"));
                    panic!("the body on purpose");
                });
            });
            assert_eq!(body, "the body on purpose");
            assert_eq!(ran.get(), 31);
        }
        still_works(&pool);
    });
}

#[test]
fn of_nested_scopes() {
    let _watch = watch();
    each_pool(|pool| {
        let ran = Count::new();
        let text = panic_of(|| {
            pool.scope(|outer| {
                for i in 0..10 {
                    let ran = &ran;
                    outer.spawn(move || {
                        scope(|inner| {
                            for j in 0..10 {
                                inner.spawn(move || {
                                    ran.add();
                                    assert!(i != 3 || j != 7, "on purpose");
                                });
                            }
                        });
                    });
                }
            });
        });
        assert!(text.contains("on purpose"));
        assert_eq!(ran.get(), 100);
        still_works(&pool);
    });
}

#[test]
fn of_an_installed_body() {
    let _watch = watch();
    each_pool(|pool| {
        for _ in 0..20 {
            assert_eq!(
                panic_of(|| pool.install(|| panic!("on purpose"))),
                "on purpose"
            );
        }
        // Also where it is run by a worker, since none sleeps.
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..50 {
                        assert_eq!(
                            panic_of(|| pool.install(|| panic!("on purpose"))),
                            "on purpose"
                        );
                    }
                });
            }
        });
        still_works(&pool);
    });
}

#[test]
fn of_loops() {
    let _watch = watch();
    each_pool(|pool| {
        let body =
            panic_of(|| pool.install(|| for_each(0..1000, |i| assert_ne!(i, 700, "on purpose"))));
        assert!(body.contains("on purpose"));
        let map = panic_of(|| {
            pool.install(|| {
                map_reduce(
                    0..1000,
                    || 0,
                    |i| if i == 3 { panic!("on purpose") } else { i },
                    |a, b| a + b,
                )
            });
        });
        assert!(map.contains("on purpose"));
        let reduce = panic_of(|| {
            pool.install(|| map_reduce(0..1000, || 0, |i| i, |_, _| panic!("on purpose")));
        });
        assert!(reduce.contains("on purpose"));
        let identity = panic_of(|| {
            pool.install(|| {
                map_reduce(0..1000, || panic!("on purpose"), |i: usize| i, |a, b| a + b)
            });
        });
        assert!(identity.contains("on purpose"));
        still_works(&pool);
    });
}

#[test]
fn of_a_prepared_job_now_and_then() {
    let _watch = watch();
    each_pool(|pool| {
        let count = Count::new();
        let counter = count.clone();
        let mut job = pool.prepare(move || {
            let bad = (counter.add() + 1).is_multiple_of(3);
            assert!(!bad, "on purpose");
        });
        for i in 1..=120 {
            let result = match i % 4 {
                0 => job.run(),
                1 => job.submit().unwrap().wait(),
                2 => {
                    let submission = job.submit().unwrap();
                    until(|| submission.is_finished());
                    submission.wait()
                }
                _ => {
                    let submission = job.submit().unwrap();
                    until(|| submission.is_finished());
                    // Nobody asks how this one ended, and the next one doesn't answer for it.
                    continue;
                }
            };
            assert_eq!(count.get(), i);
            match result {
                Err(TaskError::Panicked(_)) => assert!(i % 3 == 0, "run {i} didn't panic"),
                Ok(()) => assert!(i % 3 != 0, "run {i} panicked"),
                Err(other) => panic!("{other}"),
            }
        }
        still_works(&pool);
    });
}

fn pass<'a>(
    bodies: Vec<Box<dyn FnMut() -> Verdict + Send + 'a>>,
    edges: &[(u32, u32)],
) -> FrozenPass<'a> {
    let specs = bodies
        .into_iter()
        .enumerate()
        .map(|(i, body)| VertexSpec {
            name: format!("vertex {i}").into(),
            body,
            kind: i,
        })
        .collect();
    FrozenPass::freeze(specs, edges).unwrap()
}

#[test]
fn of_vertices() {
    let _watch = watch();
    each_pool(|pool| {
        let ran = Count::new();
        let bad: Box<dyn FnMut() -> Verdict + Send> = Box::new(|| panic!("on purpose"));
        let good = || -> Box<dyn FnMut() -> Verdict + Send + '_> {
            Box::new(|| {
                ran.add();
                Verdict::Continue
            })
        };
        let mut pass = pass(vec![good(), bad, good(), good()], &[(0, 1), (1, 2), (2, 3)]);
        for i in 1..20 {
            let PassError {
                vertex,
                error,
                others,
                skipped,
                ..
            } = pass.run(&pool).unwrap_err();
            assert_eq!((&*vertex, others, skipped), ("vertex 1", 0, 2));
            assert!(panicked::<()>(Err(error)).contains("on purpose"));
            assert_eq!(ran.get(), i);
        }
        still_works(&pool);
    });
}

#[test]
fn of_hooks() {
    let _watch = watch();
    for workers in [1, 4] {
        let stopped = Count::new();
        let stops = stopped.clone();
        let pool = Pool::builder()
            .worker_threads(workers)
            .on_start(|i| {
                if i.is_multiple_of(2) {
                    panic!("on purpose")
                } else {
                    std::panic::panic_any(Bomb)
                }
            })
            .on_stop(move |i| {
                stops.add();
                if i.is_multiple_of(2) {
                    std::panic::panic_any(Bomb)
                } else {
                    panic!("on purpose")
                }
            })
            .build()
            .unwrap();
        still_works(&pool);
        drop(pool);
        assert_eq!(stopped.get(), workers);
    }
}

#[test]
fn panics_by_the_thousand() {
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        let caught = Count::new();
        std::thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    for i in 0..300 {
                        let handle = pool.spawn(move || {
                            if i % 2 == 0 {
                                join(|| (), || panic!("on purpose"));
                            } else {
                                scope(|s| s.spawn(|| panic!("on purpose")));
                            }
                        });
                        if let Err(TaskError::Panicked(_)) = handle.wait() {
                            caught.add();
                        }
                    }
                });
            }
        });
        assert_eq!(caught.get(), 900);
        still_works(&pool);
    });
}
