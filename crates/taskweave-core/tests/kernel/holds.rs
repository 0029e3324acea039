//! While a stack holds something exclusive, its waits run nothing that isn't part of what they wait for.

use std::cell::Cell;
use std::sync::Arc;

use taskweave_core::pass::{FrozenPass, Verdict, VertexSpec};
use taskweave_core::{Hold, Pool, join, scope};
use taskweave_sys::sync::thread;

use taskweave_testing::{Count, Gate, builder, busy, pool, watch};

thread_local! {
    /// Whether the code on this stack holds something.
    static HOLDS: Cell<bool> = const { Cell::new(false) };
}

/// Calls `body` with a hold.
fn holding<R>(body: impl FnOnce() -> R) -> R {
    let hold = Hold::enter();
    let outer = HOLDS.replace(true);
    let result = body();
    HOLDS.set(outer);
    drop(hold);
    result
}

/// Spawns tasks that have nothing to do with anything.
fn unrelated(pool: &Arc<Pool>, n: usize, ran: &Count) {
    for _ in 0..n {
        let ran = ran.clone();
        drop(pool.spawn(move || {
            assert!(!HOLDS.get(), "it may need what this stack holds");
            ran.add();
        }));
    }
}

/// A part of a body that waits until somebody else has begun it.
struct Part {
    begun: Gate,
    go: Gate,
}

impl Part {
    fn new() -> Self {
        Part {
            begun: Gate::new(),
            go: Gate::new(),
        }
    }

    fn run(&self) {
        self.begun.open();
        self.go.pass();
    }
}

/// On two workers, `wait` is called on one, holding, and waits for a part that the other runs until an unrelated task has
/// run. That one must have found a third thread.
fn nobody_else_is_run(
    wait: impl Fn(&Arc<Pool>, &Part, &(dyn Fn() + Sync)) + Copy + Send + 'static,
) {
    for capacity in [4, 512] {
        let pool = Arc::new(builder(2).queue_capacity(capacity).build().unwrap());
        for _ in 0..10 {
            let (inner, ran) = (Arc::clone(&pool), Count::new());
            let counter = ran.clone();
            let body = pool.spawn(move || {
                let part = Arc::new(Part::new());
                let me = thread::current().id();
                holding(|| {
                    wait(&inner, &part, &|| {
                        // A branch that stands open for long is taken, as long as the other one forks on.
                        while !part.begun.is_open() {
                            join(|| (), || ());
                        }
                        unrelated(&inner, 20, &counter);
                        let (part, count) = (Arc::clone(&part), counter.clone());
                        drop(inner.spawn(move || {
                            assert_ne!(thread::current().id(), me);
                            count.add();
                            part.go.open();
                        }));
                        unrelated(&inner, 20, &counter);
                    });
                });
            });
            taskweave_testing::block_on(body).unwrap();
            taskweave_testing::until(|| ran.get() == 41);
        }
    }
}

#[test]
fn a_scope_that_holds() {
    let _watch = watch();
    nobody_else_is_run(|_, part, then| {
        scope(|s| {
            s.spawn(|| part.run());
            then();
        });
    });
}

#[test]
fn a_scope_that_holds_and_has_spawned_others_before() {
    let _watch = watch();
    let pool = Arc::new(pool(2));
    for _ in 0..50 {
        let ran = Count::new();
        let (inner, counter) = (Arc::clone(&pool), ran.clone());
        let body = pool.spawn(move || {
            holding(|| {
                let part = Part::new();
                scope(|s| {
                    unrelated(&inner, 5, &counter);
                    s.spawn(|| part.run());
                    unrelated(&inner, 5, &counter);
                    let go = part.go.clone();
                    drop(inner.spawn(move || go.open()));
                });
            });
        });
        taskweave_testing::block_on(body).unwrap();
        taskweave_testing::until(|| ran.get() == 10);
    }
}

#[test]
fn a_join_that_holds() {
    let _watch = watch();
    nobody_else_is_run(|_, part, then| {
        join(then, || part.run());
    });
}

fn vertex<'a>(body: impl Fn() + Send + 'a) -> VertexSpec<'a> {
    VertexSpec {
        name: "part".into(),
        body: Box::new(move || {
            body();
            Verdict::Continue
        }),
        kind: 1,
    }
}

#[test]
fn a_pass_that_holds() {
    let _watch = watch();
    nobody_else_is_run(|pool, part, then| {
        let parts = vec![vertex(then), vertex(|| part.run())];
        FrozenPass::freeze(parts, &[]).unwrap().run(pool).unwrap();
    });
}

#[test]
fn own_parts_are_run_all_the_same() {
    fn tree(n: usize, count: &Count) {
        if n == 0 {
            count.add();
        } else {
            join(|| tree(n - 1, count), || tree(n - 1, count));
        }
    }
    let _watch = watch();
    for workers in [1, 2, 3] {
        let pool = Arc::new(pool(workers));
        let ran = Count::new();
        for _ in 0..50 {
            unrelated(&pool, 10, &ran);
            let inner = Arc::clone(&pool);
            let counter = ran.clone();
            let body = pool.spawn(move || {
                holding(|| {
                    let count = Count::new();
                    scope(|s| {
                        for _ in 0..20 {
                            s.spawn(|| {
                                busy(100);
                                tree(4, &count);
                            });
                        }
                        unrelated(&inner, 10, &counter);
                    });
                    count.get()
                })
            });
            assert_eq!(taskweave_testing::block_on(body).unwrap(), 320);
        }
        taskweave_testing::until(|| ran.get() == 50 * 20);
    }
}

#[test]
fn holds_nest() {
    let _watch = watch();
    for workers in [1, 2] {
        let pool = Arc::new(pool(workers));
        let ran = Count::new();
        for _ in 0..100 {
            let (inner, counter) = (Arc::clone(&pool), ran.clone());
            let body = pool.spawn(move || {
                let outer = Hold::enter();
                let body = || {
                    holding(|| {
                        holding(|| scope(|s| s.spawn(|| unrelated(&inner, 3, &counter))));
                        unrelated(&inner, 3, &counter);
                        scope(|s| s.spawn(|| ()));
                    });
                };
                body();
                drop(outer);
                scope(|s| s.spawn(|| ()));
            });
            taskweave_testing::block_on(body).unwrap();
        }
        taskweave_testing::until(|| ran.get() == 600);
    }
}
