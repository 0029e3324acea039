//! Values whose drop panics: captures, results, payloads, wakers. They may be foreign, and they mustn't end a worker.

use std::future::Future;
use std::panic::panic_any;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};

use taskweave_core::pass::{FrozenPass, Verdict, VertexSpec};
use taskweave_core::{CancelToken, Pool, Shutdown, TaskError, join, scope};

use taskweave_testing::{Bomb, Count, Gate, block_on, each_pool, panic_of, pool, until, watch};

#[track_caller]
fn still_works(pool: &Pool) {
    for _ in 0..2 * pool.worker_threads() {
        assert_eq!(block_on(pool.spawn(|| 3)).unwrap(), 3);
    }
    pool.scope(|s| (0..100).for_each(|_| s.spawn(|| ())));
}

#[test]
fn captures_of_spawned_bodies() {
    let _watch = watch();
    each_pool(|pool| {
        for _ in 0..10 {
            let bomb = Bomb;
            let ran = pool.spawn(move || drop(bomb));
            assert!(matches!(block_on(ran), Err(TaskError::Panicked(_))));
            let bomb = Bomb;
            let captured = pool.spawn(move || {
                let _captured = &bomb;
            });
            assert!(matches!(captured.wait(), Err(TaskError::Panicked(_))));
            let bomb = Bomb;
            // Detached.
            drop(pool.spawn(move || {
                let _captured = &bomb;
            }));
        }
        still_works(&pool);
    });
}

#[test]
fn captures_of_cancelled_and_abandoned_bodies() {
    let _watch = watch();
    each_pool(|pool| {
        let token = CancelToken::new();
        token.cancel();
        for _ in 0..10 {
            let bomb = Bomb;
            let handle = pool.task().cancel_with(&token).spawn(move || {
                let _captured = &bomb;
            });
            assert!(matches!(block_on(handle), Err(TaskError::Cancelled)));
            let bomb = Bomb;
            let handle = pool.spawn(move || {
                let _captured = &bomb;
            });
            handle.cancel();
            drop(handle);
        }
        still_works(&pool);
        let gate = Gate::new();
        let handles: Vec<_> = (0..20)
            .map(|_| {
                let (hold, bomb) = (gate.clone(), Bomb);
                pool.spawn(move || {
                    let _captured = &bomb;
                    hold.pass();
                })
            })
            .collect();
        let _ = pool.shutdown(Shutdown::Abandon, Some(std::time::Duration::ZERO));
        gate.open();
        pool.shutdown(Shutdown::Abandon, None).unwrap();
        for handle in handles {
            assert!(matches!(
                handle.wait(),
                Err(TaskError::Shutdown | TaskError::Panicked(_))
            ));
        }
        let bomb = Bomb;
        let refused = pool.spawn(move || {
            let _captured = &bomb;
        });
        assert!(matches!(refused.wait(), Err(TaskError::Shutdown)));
    });
}

#[test]
fn results_nobody_takes() {
    let _watch = watch();
    each_pool(|pool| {
        for i in 0..20 {
            let gate = Gate::new();
            let hold = gate.clone();
            let handle = pool.spawn(move || {
                hold.pass();
                Bomb
            });
            if i % 2 == 0 {
                drop(handle);
                gate.open();
            } else {
                gate.open();
                until(|| handle.is_finished());
                // The handle's drop doesn't unwind, as no drop should.
                drop(handle);
            }
        }
        still_works(&pool);
    });
}

#[test]
fn payloads_nobody_takes() {
    let _watch = watch();
    each_pool(|pool| {
        for i in 0..20 {
            let handle = pool.spawn(|| panic_any(Bomb));
            if i % 2 == 0 {
                until(|| handle.is_finished());
            }
            drop(handle);
        }
        still_works(&pool);
    });
}

#[test]
fn payloads_of_several_closures_of_a_scope() {
    let _watch = watch();
    each_pool(|pool| {
        for with_body in [false, true] {
            let text = panic_of(|| {
                pool.scope(|s| {
                    for _ in 0..10 {
                        s.spawn(|| panic_any(Bomb));
                    }
                    assert!(!with_body, "the body on purpose");
                });
            });
            assert!(text.contains("on purpose"));
        }
        let text = panic_of(|| {
            pool.scope(|s| {
                s.spawn(|| panic_any(Bomb));
                panic_any(Bomb);
            });
        });
        assert_eq!(text, "a bomb on purpose");
        still_works(&pool);
    });
}

#[test]
fn payloads_and_captures_of_joins() {
    let _watch = watch();
    each_pool(|pool| {
        for _ in 0..20 {
            for bombs in 0..4 {
                let (first, second) = (bombs & 1 != 0, bombs & 2 != 0);
                let text = panic_of(|| {
                    pool.install(|| {
                        let bomb = Bomb;
                        join(
                            || {
                                if first {
                                    panic_any(Bomb)
                                } else {
                                    panic!("a on purpose")
                                }
                            },
                            move || {
                                let _captured = &bomb;
                                if second {
                                    panic_any(Bomb)
                                }
                            },
                        );
                    });
                });
                assert_eq!(
                    text,
                    if first {
                        "a bomb on purpose"
                    } else {
                        "a on purpose"
                    }
                );
            }
            // The first result is dropped by the panic of the second branch.
            let text = panic_of(|| {
                pool.install(|| join(Count::new, || panic!("b on purpose")));
            });
            assert_eq!(text, "b on purpose");
        }
        still_works(&pool);
    });
}

#[test]
fn captures_of_closures_of_a_scope() {
    let _watch = watch();
    each_pool(|pool| {
        let ran = Count::new();
        let text = panic_of(|| {
            pool.scope(|s| {
                for _ in 0..20 {
                    let (bomb, ran) = (Bomb, &ran);
                    s.spawn(move || {
                        let _captured = &bomb;
                        ran.add();
                    });
                }
            });
        });
        assert_eq!((ran.get(), text.contains("on purpose")), (20, true));
        still_works(&pool);
    });
}

