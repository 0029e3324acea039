//! Two sides, sampled in turns.

use std::time::{Duration, Instant};

use super::{
    Stopwatch, quiet,
    side::{Scale, Side},
    stats::{median, spread},
};
use crate::error::BenchError;

/// A sample aims at this length …
const AIM: Duration = Duration::from_millis(8);
/// … and calibration goes on until one is at least this long, so that the clock's grain is nothing beside it.
const LEAST: Duration = Duration::from_millis(2);
/// What has slept wakes up wherever the system puts it, often all on one processor; it takes the system some milliseconds to spread them.
const WARM_UP: Duration = Duration::from_millis(16);
/// More repetitions mean that nothing is timed at all.
const MOST_REPETITIONS: u64 = 1 << 40;

/// Both ways to do the job of a case.
#[derive(Debug)]
pub(crate) struct Pair {
    /// This project's.
    pub(crate) ours: Side,
    /// The one that it is compared with.
    pub(crate) peer: Side,
}

/// What a pair came to. Times are medians in nanoseconds per operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Comparison {
    /// Ours, on the wall.
    pub(crate) ours_ns: f64,
    /// The peer's, on the wall.
    pub(crate) peer_ns: f64,
    /// Ours, all processors together.
    pub(crate) ours_cpu_ns: f64,
    /// The peer's, all processors together.
    pub(crate) peer_cpu_ns: f64,
    /// The median of the ratios ours / peer within each pair of samples: not the ratio of the medians, since a pair shares its noise.
    pub(crate) ratio: f64,
    /// The tenth and the ninetieth percentile of those ratios.
    pub(crate) spread: [f64; 2],
    /// How many samples started while something was still running.
    pub(crate) unsettled: usize,
}

impl Pair {
    /// Takes `samples` pairs of samples, A B A B, after a calibration and one pair that is thrown away. `step` is called after each.
    pub(crate) fn compare(
        &mut self,
        samples: usize,
        mut step: impl FnMut(),
    ) -> Result<Comparison, BenchError> {
        let ours = repetitions(&mut self.ours)?;
        let peer = repetitions(&mut self.peer)?;
        let mut unsettled = 0;
        let mut sample = |side: &mut Side, repetitions| {
            unsettled += usize::from(!quiet::settle());
            warm_up(side, repetitions)?;
            side.sample(repetitions)
        };
        sample(&mut self.ours, ours)?;
        sample(&mut self.peer, peer)?;

        let mut pairs = Vec::with_capacity(samples);
        for _ in 0..samples {
            pairs.push((sample(&mut self.ours, ours)?, sample(&mut self.peer, peer)?));
            step();
        }
        Ok(Comparison {
            unsettled,
            ..summarise(&pairs)
        })
    }
}

/// Repeats the sample, uncounted, until the side's threads have found their processors.
fn warm_up(side: &mut Side, repetitions: u64) -> Result<(), BenchError> {
    let started = Instant::now();
    while side.scale() == Scale::Calibrated && started.elapsed() < WARM_UP {
        side.sample(repetitions)?;
    }
    Ok(())
}

/// The numbers of a row, out of all pairs of samples.
pub(crate) fn summarise(pairs: &[(Stopwatch, Stopwatch)]) -> Comparison {
    let of = |value: fn(&(Stopwatch, Stopwatch)) -> f64| -> Vec<f64> {
        pairs.iter().map(value).collect()
    };
    let ratios = of(|(ours, peer)| ours.wall_ns() / peer.wall_ns());
    Comparison {
        ours_ns: median(&of(|(ours, _)| ours.wall_ns())),
        peer_ns: median(&of(|(_, peer)| peer.wall_ns())),
        ours_cpu_ns: median(&of(|(ours, _)| ours.cpu_ns())),
        peer_cpu_ns: median(&of(|(_, peer)| peer.cpu_ns())),
        ratio: median(&ratios),
        spread: spread(&ratios),
        unsettled: 0,
    }
}

/// How many repetitions fill a sample: doubled until they are long enough to tell, then scaled to the aim.
pub(crate) fn repetitions(side: &mut Side) -> Result<u64, BenchError> {
    if side.scale() == Scale::Single {
        return Ok(1);
    }
    let mut repetitions = 1;
    loop {
        let wall = side.sample(repetitions)?.wall();
        if wall >= LEAST {
            return Ok(scaled(repetitions, wall));
        }
        repetitions *= 2;
        if repetitions > MOST_REPETITIONS {
            return Err(BenchError::NothingTimed { side: side.name() });
        }
    }
}

/// `repetitions` took `wall`: how many take the time that is aimed at, at least one.
pub(crate) fn scaled(repetitions: u64, wall: Duration) -> u64 {
    let scale = AIM.as_secs_f64() / wall.as_secs_f64();
    ((repetitions as f64 * scale).round() as u64).max(1)
}
