//! The smallest tasks at which an engine is still half as good as the machine.
//!
//! METG(50 %), the minimum effective task granularity, is the yardstick of Slaughter et al., "Task Bench: a parameterized benchmark for evaluating
//! parallel runtime performance", SC 2020. The graph stays, and its tasks get smaller; granularity is the time of all threads divided by the number of
//! tasks, and efficiency what the engine computes in a second against the best that the machine was seen to do.

use std::{fmt, time::Duration};

use thiserror::Error;

use crate::{
    Engine, EngineError, Fault, GraphSpec, Kernel, Kind, Pattern, Setup, SpecError, Workload,
};

/// Iterations go up in half octaves: the number of step k is 2 to the power of k / 2. Tasks of the last one take some tens of microseconds.
const LARGEST: u32 = 30;
/// Where the first search begins: tasks of some hundred nanoseconds.
const START: u32 = 12;
/// A point is the best of this many passes, as the machine's peak is the best of as many …
const PASSES: usize = 5;
/// … but of three only if they take this long.
const LONG: Duration = Duration::from_millis(60);

/// The patterns over which engines are compared by one number, the geometric mean, and the radix of those that have one.
pub const COMPARED: [(Pattern, u32); 5] = [
    (Pattern::Stencil1d, 3),
    (Pattern::Fft, 3),
    (Pattern::NoComm, 3),
    (Pattern::Nearest, 5),
    (Pattern::Spread, 5),
];

/// A graph to measure granularity with: `compute_bound`, and so many steps that a pass has about `tasks` tasks. `spread` can't have a larger
/// radix than its width, and gets that.
pub fn graph(pattern: Pattern, radix: u32, width: u32, tasks: u32) -> GraphSpec {
    GraphSpec {
        pattern,
        radix: match pattern {
            Pattern::Spread => radix.min(width),
            _ => radix,
        },
        width,
        steps: (tasks / width.max(1)).max(2),
        kernel: Kernel::ComputeBound,
        ..GraphSpec::default()
    }
}

/// Floating-point operations a nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(pub f64);

/// Finds out what the machine can do at its best.
#[derive(Debug)]
pub struct Peak {
    engine: Engine,
}

impl Peak {
    /// With the same threads as the engines that it is for.
    ///
    /// # Errors
    /// See [`MetgError`].
    pub fn new(setup: &Setup) -> Result<Self, MetgError> {
        let spec = GraphSpec {
            pattern: Pattern::NoComm,
            width: u32::try_from(setup.threads).unwrap_or(u32::MAX),
            steps: 20,
            kernel: Kernel::ComputeBound,
            iterations: 1 << 14,
            ..GraphSpec::default()
        };
        let engine = Kind::Spinning.start(setup, Workload::new(&[spec])?)?;
        Ok(Self { engine })
    }

    /// The best of some passes, each about a millisecond: tasks so large that nothing else counts, on threads that wait for nobody.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn measure(&mut self) -> Result<Rate, Fault> {
        let mut best = 0.0_f64;
        for _ in 0..PASSES {
            let took = self.engine.pass()?;
            best = best.max(rate(self.engine.work().flops(), took));
        }
        Ok(Rate(best))
    }
}

fn rate(flops: u64, took: Duration) -> f64 {
    flops as f64 / (took.as_nanos() as f64).max(1.0)
}

/// An engine at one size of tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The kernel's iterations.
    pub iterations: u64,
    /// Nanoseconds a task, of all threads together.
    pub granularity_ns: f64,
    /// What it computes in a nanosecond.
    pub rate: Rate,
}

impl Point {
    /// Its share of what is possible.
    pub fn efficiency(&self, peak: Rate) -> f64 {
        self.rate.0 / peak.0
    }
}

/// What a search has found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metg {
    /// Nanoseconds a task.
    pub ns: f64,
    /// The step, in half octaves of the iterations, from which on the engine is good enough.
    pub half_octaves: u32,
    /// Whether the engine was good enough at the smallest tasks that there are: then this is only known to be no less than METG.
    pub at_most: bool,
}

/// Why there is no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MetgError {
    /// The graph can't be.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The engine didn't start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine was wrong.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The kernel has nothing that could be counted.
    #[error(
        "the graphs' kernels do no floating-point operations, by which efficiency is measured; use compute_bound or load_imbalance"
    )]
    NoFlops,
    /// However large the tasks.
    #[error(
        "{engine} reaches {reached:.0} % of what the machine can do with tasks of {iterations} iterations, and {wanted:.0} % at no size below: \
         are there fewer processors than its {threads} threads?"
    )]
    Never {
        /// Which.
        engine: &'static str,
        /// Percent.
        reached: f64,
        /// Percent.
        wanted: f64,
        /// Of the largest tasks.
        iterations: u64,
        /// How many it has.
        threads: usize,
    },
}

