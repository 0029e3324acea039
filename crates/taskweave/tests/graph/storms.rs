//! Many passes in short time, most of them cut short: where a count that is off by one shows up as a hang.

use taskweave::Pool;

use crate::common::{Random, SIZES, pool, rounds, watch};
use crate::shapes::Shape;
use crate::tracked::{Plan, Tracked};

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
    let passes = rounds(7_000, 200_000);
    for workers in SIZES {
        let pool = pool(workers);
        let mut random = Random::new(workers as u64);
        // Each of four after each of four; 112,000 passes in all, and thirty times as many in a soak.
        let mut tracked = Tracked::new(&Shape::layers(3, 4));
        storm(&mut tracked, &pool, &mut random, passes);
        pool.install(|| storm(&mut tracked, &pool, &mut random, passes));
        let mut tracked = Tracked::new(&Shape::diamond());
        storm(&mut tracked, &pool, &mut random, passes);
        pool.install(|| storm(&mut tracked, &pool, &mut random, passes));
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

/// Roots are quick and lead to vertices of one predecessor and of several, so that successors are ready
/// while the last roots have yet to be queued.
#[test]
fn seed_race() {
    let _watch = watch();
    let width = 60;
    let mut edges = Vec::new();
    for root in 0..width {
        edges.push((root, width + root));
        edges.push((root, 2 * width + root));
        edges.push(((root + 1) % width, 2 * width + root));
    }
    let shape = Shape {
        n: 3 * width,
        edges,
    };
    for workers in SIZES {
        let pool = pool(workers);
        let mut tracked = Tracked::new(&shape);
        let passes = rounds(400, 50_000);
        (0..passes).for_each(|_| tracked.run_clean(&pool));
        pool.install(|| (0..passes).for_each(|_| tracked.run_clean(&pool)));
        assert_eq!(tracked.times(), vec![2 * passes; shape.n]);
    }
}

#[test]
fn seed_race_of_roots_that_stop_the_pass() {
    let _watch = watch();
    let shape = Shape::layers(2, 40);
    for workers in SIZES {
        let pool = pool(workers);
        let mut tracked = Tracked::new(&shape);
        for vertex in (0..40).step_by(7) {
            tracked.plan(vertex, Plan::Stop);
        }
        for _ in 0..rounds(300, 20_000) {
            let checked = tracked.run(&pool);
            assert!(checked.ran.iter().all(|&vertex| vertex < 40));
        }
        tracked.plan_all(Plan::Continue);
        tracked.run_clean(&pool);
    }
}
