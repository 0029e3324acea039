//! What the kernel promises not to do: allocate per task.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use std::future::Future;
use std::sync::OnceLock;
use std::task::{Context, Waker};
use std::time::Duration;

use taskweave_core::pass::{FrozenPass, Verdict, VertexSpec};
use taskweave_core::{Pool, for_each, interval, join, map_reduce, scope, sleep, yield_now};
use taskweave_testing::counting::{Counting, allocations, per_round};
use taskweave_testing::{Count, block_on, thread_count, until, watch};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = join(|| fib(n - 1), || fib(n - 2));
    a + b
}

/// A pool whose threads have all begun, when those of the one before have all ended: both allocate.
fn pool(workers: usize) -> Pool {
    static OTHERS: OnceLock<usize> = OnceLock::new();
    let others = *OTHERS.get_or_init(thread_count);
    until(|| thread_count() == others);
    let pool = taskweave_testing::pool(workers);
    until(|| pool.dump().contains(&format!("{workers} asleep")));
    pool
}

/// Calls `check` with each of several pools, from outside and as one of its workers.
fn inside_and_outside(check: impl Fn(&Pool) + Sync) {
    for workers in [1, 2, 8] {
        let pool = pool(workers);
        check(&pool);
        pool.install(|| check(&pool));
    }
}

#[test]
fn nothing_is_allocated_per_task() {
    let _watch = watch();
    // A thread's first wait allocates what it sleeps on, for the rest of its life.
    let pause = || std::thread::sleep(std::time::Duration::from_millis(1));
    pool(1).spawn_blocking(pause).wait().unwrap();
    the_counter_counts();
    submissions_of_prepared_jobs();
    branches_of_joins();
    bodies_that_are_installed();
    loops();
    closures_of_scopes();
    passes();
    one_allocation_per_spawned_task();
    futures();
    timers();
}

fn futures() {
    inside_and_outside(|pool| {
        // Places for more futures than will ever be there at once.
        let many: Vec<_> = (0..5000)
            .map(|_| pool.spawn_future(std::future::pending::<()>()))
            .collect();
        for one in many {
            while !one.is_finished() {
                one.cancel();
            }
        }
        assert_eq!(
            per_round(|| pool.block_on(async {
                let handles = [(); 100].map(|()| pool.spawn_future(yield_now()));
                for handle in handles {
                    handle.await.unwrap();
                }
            })),
            0.0
        );
        // Detached, woken from elsewhere, cancelled.
        let round = || {
            let waits = pool.spawn_future(std::future::pending::<()>());
            let woken = pool.spawn_future(async { yield_now().await });
            drop(pool.spawn_future(yield_now()));
            pool.block_on(woken).unwrap();
            while !waits.is_finished() {
                waits.cancel();
            }
        };
        assert_eq!(per_round(round), 0.0);
        // What doesn't fit into a slot.
        let large = [7_u8; 500];
        let round = || {
            let handle = pool.spawn_future(async move {
                yield_now().await;
                large[3]
            });
            assert_eq!(pool.block_on(handle).unwrap(), 7);
        };
        assert_eq!(per_round(round), 1.0);
    });
}

fn timers() {
    let context = &mut Context::from_waker(Waker::noop());
    let pool = pool(1);
    let mut round = || {
        for i in 0..50 {
            let mut timer = std::pin::pin!(sleep(Duration::from_millis(1000 + 77 * i)));
            assert!(timer.as_mut().poll(context).is_pending());
        }
    };
    assert_eq!(pool.block_on(async { per_round(&mut round) }), 0.0);
    let mut interval = interval(Duration::from_millis(1));
    let ticks = per_round(|| {
        pool.block_on(interval.tick());
    });
    assert_eq!(ticks, 0.0);
}

fn the_counter_counts() {
    assert_eq!(per_round(|| drop(std::hint::black_box(Box::new(1)))), 1.0);
    assert_eq!(per_round(|| drop(std::hint::black_box(vec![1; 10]))), 1.0);
    // A closure too large to be recycled.
    let pool = pool(1);
    let large = [0_u8; 5000];
    let each = per_round(|| pool.scope(|s| s.spawn(move || assert_eq!(large[7], 0))));
    assert_eq!(each, 1.0);
}