/// Measures one engine; remembers where it found the limit, which is where the next search begins.
pub struct Meter {
    engine: Engine,
    wanted: f64,
    from: u32,
    largest: u32,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter")
            .field("engine", &self.engine)
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

impl Meter {
    /// For an efficiency of one half.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            wanted: 0.5,
            from: START,
            largest: LARGEST,
        }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine, set to the smallest tasks that were good enough in the latest search.
    pub fn at_limit(&mut self) -> &mut Engine {
        self.engine.work().set_iterations(iterations(self.from));
        &mut self.engine
    }

    /// Measures tasks of 2 to the power of `half_octaves` / 2 iterations: the best of five passes, of three if they are long.
    /// What the machine can do is the best that was seen as well: a median beside it would count what other programs take as the engine's loss.
    ///
    /// # Errors
    /// [`Fault`], if the engine was wrong.
    pub fn at(&mut self, half_octaves: u32) -> Result<Point, Fault> {
        let iterations = iterations(half_octaves);
        self.engine.work().set_iterations(iterations);
        let (mut best, mut all) = (Duration::MAX, Duration::ZERO);
        for pass in 0..PASSES {
            if pass >= 3 && all >= LONG {
                break;
            }
            let took = self.engine.pass()?;
            best = best.min(took);
            all += took;
        }
        let work = self.engine.work();
        Ok(Point {
            iterations,
            granularity_ns: best.as_nanos() as f64 * self.engine.threads() as f64
                / work.tasks() as f64,
            rate: Rate(rate(work.flops(), best)),
        })
    }

    /// Searches for the smallest tasks with which the engine does half of `peak`, by bisection, and interpolates to the next smaller ones.
    ///
    /// # Errors
    /// See [`MetgError`].
    pub fn metg(&mut self, peak: Rate) -> Result<Metg, MetgError> {
        let wanted = self.wanted;
        let engine = self.engine.name();
        let threads = self.engine.threads();
        if self.engine.work().flops() == 0 {
            return Err(MetgError::NoFlops);
        }
        let found = search(self.from, self.largest, wanted, |step| {
            let point = self.at(step)?;
            Ok::<_, MetgError>((point.granularity_ns, point.efficiency(peak)))
        })?;
        match found {
            Found::Limit(metg) => {
                self.from = metg.half_octaves;
                Ok(metg)
            }
            Found::Never { reached } => Err(MetgError::Never {
                engine,
                reached: reached * 100.0,
                wanted: wanted * 100.0,
                iterations: iterations(self.largest),
                threads,
            }),
        }
    }
}

fn iterations(half_octaves: u32) -> u64 {
    2_f64.powf(f64::from(half_octaves) / 2.0).round() as u64
}

enum Found {
    Limit(Metg),
    Never { reached: f64 },
}

/// Looks for the first step up to `largest` at which `measure`, which tells a granularity and an efficiency, is good enough. It goes up or down from
/// `from`, in strides that double, until the limit lies between two steps, and halves what lies between them.
fn search<E>(
    from: u32,
    largest: u32,
    wanted: f64,
    mut measure: impl FnMut(u32) -> Result<(f64, f64), E>,
) -> Result<Found, E> {
    // The largest step known to be too small, and the smallest known to be large enough.
    let (mut small, mut large) = (None, None);
    let mut step = from.min(largest);
    let mut stride = 1;
    loop {
        let (ns, efficiency) = measure(step)?;
        if efficiency >= wanted {
            large = Some((step, ns, efficiency));
        } else {
            small = Some((step, ns, efficiency));
        }
        step = match (small, large) {
            (Some(below), Some(above)) if above.0 == below.0 + 1 => {
                return Ok(Found::Limit(Metg {
                    ns: between(below, above, wanted),
                    half_octaves: above.0,
                    at_most: false,
                }));
            }
            (Some((below, ..)), Some((above, ..))) => below + (above - below) / 2,
            (None, Some((0, ns, _))) => {
                return Ok(Found::Limit(Metg {
                    ns,
                    half_octaves: 0,
                    at_most: true,
                }));
            }
            (None, Some((above, ..))) => above.saturating_sub(stride),
            (Some((below, _, reached)), None) if below == largest => {
                return Ok(Found::Never { reached });
            }
            (Some((below, ..)), None) => (below + stride).min(largest),
            // One of them has just been set.
            (None, None) => step,
        };
        stride *= 2;
    }
}

