//! One sample is one search, or five.

use std::time::Duration;

use taskweave_taskbench::{
    Kind, Pattern, Setup, Workload,
    metg::{Meter, MetgError, Peak, geomean, graph},
};

use super::{Side, refused};
use crate::{error::BenchError, harness::Stopwatch};

/// About so many tasks for each column and pass: a millisecond or two.
const STEPS: u32 = 1000;
/// Passes whose CPU time is read.
const PASSES: u64 = 3;
/// How often a search that found nothing is done again.
const TRIES: usize = 5;
/// The clock's durations are whole nanoseconds, and a task may be as short as a hundred.
const GRAIN: u64 = 1000;

pub(super) fn side(
    kind: Kind,
    setup: &Setup,
    patterns: &'static [(Pattern, u32)],
    width: u32,
) -> Result<Side, BenchError> {
    // A machine of one thread, for the loop that has no other.
    let setup = match kind {
        Kind::Sequential => Setup {
            threads: 1,
            ..setup.clone()
        },
        _ => setup.clone(),
    };
    let mut peak = Peak::new(&setup).map_err(refused(kind))?;
    let start = |&(pattern, radix): &(Pattern, u32)| {
        let work = Workload::new(&[graph(pattern, radix, width, STEPS * width)]);
        let engine = kind.start(&setup, work.map_err(refused(kind))?);
        Ok(Meter::new(engine.map_err(refused(kind))?))
    };
    let mut meters: Vec<Meter> = patterns
        .iter()
        .map(start)
        .collect::<Result<_, BenchError>>()?;
    let body = move |_, watch: &mut Stopwatch| {
        let (mut wall, mut cpu) = (Vec::new(), Vec::new());
        for meter in &mut meters {
            wall.push(search(meter, &mut peak).map_err(refused(kind))?);
            cpu.push(processors_time(meter).map_err(refused(kind))?);
        }
        let grains = |ns: f64| Duration::from_nanos((ns * GRAIN as f64).round() as u64);
        watch.add(GRAIN, grains(geomean(&wall)), grains(geomean(&cpu)));
        Ok(())
    };
    Ok(Side::new(kind.name(), body).single().placed())
}

/// On a machine with other work the best may be out of reach a moment later: then both are measured again.
fn search(meter: &mut Meter, peak: &mut Peak) -> Result<f64, MetgError> {
    let mut tries = 0;
    loop {
        match meter.metg(peak.measure()?) {
            Err(MetgError::Never { .. }) if tries < TRIES => tries += 1,
            found => return Ok(found?.ns),
        }
    }
}

/// What all processors together do for a task of the size that was found.
fn processors_time(meter: &mut Meter) -> Result<f64, taskweave_taskbench::Fault> {
    let engine = meter.at_limit();
    let mut watch = Stopwatch::default();
    let tasks = engine.work().tasks();
    watch.time(tasks * PASSES, || {
        (0..PASSES).try_for_each(|_| engine.pass().map(|_| ()))
    })?;
    Ok(watch.cpu_ns())
}
