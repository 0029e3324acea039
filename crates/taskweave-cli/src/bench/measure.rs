//! Runs engines in turns, and keeps what they did.

use std::fmt::Display;

use taskweave_sys::machine::affinity;
use taskweave_taskbench::metg::{Meter, MetgError, Peak, graph};
use taskweave_taskbench::{Kind, Workload};

use super::figures::{Curve, Engine, Pattern, Point, Results, median};
use super::plan::{ENGINES, Plan};
use crate::failure::Failure;

/// On a machine with other work the best may be out of reach a moment later: then both are measured again, so often.
const TRIES: usize = 5;

/// What one engine did in all rounds.
struct Samples {
    kind: Kind,
    meter: Meter,
    peak: Peak,
    metg: Vec<f64>,
    at_most: bool,
    /// For each point of the curve, granularity and efficiency in each round.
    curve: Vec<(u32, u64, Vec<f64>, Vec<f64>)>,
}

/// Measures everything; `step` is told what comes next.
pub(crate) fn all(plan: &Plan, mut step: impl FnMut(&str)) -> Result<Results, Failure> {
    // Engines whose calling thread computes have it on the first processor; the others' threads place themselves.
    if let Some(&first) = plan.setup.processors.first() {
        affinity::pin_current_thread(&[first]).map_err(failed)?;
    }
    let mut patterns = Vec::new();
    for &(pattern, radix) in &plan.patterns {
        let start = |&kind: &Kind| {
            let spec = graph(pattern, radix, plan.width, plan.tasks);
            let setup = plan.setup_of(kind);
            let work = Workload::new(&[spec]).map_err(failed)?;
            Ok(Samples {
                kind,
                meter: Meter::new(kind.start(&setup, work).map_err(failed)?),
                peak: Peak::new(&setup).map_err(failed)?,
                metg: Vec::new(),
                at_most: false,
                curve: Vec::new(),
            })
        };
        let mut engines: Vec<Samples> =
            ENGINES.iter().map(start).collect::<Result<_, Failure>>()?;
        for _ in 0..plan.effort.rounds {
            for engine in &mut engines {
                step(&format!("{pattern}, {}", engine.kind));
                engine.sample(plan)?;
            }
        }
        patterns.push(Pattern {
            pattern,
            radix,
            engines: engines.into_iter().map(Samples::summary).collect(),
        });
    }
    Ok(Results {
        workers: plan.setup.threads,
        width: plan.width,
        rounds: plan.effort.rounds,
        patterns,
    })
}

impl Samples {
    fn sample(&mut self, plan: &Plan) -> Result<(), Failure> {
        for _ in 0..TRIES {
            let peak = self.peak.measure().map_err(failed)?;
            match self.meter.metg(peak) {
                Ok(metg) => {
                    self.metg.push(metg.ns);
                    self.at_most |= metg.at_most;
                    break;
                }
                Err(MetgError::Never { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let steps = (0..=plan.effort.last).step_by(plan.effort.stride);
        for (index, half_octaves) in steps.enumerate() {
            let peak = self.peak.measure().map_err(failed)?;
            let point = self.meter.at(half_octaves).map_err(failed)?;
            if index == self.curve.len() {
                let fresh = (half_octaves, point.iterations, Vec::new(), Vec::new());
                self.curve.push(fresh);
            }
            let (_, _, granularity, efficiency) = &mut self.curve[index];
            granularity.push(point.granularity_ns);
            efficiency.push(point.efficiency(peak));
        }
        Ok(())
    }

    fn summary(self) -> Engine {
        let point = |(_, iterations, granularity, efficiency): (_, _, Vec<f64>, Vec<f64>)| Point {
            iterations,
            granularity_ns: median(&granularity),
            efficiency: median(&efficiency),
        };
        Engine {
            name: self.kind.name(),
            threads: self.meter.engine().threads(),
            metg_ns: self.metg,
            at_most: self.at_most,
            curve: Curve(self.curve.into_iter().map(point).collect()),
        }
    }
}

fn failed(error: impl Display) -> Failure {
    Failure::Bench(error.to_string())
}
