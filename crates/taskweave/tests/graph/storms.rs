//! Many passes in short time, most of them cut short: where a count that is off by one shows up as a hang.

use taskweave::{Pool, Shutdown};

use crate::shapes::Shape;
use crate::tracked::{Plan, Tracked};
use taskweave_testing::{Random, SIZES, pool, rounds, watch};

/// Passes with a few vertices that stop, fail or (rarely, it's slow) panic.
fn storm(tracked: &mut Tracked, pool: &Pool, random: &mut Random, passes: usize) {
    let n = tracked.shape.n;
    for _ in 0..passes {
        let chosen = [0, 1, 2].map(|_| random.below(n));
        for vertex in chosen {
            let plan = match random.below(50) {
                0 => Plan::Panic,
                1..25 => Plan::Stop,
                _ => Plan::Fail,
            };
            tracked.plan(vertex, plan);
        }
        let _ = tracked.run(pool);
        for vertex in chosen {
            tracked.plan(vertex, Plan::Continue);
        }
    }
    tracked.run_clean(pool);
}

#[test]
fn a_hundred_thousand_small_passes_with_shared_successors_are_cut_short_and_end() {
    let _watch = watch();
    let passes = rounds(1_000, 30_000);
    for workers in SIZES {
        let pool = pool(workers);
        let mut random = Random::new(workers as u64);
        // 112,000 passes in all, and thirty times as many in a soak.
        for shape in [Shape::layers(3, 4), Shape::diamond()] {
            for (make, passes) in [(Tracked::KINDS[0], 6 * passes), (Tracked::KINDS[1], passes)] {
                let mut tracked = make(&shape);
                storm(&mut tracked, &pool, &mut random, passes);
                pool.install(|| storm(&mut tracked, &pool, &mut random, passes));
            }
        }
    }
}

#[test]
fn small_graphs_that_are_built_run_once_and_dropped() {
    let _watch = watch();
    let pool = pool(2);
    let mut random = Random::new(3);
    for seed in 0..rounds(2_000, 100_000) as u64 {
        let shape = Shape::random(seed, 12, 2);
        let mut tracked = Tracked::new(&shape);
        tracked.plan(random.below(12), Plan::ALL[random.below(3)]);
        let _ = tracked.run(&pool);
    }
}

/// Pools on which a root runs while others are still being queued: a short ring spills its roots to where other workers take
/// them, and a pool that was shut down runs each as it comes.
fn eager_pools() -> impl Iterator<Item = Pool> {
    let short = SIZES.into_iter().map(|workers| {
        let builder = Pool::builder().worker_threads(workers);
        builder.queue_capacity(2).build().unwrap()
    });
    let ended = [Shutdown::Drain, Shutdown::Abandon].map(|mode| {
        let pool = pool(2);
        pool.shutdown(mode, None).unwrap();
        pool
    });
    short.chain(SIZES.map(pool)).chain(ended)
}

/// Quick roots, and behind all of them in number, vertices after two of them (the last of which has long run when the roots' queueing
/// ends) and after one.
fn quick_roots() -> Shape {
    let width = 100;
    let mut edges = Vec::new();
    for root in 0..width {
        edges.push((root, width + root));
        edges.push((root, 2 * width + root));
        edges.push(((root + 1) % width, 2 * width + root));
    }
    Shape {
        n: 3 * width,
        edges,
    }
}

/// A vertex whose predecessors end while seeds are still being queued is no seed: it runs once.
#[test]
fn seed_race() {
    let _watch = watch();
    let shape = quick_roots();
    for pool in eager_pools() {
        let mut tracked = Tracked::new(&shape);
        let passes = rounds(100, 20_000);
        (0..passes).for_each(|_| tracked.run_clean(&pool));
        pool.install(|| (0..passes).for_each(|_| tracked.run_clean(&pool)));
        assert_eq!(tracked.times(), vec![2 * passes; shape.n]);
    }
}

#[test]
fn seed_race_of_roots_that_stop_the_pass() {
    let _watch = watch();
    let shape = quick_roots();
    for pool in eager_pools() {
        let mut tracked = Tracked::new(&shape);
        let stops: Vec<usize> = (0..100).step_by(7).collect();
        let behind = shape.behind(&stops);
        for &vertex in &stops {
            tracked.plan(vertex, Plan::Stop);
        }
        for _ in 0..rounds(100, 20_000) {
            let checked = tracked.run(&pool);
            assert!(checked.ran.iter().any(|vertex| stops.contains(vertex)));
            assert!(!checked.ran.iter().any(|&vertex| behind[vertex]));
        }
        tracked.plan_all(Plan::Continue);
        tracked.run_clean(&pool);
    }
}
