//! The report that a program reads: one JSON object on one line.

use std::path::Path;
use std::time::Duration;

use taskweave_slam::Problem;

use crate::args::SlamArgs;
use crate::json::Object;
use crate::slam::job::{Outcome, Step};
use crate::slam::table::median;

/// The object. Times are in nanoseconds; what wasn't run is left out.
pub(crate) fn json(name: &Path, problem: &Problem, outcome: &Outcome, args: &SlamArgs) -> String {
    let statistics = &outcome.statistics;
    let mut object = Object::new()
        .text("file", &name.to_string_lossy())
        .integer("poses", count(problem.poses().len()))
        .integer("constraints", count(problem.constraints().len()))
        .float("initial_chi2", outcome.initial)
        .float("chi2", outcome.chi_squared)
        .boolean("converged", outcome.converged)
        .integer("tasks", count(statistics.tasks))
        .integer("edges", count(statistics.edges))
        .integer("factor_entries", statistics.factor_entries)
        .integer("factor_flops", statistics.factor_flops)
        .integer("prepare_ns", outcome.prepared.as_nanos());
    if let Some(workers) = outcome.workers {
        object = object.integer("worker_threads", count(workers));
    }
    let steps = &outcome.steps;
    object = time(
        object,
        "sequential_ns",
        median(steps.iter().filter_map(|step| step.sequential)),
    );
    let parallel = median(steps.iter().filter_map(|step| Some(step.parallel?.elapsed)));
    object = time(object, "parallel_ns", parallel);
    if let Some(parallel) = parallel {
        object = object.float(
            "tasks_per_second",
            statistics.tasks as f64 / parallel.as_secs_f64(),
        );
    }
    if let Some(allocations) = median(steps.iter().map(|step| step.allocations)) {
        object = object.integer("allocations_per_iteration", allocations);
    }
    object = object
        .list("iterations", steps.iter().map(iteration))
        .text("svg", &args.svg.to_string_lossy());
    if let Some(dot) = &args.dot {
        object = object.text("dot", &dot.to_string_lossy());
    }
    object.finish() + "\n"
}

fn iteration(step: &Step) -> Object {
    let mut object = Object::new()
        .float("chi2_before", step.before)
        .float("chi2", step.after);
    object = time(object, "sequential_ns", step.sequential);
    if let Some(run) = step.parallel {
        object = time(object, "parallel_ns", Some(run.elapsed))
            .integer("steals", run.steals)
            .integer("wakes", run.wakes);
    }
    object
        .float("expected_decrease", step.expected_decrease)
        .integer("allocations", step.allocations)
}

fn time(object: Object, key: &str, time: Option<Duration>) -> Object {
    match time {
        Some(time) => object.integer(key, time.as_nanos()),
        None => object,
    }
}

fn count(number: usize) -> u128 {
    number as u128
}
