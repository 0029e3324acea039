//! How a test is explored.

use shuttle::{
    Config, MaxSteps, Runner,
    scheduler::{PctScheduler, RandomScheduler},
};
use std::sync::Arc;

use taskweave_core::{Pool, PoolBuilder};

/// Schedules of each kind that a test is tried in.
const SCHEDULES: usize = 250;
const SOAK_SCHEDULES: usize = 20_000;
/// Points of a schedule at which priorities change: most faults need no more.
const DEPTH: usize = 3;
/// Far more than any of the tests needs, unless something spins for ever.
const MOST_STEPS: usize = 400_000;

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 256 * 1024;
    config.max_steps = MaxSteps::FailAfter(MOST_STEPS);
    config.silence_warnings = true;
    config
}

/// Runs `test` under random and under priority-driven schedules; the same ones each time, unless it's a soak.
pub(crate) fn explore(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let (random, pct) = (Arc::clone(&test), test);
    if std::env::var_os("TASKWEAVE_SOAK").is_some_and(|soak| soak == "1") {
        Runner::new(RandomScheduler::new(SOAK_SCHEDULES), config()).run(move || random());
        Runner::new(PctScheduler::new(DEPTH, SOAK_SCHEDULES), config()).run(move || pct());
        return;
    }
    let scheduler = RandomScheduler::new_from_seed(0x7457, SCHEDULES);
    Runner::new(scheduler, config()).run(move || random());
    let scheduler = PctScheduler::new_from_seed(0x7457, DEPTH, SCHEDULES);
    Runner::new(scheduler, config()).run(move || pct());
}

pub(crate) fn builder(workers: usize) -> PoolBuilder {
    Pool::builder().worker_threads(workers).queue_capacity(4)
}

pub(crate) fn pool(workers: usize) -> Pool {
    builder(workers).build().unwrap()
}
