//! Tasks from half the mean to one and a half times it: who can't move work waits for whoever has the longer ones.

use taskweave_taskbench::{
    GraphSpec, Kernel, Kind, Pattern, Setup, Workload,
    metg::{Peak, Rate},
};

use super::{RADIX, Side, refused};
use crate::{error::BenchError, harness::Stopwatch};

const MEAN_NS: f64 = 20_000.0;
const STEPS: u32 = 50;

/// How many iterations take one thread of so many about 20 µs. Both sides get the same number.
pub(super) fn iterations(setup: &Setup) -> Result<u64, BenchError> {
    let mut peak = Peak::new(setup).map_err(refused(Kind::Spinning))?;
    let Rate(flops) = peak.measure().map_err(refused(Kind::Spinning))?;
    let one_thread = flops / setup.threads as f64;
    Ok((MEAN_NS * one_thread / 128.0).round().max(1.0) as u64)
}

pub(super) fn side(
    kind: Kind,
    setup: &Setup,
    width: u32,
    iterations: u64,
) -> Result<Side, BenchError> {
    let spec = GraphSpec {
        pattern: Pattern::Nearest,
        radix: RADIX,
        width,
        steps: STEPS,
        kernel: Kernel::LoadImbalance,
        imbalance: 1.0,
        iterations,
        ..GraphSpec::default()
    };
    let work = Workload::new(&[spec]).map_err(refused(kind))?;
    let mut engine = kind.start(setup, work).map_err(refused(kind))?;
    let tasks = engine.work().tasks();
    let body = move |repetitions: u64, watch: &mut Stopwatch| {
        watch
            .time(tasks * repetitions, || {
                (0..repetitions).try_for_each(|_| engine.pass().map(|_| ()))
            })
            .map_err(refused(kind))
    };
    Ok(Side::new(kind.name(), body).placed())
}
