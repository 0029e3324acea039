//! The report that a program reads: one JSON object on one line.

use super::figures::{Engine, Results};
use crate::args::BenchArgs;
use crate::json::Object;

/// The object. Times are in nanoseconds; what was never reached is null.
pub(crate) fn json(results: &Results, machine: &str, args: &BenchArgs) -> String {
    let patterns = results.patterns.iter().map(|pattern| {
        Object::new()
            .text("pattern", pattern.pattern.name())
            .integer("radix", pattern.radix)
            .list("engines", pattern.engines.iter().map(engine))
    });
    let means = results.engines().enumerate().map(|(index, name)| {
        Object::new()
            .text("engine", name)
            .float("metg_ns", or_null(results.geomean(index)))
    });
    Object::new()
        .text("machine", machine)
        .integer("worker_threads", results.workers as u128)
        .integer("width", results.width)
        .integer("rounds", results.rounds as u128)
        .boolean("quick", args.quick)
        .list("patterns", patterns)
        .list("geomean", means)
        .text("svg", &args.svg.to_string_lossy())
        .text("html", &args.html.to_string_lossy())
        .finish()
        + "\n"
}

fn engine(engine: &Engine) -> Object {
    let range = engine.range();
    let points = engine.curve.0.iter().map(|point| {
        Object::new()
            .integer("iterations", point.iterations)
            .float("granularity_ns", point.granularity_ns)
            .float("efficiency", point.efficiency)
    });
    Object::new()
        .text("engine", engine.name)
        .integer("threads", engine.threads as u128)
        .float("metg_ns", or_null(engine.metg()))
        .float("metg_least_ns", or_null(range.map(|range| range[0])))
        .float("metg_largest_ns", or_null(range.map(|range| range[1])))
        .boolean("at_most", engine.at_most)
        .list("curve", points)
}

/// JSON has no number for what isn't one.
fn or_null(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}