fn submissions_of_prepared_jobs() {
    inside_and_outside(|pool| {
        let count = Count::new();
        let counter = count.clone();
        let mut job = pool.prepare(move || counter.tick());
        assert_eq!(per_round(|| job.submit().unwrap().wait().unwrap()), 0.0);
        assert_eq!(per_round(|| job.run().unwrap()), 0.0);
        if pool.worker_threads() > 1 {
            let left_alone = per_round(|| {
                let submission = job.submit().unwrap();
                while !submission.is_finished() {
                    std::thread::yield_now();
                }
            });
            assert_eq!(left_alone, 0.0);
        }
        let runs = count.get();
        drop(job);
        assert!(runs >= 260);
    });
}

fn branches_of_joins() {
    inside_and_outside(|pool| {
        assert_eq!(per_round(|| assert_eq!(pool.install(|| fib(12)), 144)), 0.0);
    });
}

fn bodies_that_are_installed() {
    inside_and_outside(|pool| {
        assert_eq!(per_round(|| assert_eq!(pool.install(|| 1), 1)), 0.0);
    });
    // Also where a worker runs them.
    let pool = pool(1);
    std::thread::scope(|s| {
        let each = per_round(|| assert_eq!(pool.install(|| 1), 1));
        assert_eq!(each, 0.0);
        let _ = s;
    });
}

fn loops() {
    inside_and_outside(|pool| {
        let mut data = vec![0_u64; 10_000];
        assert_eq!(
            per_round(|| pool.install(|| for_each(&mut data[..], |x| *x += 1))),
            0.0
        );
        let each = per_round(|| {
            let sum = pool.install(|| map_reduce(0..10_000, || 0, |i| i, |a, b| a + b));
            assert_eq!(sum, 49_995_000);
        });
        assert_eq!(each, 0.0);
    });
}

/// A scope of so many closures of several sizes.
fn closures(pool: &Pool, n: usize) {
    pool.scope(|s| {
        for i in 0..n {
            let (small, large) = ([i; 3], [i; 20]);
            s.spawn(move || assert_eq!(small[1], i));
            s.spawn(move || {
                scope(|inner| inner.spawn(|| assert_eq!(large[19], i)));
            });
        }
    });
}

fn closures_of_scopes() {
    {
        let alone = pool(1);
        assert_eq!(per_round(|| closures(&alone, 500)), 0.0);
        alone.install(|| assert_eq!(per_round(|| closures(&alone, 500)), 0.0));
    }
    // Where several workers take and give back, blocks move to those that give back more, until these have
    // enough: a few magazines of 128 each, however many closures there are.
    for workers in [2, 8] {
        let pool = pool(workers);
        closures(&pool, 1000);
        let rounds = 100;
        let count = allocations(|| (0..rounds).for_each(|_| closures(&pool, 1000)));
        let magazines = count.div_ceil(128);
        assert!(
            magazines <= 16 * workers,
            "{count} allocations for {} closures",
            rounds * 3000
        );
    }
}

fn passes() {
    inside_and_outside(|pool| {
        let specs = (0..64)
            .map(|_| VertexSpec {
                name: "vertex".into(),
                body: Box::new(|| Verdict::Continue),
                kind: 1,
            })
            .collect();
        let edges: Vec<_> = (1..64).map(|i| (i / 2, i)).collect();
        let mut pass = FrozenPass::freeze(specs, &edges).unwrap();
        assert_eq!(
            per_round(|| assert_eq!(pass.run(pool).unwrap().executed, 64)),
            0.0
        );
    });
}

fn one_allocation_per_spawned_task() {
    inside_and_outside(|pool| {
        // A wait that has to sleep enters a list, which is enlarged now and then.
        let one = 1.0..1.1;
        let each = per_round(|| assert_eq!(pool.spawn(|| 7).wait().unwrap(), 7));
        assert!(one.contains(&each), "{each}");
        let data = [1_u64; 30];
        let each = per_round(|| assert_eq!(pool.spawn(move || data).wait().unwrap()[29], 1));
        assert!(one.contains(&each), "{each}");
    });
    for workers in [1, 2, 8] {
        let pool = pool(workers);
        let (count, counter) = (Count::new(), Count::new());
        let each = per_round(|| {
            let run = counter.clone();
            drop(pool.spawn(move || run.tick()));
            count.tick();
            until(|| counter.get() == count.get());
        });
        assert_eq!(each, 1.0, "detached");
        // The waker of this test's executor is an allocation of its own.
        assert_eq!(
            per_round(|| assert_eq!(block_on(pool.spawn(|| 7)).unwrap(), 7)),
            2.0
        );
    }
}
