//! A task is overtaken by a bounded number of others: `64 · (k + 1)`, with `k` tasks on its worker when it comes.
//!
//! Every test floods one worker without end, has a task come at a known moment, and counts what ran before it. A flood
//! ends by itself when it has gone far beyond the bound, so that starvation is a number, not a hang.

use std::sync::Arc;

use taskweave_core::pass::{FrozenPass, Verdict, VertexSpec};
use taskweave_core::{Pool, Scope, scope};
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};
use taskweave_sys::sync::thread;

use taskweave_testing::{Count, Gate, builder, pool, until, watch};

const TURN: usize = 64;
/// Where a flood gives up.
const FLOOD: usize = 300_000;
/// The body of a flood during which the watched task comes.
const ENTRY: usize = 1000;

/// A flood's bodies, and the task that comes among them.
#[derive(Default)]
struct Watched {
    ran: AtomicUsize,
    /// How many bodies had run when the task came, and when it ran.
    came: AtomicUsize,
    went: AtomicUsize,
}

impl Watched {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    /// To be called by each body: true if the flood is to go on. The body number [`ENTRY`] calls `enter`.
    fn body(&self, enter: impl FnOnce()) -> bool {
        let ran = self.ran.fetch_add(1, Ordering::SeqCst) + 1;
        if ran == ENTRY {
            self.came.store(ran, Ordering::SeqCst);
            enter();
        }
        self.went.load(Ordering::SeqCst) == 0 && ran < FLOOD
    }

    /// The watched task itself.
    fn go(&self) {
        self.went
            .store(self.ran.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    #[track_caller]
    fn assert_bound(&self, on_the_worker: usize) {
        until(|| self.went.load(Ordering::SeqCst) != 0);
        let overtaken = self.went.load(Ordering::SeqCst) - self.came.load(Ordering::SeqCst);
        let bound = TURN * (on_the_worker + 1);
        assert!(
            overtaken <= bound,
            "overtaken by {overtaken} tasks, {bound} are allowed"
        );
    }
}

/// Has the watched task come from another thread, while the caller's body waits for that.
fn come_from_outside(pool: &Arc<Pool>, watched: &Arc<Watched>) {
    let (pool, watched) = (Arc::clone(pool), Arc::clone(watched));
    let come = thread::spawn(move || drop(pool.spawn(move || watched.go())));
    come.join().unwrap();
}

#[test]
fn tasks_that_spawn_themselves_anew_do_not_starve_the_inbox() {
    fn again(pool: &Arc<Pool>, watched: &Arc<Watched>) {
        if watched.body(|| come_from_outside(pool, watched)) {
            let (inner, watched) = (Arc::clone(pool), Arc::clone(watched));
            drop(pool.spawn(move || again(&inner, &watched)));
        }
    }
    let _watch = watch();
    for floods in [1, 2, 7] {
        let pool = Arc::new(pool(1));
        let watched = Watched::new();
        for _ in 0..floods {
            let (inner, watched) = (Arc::clone(&pool), Arc::clone(&watched));
            drop(pool.spawn(move || again(&inner, &watched)));
        }
        watched.assert_bound(floods);
    }
}

#[test]
fn tasks_that_multiply_do_not_starve_the_inbox() {
    fn multiply(pool: &Arc<Pool>, watched: &Arc<Watched>, live: &Count, born: &Count) {
        if watched.body(|| come_from_outside(pool, watched)) && born.get() < FLOOD {
            for _ in 0..if live.get() < 50 { 2 } else { 1 } {
                live.add();
                born.add();
                let (inner, watched) = (Arc::clone(pool), Arc::clone(watched));
                let (live, born) = (live.clone(), born.clone());
                drop(pool.spawn(move || multiply(&inner, &watched, &live, &born)));
            }
        }
    }
    let _watch = watch();
    let pool = Arc::new(pool(1));
    let watched = Watched::new();
    multiply(&pool, &watched, &Count::new(), &Count::new());
    watched.assert_bound(50);
}

/// Each closure spawns the next one, in one scope.
fn flood_a_scope<'scope>(
    s: &'scope Scope<'scope, '_>,
    width: usize,
    pool: &'scope Arc<Pool>,
    watched: &'scope Arc<Watched>,
) {
    for _ in 0..width {
        s.spawn(move || {
            if watched.body(|| come_from_outside(pool, watched)) {
                flood_a_scope(s, 1, pool, watched);
            }
        });
    }
}

#[test]
fn closures_that_spawn_closures_do_not_starve_the_inbox() {
    let _watch = watch();
    for width in [1, 3] {
        let pool = Arc::new(pool(1));
        let watched = Watched::new();
        pool.scope(|s| flood_a_scope(s, width, &pool, &watched));
        watched.assert_bound(width);
    }
}

#[test]
fn closures_that_spawn_closures_do_not_starve_older_tasks() {
    let _watch = watch();
    let pool = Arc::new(pool(1));
    let watched = Watched::new();
    let (inner, inner_watched) = (Arc::clone(&pool), Arc::clone(&watched));
    // Not a spawned task: in one, waits run nothing but its own parts.
    pool.install(move || {
        // It comes first, into the worker's own queue, with nothing queued.
        inner_watched.came.store(1, Ordering::SeqCst);
        let task = Arc::clone(&inner_watched);
        drop(inner.spawn(move || task.go()));
        inner_watched.ran.store(ENTRY, Ordering::SeqCst);
        inner_watched.came.store(ENTRY, Ordering::SeqCst);
        scope(|s| flood_a_scope(s, 2, &inner, &inner_watched));
    });
    watched.assert_bound(1);
}

/// `length` vertices in a line, each of which runs `body`.
fn line<'env>(length: usize, body: impl Fn() + Clone + Send + 'env) -> FrozenPass<'env> {
    let specs = (0..length)
        .map(|_| {
            let body = body.clone();
            VertexSpec {
                name: "link".into(),
                body: Box::new(move || {
                    body();
                    Verdict::Continue
                }),
                kind: 1,
            }
        })
        .collect();
    let edges: Vec<_> = (1..length as u32).map(|i| (i - 1, i)).collect();
    FrozenPass::freeze(specs, &edges).unwrap()
}

