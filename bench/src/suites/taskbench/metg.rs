//! One sample is one search, or five.

use std::time::Duration;

use taskweave_taskbench::{
    Engine, Fault, Kind, Pattern, Setup, Workload,
    metg::{Meter, MetgError, Peak, geomean, graph},
};

use super::{Side, refused};
use crate::{engines::Contestant, error::BenchError, harness::Stopwatch};

/// About so many tasks for each column and pass: a millisecond or two.
const STEPS: u32 = 1000;
/// Passes whose CPU time is read.
const PASSES: u64 = 3;
/// How often a search that found nothing is done again.
const TRIES: usize = 5;
/// The clock's durations are whole nanoseconds, and a task may be as short as a hundred.
const GRAIN: u64 = 1000;

pub(super) fn side(
    engine: Contestant,
    setup: &Setup,
    patterns: &'static [(Pattern, u32)],
    width: u32,
) -> Result<Side, BenchError> {
    // A machine of one thread, for the loop that has no other.
    let setup = match engine {
        Contestant::Own(Kind::Sequential) => Setup {
            threads: 1,
            ..setup.clone()
        },
        _ => setup.clone(),
    };
    let mut peak = Peak::new(&setup).map_err(refused(engine))?;
    let start = |&(pattern, radix): &(Pattern, u32)| {
        let work = Workload::new(&[graph(pattern, radix, width, STEPS * width)]);
        let started = engine.start(&setup, work.map_err(refused(engine))?);
        Ok(Meter::new(started.map_err(refused(engine))?))
    };
    let mut meters: Vec<Meter> = patterns
        .iter()
        .map(start)
        .collect::<Result<_, BenchError>>()?;
    let form = meters.first().and_then(|meter| meter.engine().form());
    let form = form.map(str::to_owned);
    let body = move |_, watch: &mut Stopwatch| {
        let (mut wall, mut cpu) = (Vec::new(), Vec::new());
        for meter in &mut meters {
            wall.push(search(meter, &mut peak).map_err(refused(engine))?);
            cpu.push(processors_time(meter).map_err(refused(engine))?);
        }
        let grains = |ns: f64| Duration::from_nanos((ns * GRAIN as f64).round() as u64);
        watch.add(GRAIN, grains(geomean(&wall)), grains(geomean(&cpu)));
        Ok(())
    };
    Ok(Side::new(engine.name(), body)
        .single()
        .placed()
        .in_form(form))
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
fn processors_time(meter: &mut Meter) -> Result<f64, Fault> {
    let engine = meter.at_limit();
    let mut watch = Stopwatch::default();
    passes(engine, PASSES, &mut watch)?;
    Ok(watch.cpu_ns())
}

/// Adds so many passes to `watch`, wherever they run.
pub(super) fn passes(engine: &mut Engine, count: u64, watch: &mut Stopwatch) -> Result<(), Fault> {
    let tasks = engine.work().tasks() * count;
    let before = engine.used_elsewhere();
    let mut here = Stopwatch::default();
    let wall = here.time(tasks, || {
        (0..count).try_fold(Duration::ZERO, |wall, _| Ok(wall + engine.pass()?))
    })?;
    let elsewhere = engine.used_elsewhere().saturating_sub(before);
    // What this process does meanwhile, if the engine is in another one, is only to wait.
    let cpu = if elsewhere.is_zero() {
        here.cpu()
    } else {
        elsewhere
    };
    watch.add(tasks, wall, cpu);
    Ok(())
}
