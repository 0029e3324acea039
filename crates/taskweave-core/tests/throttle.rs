//! Wakes are sent where they pay, and an idle pool costs next to nothing: both in the default settings.
//!
//! Counts of this process and its threads, so nothing else runs beside: one test after the other.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use taskweave_core::pass::{FrozenPass, Verdict, VertexSpec};
use taskweave_core::{Pool, scope};
use taskweave_testing::{Count, Threads, busy, pool, soak, until, watch};

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until all workers sleep.
fn asleep(pool: &Pool) {
    let text = format!("{} asleep, 0 searching", pool.worker_threads());
    until(|| pool.dump().contains(&text));
}

/// Nanoseconds that this process's threads, all of which live on, have spent on processors.
fn cpu_time() -> u64 {
    std::fs::read_dir("/proc/self/task")
        .expect("this is Linux")
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Tasks that spawn themselves anew, all workers full of them.
fn saturate(pool: &Arc<Pool>, tasks: usize, rounds: usize) {
    fn again(pool: &Arc<Pool>, left: usize, done: &Count) {
        std::hint::black_box(busy(20));
        if left == 0 {
            done.tick();
        } else {
            let (inner, done) = (Arc::clone(pool), done.clone());
            drop(pool.spawn(move || again(&inner, left - 1, &done)));
        }
    }
    let done = Count::new();
    for _ in 0..tasks {
        let (inner, done) = (Arc::clone(pool), done.clone());
        drop(pool.spawn(move || again(&inner, rounds, &done)));
    }
    until(|| done.get() == tasks);
}

#[test]
fn a_saturated_pool_sends_next_to_no_wakes_and_an_idle_one_costs_next_to_nothing() {
    let (_watch, _alone) = (watch(), alone());
    for workers in [2, 8] {
        let pool = Arc::new(pool(workers));
        let rounds = 4000 / workers;
        saturate(&pool, 64 * workers, rounds);
        let metrics = pool.metrics();
        let tasks = metrics.total().executed;
        assert!(tasks >= (64 * workers * rounds) as u64);
        let wakes = metrics.wakes();
        assert!(wakes * 1000 <= tasks, "{wakes} wakes for {tasks} tasks");

        asleep(&pool);
        let window = Duration::from_secs(if soak() { 10 } else { 2 });
        let idle = || {
            // The scheduler's own accounts settle a moment later.
            std::thread::sleep(Duration::from_millis(20));
            let before = cpu_time();
            std::thread::sleep(window);
            Duration::from_nanos(cpu_time() - before)
        };
        // What a pool spends to idle it spends in every window; what the machine charges to whom it interrupts, in some.
        let spent: Vec<Duration> = std::iter::repeat_with(idle)
            .take(5)
            .scan(false, |over, spent| {
                let go_on = !std::mem::replace(over, spent * 200 < window);
                go_on.then_some(spent)
            })
            .collect();
        assert!(
            spent.iter().any(|&spent| spent * 200 < window),
            "idle for {window:?}, but {spent:?} of processor time"
        );
    }
}

#[test]
fn a_scope_full_of_closures_sends_next_to_no_wakes() {
    let (_watch, _alone) = (watch(), alone());
    let pool = pool(2);
    pool.scope(|s| {
        for _ in 0..300_000 {
            s.spawn(|| assert_ne!(busy(20), 0));
        }
    });
    let wakes = pool.metrics().wakes();
    assert!(wakes <= 300, "{wakes} wakes for 300,000 tasks");
}

/// A root with so many successors; each runs `body`.
fn fan<'a>(n: usize, body: impl Fn() + Clone + Send + 'a) -> FrozenPass<'a> {
    let specs = (0..=n)
        .map(|i| {
            let body = body.clone();
            VertexSpec {
                name: "vertex".into(),
                body: Box::new(move || {
                    if i > 0 {
                        body();
                    }
                    Verdict::Continue
                }),
                kind: if i > 0 { 4096 } else { 8192 },
            }
        })
        .collect();
    let edges: Vec<_> = (1..=n as u32).map(|i| (0, i)).collect();
    FrozenPass::freeze(specs, &edges).unwrap()
}

#[test]
fn four_empty_tasks_are_run_on_the_spot() {
    let (_watch, _alone) = (watch(), alone());
    let pool = pool(4);
    let mut pass = fan(4, || ());
    // A body that loses its processor looks long, and so do those of its kind for a while: on a loaded machine not every round is like this.
    let mut quiet = || {
        pool.install(|| {
            // The kind becomes known.
            for _ in 0..1000 {
                pass.run(&pool).unwrap();
            }
        });
        let without_wakes = |_: &usize| {
            asleep(&pool);
            let before = pool.metrics().wakes();
            pass.run(&pool).unwrap();
            pool.metrics().wakes() == before
        };
        (0..100).filter(without_wakes).count()
    };
    let rounds: Vec<usize> = (0..10).map(|_| quiet()).collect();
    assert!(
        rounds.iter().any(|&quiet| quiet >= 75),
        "passes without a wake, of 100 each: {rounds:?}"
    );
}

#[test]
fn four_long_tasks_are_shared_at_once() {
    let (_watch, _alone) = (watch(), alone());
    let pool = pool(4);
    for _ in 0..20 {
        asleep(&pool);
        let threads = Threads::default();
        let work = || {
            threads.here();
            std::thread::sleep(Duration::from_millis(5));
        };
        pool.install(|| scope(|s| (0..4).for_each(|_| s.spawn(work))));
        assert!(threads.len() >= 2, "of a scope");
        asleep(&pool);
        let threads = Threads::default();
        let mut pass = fan(4, || {
            threads.here();
            std::thread::sleep(Duration::from_millis(5));
        });
        pass.run(&pool).unwrap();
        drop(pass);
        assert!(threads.len() >= 2, "of a graph");
    }
}