#[test]
fn a_line_of_a_hundred_thousand_vertices_does_not_starve_a_queued_task() {
    let _watch = watch();
    let pool = Arc::new(pool(1));
    let watched = Watched::new();
    let mut pass = line(100_000, || {
        watched.body(|| come_from_outside(&pool, &watched));
    });
    let report = pass.run(&pool).unwrap();
    assert_eq!(report.executed, 100_000);
    drop(pass);
    watched.assert_bound(1);
}

#[test]
fn a_line_of_vertices_is_never_broken_for_nothing() {
    let _watch = watch();
    let pool = pool(1);
    let count = Count::new();
    let mut pass = line(10_000, || {
        count.add();
    });
    pass.run(&pool).unwrap();
    let total = pool.metrics().total();
    assert_eq!((count.get(), total.chain_breaks), (10_000, 0));
    assert!(
        total.run_next >= 9_999 - 10,
        "all but the first are handed over: {total:?}"
    );
}

#[test]
fn a_busy_worker_looks_after_the_queue_of_one_that_is_stuck() {
    fn again(pool: &Arc<Pool>, rescued: &Count, ran: &Count) {
        if rescued.get() < 100 && ran.add() < FLOOD {
            let (inner, rescued, ran) = (Arc::clone(pool), rescued.clone(), ran.clone());
            drop(pool.spawn(move || again(&inner, &rescued, &ran)));
        }
    }
    let _watch = watch();
    for workers in [2, 3] {
        let pool = Arc::new(builder(workers).build().unwrap());
        let (rescued, ran) = (Count::new(), Count::new());
        let (stuck, gate) = (Gate::new(), Gate::new());
        for _ in 1..workers {
            let (inner, counter, ran) = (Arc::clone(&pool), rescued.clone(), ran.clone());
            drop(pool.spawn(move || again(&inner, &counter, &ran)));
        }
        let (inner, counter) = (Arc::clone(&pool), rescued.clone());
        let (is_stuck, hold) = (stuck.clone(), gate.clone());
        drop(pool.spawn(move || {
            for _ in 0..100 {
                let counter = counter.clone();
                drop(inner.spawn(move || {
                    counter.add();
                }));
            }
            is_stuck.open();
            hold.pass();
        }));
        stuck.pass();
        until(|| rescued.get() == 100);
        assert!(
            ran.get() < FLOOD,
            "the others ran {} tasks of their own first",
            ran.get()
        );
        gate.open();
    }
}