#[test]
fn captures_and_payloads_of_prepared_jobs() {
    let _watch = watch();
    each_pool(|pool| {
        let bomb = Bomb;
        drop(pool.prepare(move || {
            let _captured = &bomb;
        }));
        let bomb = Bomb;
        let mut job = pool.prepare(move || {
            let _captured = &bomb;
            panic_any(Bomb);
        });
        for i in 0..20 {
            if i % 2 == 0 {
                job.run().map_err(std::mem::forget).unwrap_err();
            } else {
                // Nobody asks, and the next end takes its place.
                let submission = job.submit().unwrap();
                until(|| submission.is_finished());
            }
        }
        drop(job);
        still_works(&pool);
    });
}

#[test]
fn payloads_and_errors_of_many_vertices() {
    #[derive(Debug)]
    struct Error {
        _bomb: BombInDebug,
    }
    impl std::fmt::Display for Error {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("on purpose")
        }
    }
    impl std::error::Error for Error {}
    struct BombInDebug {
        _bomb: Bomb,
    }
    impl std::fmt::Debug for BombInDebug {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a bomb")
        }
    }
    let _watch = watch();
    each_pool(|pool| {
        // All begin before the first ends, so that all fail.
        let workers = pool.worker_threads();
        let begun = Count::new();
        let specs = (0..workers)
            .map(|i| {
                let begun = &begun;
                VertexSpec {
                    name: "bomb".into(),
                    body: Box::new(move || {
                        let pass = begun.add() / workers;
                        until(|| begun.get() >= (pass + 1) * workers);
                        if i % 2 == 0 {
                            panic_any(Bomb);
                        }
                        Verdict::Fail(Arc::new(Error {
                            _bomb: BombInDebug { _bomb: Bomb },
                        }))
                    }),
                    // Each is new to the pool, so that all are shared at once.
                    kind: 1000 + 64 * i,
                }
            })
            .collect();
        let mut pass = FrozenPass::freeze(specs, &[]).unwrap();
        let error = pass.run(&pool).unwrap_err();
        assert_eq!(error.others, workers - 1);
        // It holds the first bomb.
        std::mem::forget(error);
        drop(pass);
        still_works(&pool);
    });
}

#[test]
fn captures_of_vertices() {
    let _watch = watch();
    let pool = pool(2);
    let dropped = Count::new();
    let specs = (0..10)
        .map(|_| {
            let (bomb, counted) = (Bomb, taskweave_testing::Dropped(dropped.clone()));
            VertexSpec {
                name: "bomb".into(),
                body: Box::new(move || {
                    let _captured = (&bomb, &counted);
                    Verdict::Continue
                }),
                kind: 1,
            }
        })
        .collect();
    let mut pass = FrozenPass::freeze(specs, &[]).unwrap();
    pass.run(&pool).unwrap();
    drop(pass);
    assert_eq!(dropped.get(), 10);
    still_works(&pool);
}

/// A waker that panics in one of its functions.
#[derive(Clone, Copy, PartialEq)]
enum In {
    Clone,
    Wake,
    Drop,
}

fn bad_waker(panics: In) -> Waker {
    // The number of the case is the data, so nothing is owned and nothing can be freed twice.
    fn case(data: *const ()) -> usize {
        data.addr()
    }
    const TABLE: RawWakerVTable = RawWakerVTable::new(
        |data| {
            assert!(case(data) != In::Clone as usize + 1, "a clone on purpose");
            RawWaker::new(data, &TABLE)
        },
        |data| assert!(case(data) != In::Wake as usize + 1, "a wake on purpose"),
        |data| assert!(case(data) != In::Wake as usize + 1, "a wake on purpose"),
        |data| {
            assert!(
                case(data) != In::Drop as usize + 1 || std::thread::panicking(),
                "a drop on purpose"
            )
        },
    );
    // SAFETY: the functions own nothing and may be called from any thread, in any number.
    unsafe {
        Waker::from_raw(RawWaker::new(
            std::ptr::without_provenance(panics as usize + 1),
            &TABLE,
        ))
    }
}

#[test]
fn wakers() {
    let _watch = watch();
    each_pool(|pool| {
        for panics in [In::Clone, In::Wake, In::Drop] {
            for _ in 0..10 {
                let gate = Gate::new();
                let hold = gate.clone();
                let mut handle = pool.spawn_blocking(move || {
                    hold.pass();
                    5
                });
                let waker = bad_waker(panics);
                let mut poll = || {
                    let mut context = Context::from_waker(&waker);
                    assert!(Pin::new(&mut handle).poll(&mut context).is_pending());
                };
                if panics == In::Clone {
                    assert_eq!(panic_of(&mut poll), "a clone on purpose");
                } else {
                    poll();
                    poll();
                }
                gate.open();
                // A drop in this thread is the test's own.
                std::mem::forget(waker);
                until(|| handle.is_finished());
                assert_eq!(handle.wait().unwrap(), 5);
            }
        }
        still_works(&pool);
        scope(|_| ());
    });
}

#[test]
fn results_of_a_join_whose_other_branch_panics() {
    let _watch = watch();
    each_pool(|pool| {
        for _ in 0..50 {
            let payload = panic_of(|| pool.install(|| drop(join(|| Bomb, || panic_any("second")))));
            assert_eq!(payload, "second");
            let payload = panic_of(|| pool.install(|| drop(join(|| panic_any("first"), || Bomb))));
            assert_eq!(payload, "first");
        }
        still_works(&pool);
    });
}
