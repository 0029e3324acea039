//! The report that a person reads.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use comfy_table::{CellAlignment, Table};
use taskweave_slam::Problem;

use crate::args::SlamArgs;
use crate::paint::Paint;
use crate::ruled::RULED;
use crate::slam::job::{OnPool, Outcome, Step};

/// All of it: what was read, a line an iteration, what it comes to.
pub(crate) fn report(name: &Path, problem: &Problem, outcome: &Outcome, args: &SlamArgs) -> String {
    let paint = Paint::for_stdout();
    let mut text = head(name, problem, outcome);
    text += &iterations(outcome);
    text += "\n\n";
    text += &paint.bold(last_line(outcome).trim_end());
    text.push('\n');
    for line in sums(outcome) {
        text += &line;
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "the map before and after is in {}",
        args.svg.display()
    );
    text
}

/// The one line of `--quiet`.
pub(crate) fn last_line(outcome: &Outcome) -> String {
    let elapsed: Duration = outcome.steps.iter().filter_map(elapsed).sum();
    let ended = if outcome.converged {
        "found"
    } else {
        "stopped"
    };
    format!(
        "χ² = {} {ended} after {} iterations, {:.1} ms\n",
        chi_squared(outcome.chi_squared),
        outcome.steps.len(),
        milliseconds(elapsed),
    )
}

/// χ² with the digits that two programs agree on.
pub(crate) fn chi_squared(value: f64) -> String {
    if value == 0.0 || (1e-3..1e7).contains(&value) {
        format!("{value:.5}")
    } else {
        format!("{value:.5e}")
    }
}

fn head(name: &Path, problem: &Problem, outcome: &Outcome) -> String {
    let statistics = &outcome.statistics;
    let workers = match outcome.workers {
        Some(1) => "on 1 worker".to_owned(),
        Some(workers) => format!("on {workers} workers"),
        None => "on the calling thread".to_owned(),
    };
    format!(
        "{}: {} poses, {} constraints; χ² is {}\n\
         one iteration: {} tasks, {} edges, {workers}; prepared once in {:.0} ms\n\n",
        name.display(),
        problem.poses().len(),
        problem.constraints().len(),
        chi_squared(outcome.initial),
        statistics.tasks,
        statistics.edges,
        milliseconds(outcome.prepared),
    )
}

fn iterations(outcome: &Outcome) -> String {
    let compares = outcome
        .steps
        .iter()
        .any(|step| step.sequential.is_some() && step.parallel.is_some());
    let on_pool = outcome.workers.is_some();
    let mut header = vec!["iteration", "χ²", "tasks"];
    if on_pool {
        header.extend(compares.then_some("sequential ms"));
        header.extend(["parallel ms", "tasks/s", "steals", "wakes"]);
    } else {
        header.push("sequential ms");
    }
    header.push("allocations");

    let mut table = Table::new();
    table.load_style(RULED).set_header(header);
    for (index, step) in outcome.steps.iter().enumerate() {
        let mut row = vec![
            (index + 1).to_string(),
            chi_squared(step.after),
            outcome.statistics.tasks.to_string(),
        ];
        row.extend(
            step.sequential
                .map(|elapsed| format!("{:.2}", milliseconds(elapsed))),
        );
        if let Some(OnPool {
            elapsed,
            steals,
            wakes,
        }) = step.parallel
        {
            let rate = outcome.statistics.tasks as f64 / elapsed.as_secs_f64();
            row.extend([
                format!("{:.2}", milliseconds(elapsed)),
                format!("{rate:.0}"),
                steals.to_string(),
                wakes.to_string(),
            ]);
        }
        row.push(step.allocations.to_string());
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// What the iterations have in common.
fn sums(outcome: &Outcome) -> Vec<String> {
    let steps = &outcome.steps;
    let allocations = median(steps.iter().map(|step| step.allocations)).unwrap_or(0);
    let sequential = median(steps.iter().filter_map(|step| step.sequential));
    let runs: Vec<OnPool> = steps.iter().filter_map(|step| step.parallel).collect();
    let (Some(parallel), Some(workers)) =
        (median(runs.iter().map(|run| run.elapsed)), outcome.workers)
    else {
        let sequential = sequential.map_or(0.0, milliseconds);
        return vec![format!(
            "the median iteration: {sequential:.2} ms, {allocations} allocations"
        )];
    };
    let compared = sequential.map_or_else(String::new, |sequential| {
        let ratio = parallel.as_secs_f64() / sequential.as_secs_f64();
        format!(
            ", {:.2} ms sequentially (ratio {ratio:.2})",
            milliseconds(sequential)
        )
    });
    let rate = outcome.statistics.tasks as f64 / parallel.as_secs_f64();
    let steals: u64 = runs.iter().map(|run| run.steals).sum();
    let wakes: u64 = runs.iter().map(|run| run.wakes).sum();
    vec![
        format!(
            "the median iteration: {:.2} ms with a pool of {workers}{compared}, {rate:.0} tasks a second, {allocations} allocations",
            milliseconds(parallel)
        ),
        format!("all iterations: {steals} steals, {wakes} wakes"),
    ]
}

fn elapsed(step: &Step) -> Option<Duration> {
    step.parallel.map(|run| run.elapsed).or(step.sequential)
}

/// The lower one of an even number.
pub(crate) fn median<T: Copy + Ord>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
