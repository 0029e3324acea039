//! What was measured, in numbers.

use taskweave_taskbench::{self as taskbench, metg};

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct Results {
    pub(crate) workers: usize,
    pub(crate) width: u32,
    pub(crate) rounds: usize,
    pub(crate) patterns: Vec<Pattern>,
}

/// One pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) pattern: taskbench::Pattern,
    pub(crate) radix: u32,
    /// In the same order everywhere, ours first.
    pub(crate) engines: Vec<Engine>,
}

/// One engine on one pattern.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    pub(crate) threads: usize,
    /// METG(50 %) in nanoseconds, of each round in which it was found.
    pub(crate) metg_ns: Vec<f64>,
    /// Whether it was good enough with the smallest tasks that there are.
    pub(crate) at_most: bool,
    pub(crate) curve: Curve,
}

/// Efficiency by granularity, from small tasks to large ones.
#[derive(Clone, Debug)]
pub(crate) struct Curve(pub(crate) Vec<Point>);

/// Medians over the rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    /// Of the kernel.
    pub(crate) iterations: u64,
    /// Nanoseconds a task, of all threads together.
    pub(crate) granularity_ns: f64,
    /// The share of what the machine can do.
    pub(crate) efficiency: f64,
}

impl Engine {
    /// The median; nothing if it never did half of what the machine can.
    pub(crate) fn metg(&self) -> Option<f64> {
        (!self.metg_ns.is_empty()).then(|| median(&self.metg_ns))
    }

    /// The least and the largest; nothing as above.
    pub(crate) fn range(&self) -> Option<[f64; 2]> {
        let least = self.metg_ns.iter().copied().reduce(f64::min)?;
        let largest = self.metg_ns.iter().copied().reduce(f64::max)?;
        Some([least, largest])
    }
}

impl Results {
    /// The engines' names.
    pub(crate) fn engines(&self) -> impl Iterator<Item = &'static str> + '_ {
        let first = self.patterns.first();
        first
            .into_iter()
            .flat_map(|pattern| pattern.engines.iter().map(|engine| engine.name))
    }

    /// Whether some engine never did half of what the machine can.
    pub(crate) fn has_gaps(&self) -> bool {
        let mut engines = self.patterns.iter().flat_map(|pattern| &pattern.engines);
        engines.any(|engine| engine.metg().is_none())
    }

    /// The geometric mean over all patterns of an engine's METG; nothing if one is missing.
    pub(crate) fn geomean(&self, engine: usize) -> Option<f64> {
        let all: Option<Vec<f64>> = self
            .patterns
            .iter()
            .map(|pattern| pattern.engines.get(engine)?.metg())
            .collect();
        all.map(|all| metg::geomean(&all))
    }
}

/// The middle value, or the mean of the two in the middle; not a number for none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match (
        sorted.get((sorted.len().max(1) - 1) / 2),
        sorted.get(sorted.len() / 2),
    ) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

/// A time in the unit that suits it, with three figures.
pub(crate) fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns => (ns / 1e6, "ms"),
    };
    match value {
        value if value < 10.0 => format!("{value:.2} {unit}"),
        value if value < 100.0 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    }
}

/// What is shown for an engine's METG.
pub(crate) fn shown(engine: &Engine) -> String {
    match engine.metg() {
        Some(ns) if engine.at_most => format!("≤ {}", time(ns)),
        Some(ns) => time(ns),
        None => NEVER.to_owned(),
    }
}

/// An engine that never did half of what the machine can …
pub(crate) const NEVER: &str = "never";
/// … and what that means.
pub(crate) const WHY: &str = "half of what the machine can do was reached at no size of tasks; other work on the machine is the usual reason";
