//! Tasks from half the mean to one and a half times it: who can't move work waits for whoever has the longer ones.

use taskweave_taskbench::{
    GraphSpec, Kernel, Kind, Pattern, Setup, Workload,
    metg::{Peak, Rate},
};

use super::{RADIX, Side, metg::passes, refused};
use crate::{engines::Contestant, error::BenchError, harness::Stopwatch};

const MEAN_NS: f64 = 20_000.0;
const STEPS: u32 = 50;
/// It tells what the machine can do.
const FLOOR: Contestant = Contestant::Own(Kind::Spinning);

/// How many iterations take one thread of so many about 20 µs. Both sides get the same number.
pub(super) fn iterations(setup: &Setup) -> Result<u64, BenchError> {
    let mut peak = Peak::new(setup).map_err(refused(FLOOR))?;
    let Rate(flops) = peak.measure().map_err(refused(FLOOR))?;
    let one_thread = flops / setup.threads as f64;
    Ok((MEAN_NS * one_thread / 128.0).round().max(1.0) as u64)
}

pub(super) fn side(
    engine: Contestant,
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
    let work = Workload::new(&[spec]).map_err(refused(engine))?;
    let mut started = engine.start(setup, work).map_err(refused(engine))?;
    let form = started.form().map(str::to_owned);
    let body = move |repetitions: u64, watch: &mut Stopwatch| {
        passes(&mut started, repetitions, watch).map_err(refused(engine))
    };
    Ok(Side::new(engine.name(), body).placed().in_form(form))
}