/// The granularity at which a straight line between two points, in the logarithm of granularity, reaches what is wanted.
fn between(below: (u32, f64, f64), above: (u32, f64, f64), wanted: f64) -> f64 {
    let share = (wanted - below.2) / (above.2 - below.2);
    (below.1.ln() + share * (above.1.ln() - below.1.ln())).exp()
}

/// The geometric mean; 1 of nothing.
pub fn geomean(values: &[f64]) -> f64 {
    let logarithms: f64 = values.iter().map(|value| value.ln()).sum();
    (logarithms / (values.len().max(1)) as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::{
        COMPARED, Found, Meter, MetgError, Peak, Rate, geomean, graph, iterations, search,
    };
    use crate::{GraphSpec, Kind, Pattern, Setup, Workload};

    /// A machine of one operation a nanosecond and an engine that needs `overhead` nanoseconds more for each task.
    fn model(overhead: f64, from: u32, largest: u32) -> (Option<(f64, u32, bool)>, usize) {
        let mut calls = 0;
        let found = search(from, largest, 0.5, |step| {
            calls += 1;
            let work = iterations(step) as f64;
            Ok::<_, ()>((work + overhead, work / (work + overhead)))
        });
        let found = match found.unwrap() {
            Found::Limit(metg) => Some((metg.ns, metg.half_octaves, metg.at_most)),
            Found::Never { .. } => None,
        };
        (found, calls)
    }

    #[test]
    fn the_limit_is_found_from_wherever_the_search_begins() {
        for overhead in [3.0, 100.0, 1000.0, 50_000.0] {
            for from in [0, 1, 12, 13, 30, 44, 90] {
                let (found, calls) = model(overhead, from, 44);
                let (ns, step, at_most) = found.unwrap();
                // Half of the time is overhead. The straight line is a little off.
                assert!(
                    (ns / (2.0 * overhead) - 1.0).abs() < 0.03,
                    "{overhead}: {ns}"
                );
                assert!(!at_most && calls <= 13, "{calls}");
                let good = |step| iterations(step) as f64 >= overhead;
                assert!(good(step) && !good(step - 1));
                // Beginning where it ends, a search looks twice.
                assert_eq!(model(overhead, step, 44).1, 2);
            }
        }
    }

    #[test]
    fn ends_are_told() {
        let (found, _) = model(0.5, 12, 44);
        assert_eq!(found, Some((1.5, 0, true)));
        assert_eq!(model(1e9, 12, 44).0, None);
    }

    #[test]
    fn iterations_grow_by_half_octaves() {
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 20].map(iterations),
            [1, 1, 2, 3, 4, 6, 1024]
        );
    }

    #[test]
    fn means_are_geometric() {
        assert!((geomean(&[1.0, 4.0, 16.0]) - 4.0).abs() < 1e-12);
        assert_eq!(geomean(&[]), 1.0);
    }

    #[test]
    fn compared_graphs_can_be() {
        for width in [1, 2, 8, 64] {
            for (pattern, radix) in COMPARED {
                Workload::new(&[graph(pattern, radix, width, 1000)]).unwrap();
            }
        }
    }

    #[test]
    fn an_engine_is_measured() {
        let setup = Setup::anywhere(1);
        let peak = Peak::new(&setup).unwrap().measure().unwrap();
        assert!(peak > Rate(0.0));
        let work = Workload::new(&[graph(Pattern::Stencil1d, 3, 4, 200)]).unwrap();
        let mut meter = Meter::new(Kind::Sequential.start(&setup, work).unwrap());
        meter.largest = 14;
        let point = meter.at(10).unwrap();
        assert_eq!((point.iterations, point.efficiency(point.rate)), (32, 1.0));
        assert!(point.granularity_ns > 0.0);
        // No machine is as fast as that.
        let error = meter.metg(Rate(f64::INFINITY));
        assert!(matches!(error, Err(MetgError::Never { .. })));
        // And every engine is good enough for one that does nothing.
        let metg = meter.metg(Rate(f64::MIN_POSITIVE)).unwrap();
        assert!(metg.at_most && metg.ns > 0.0);
    }

    #[test]
    fn kernels_without_operations_are_refused() {
        let work = Workload::new(&[GraphSpec::default()]).unwrap();
        let engine = Kind::Sequential.start(&Setup::anywhere(1), work).unwrap();
        let error = Meter::new(engine).metg(Rate(1.0));
        assert!(matches!(error, Err(MetgError::NoFlops)));
    }
}
