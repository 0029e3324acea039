//! The report that a person reads.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table};

use super::figures::{NEVER, Results, WHY, shown, time};
use crate::args::BenchArgs;
use crate::paint::Paint;
use crate::ruled::RULED;

/// What is measured, a line a pattern, and what it comes to.
pub(crate) fn report(results: &Results, machine: &str, args: &BenchArgs) -> String {
    let paint = Paint::for_stdout();
    let mut text = format!(
        "{machine}\n{}, width {}, the median of {}; METG(50 %), the time of all threads for a task:\n\n",
        workers(results.workers),
        results.width,
        rounds(results.rounds)
    );
    text += &rows(results);
    text += "\n\n";
    if results.has_gaps() {
        let _ = writeln!(text, "{NEVER}: {WHY}\n");
    }
    text += &paint.bold(last_line(results).trim_end());
    let _ = writeln!(
        text,
        "\nefficiency by granularity is in {}, and with these figures in {}",
        args.svg.display(),
        args.html.display()
    );
    text
}

/// The one line of `--quiet`.
pub(crate) fn last_line(results: &Results) -> String {
    let engines: Vec<String> = results
        .engines()
        .enumerate()
        .map(|(index, name)| format!("{name} {}", mean(results, index)))
        .collect();
    let over = match results.patterns.len() {
        1 => "1 pattern".to_owned(),
        many => format!("geometric mean over {many} patterns"),
    };
    format!(
        "METG(50 %) with {}: {} ({over})\n",
        workers(results.workers),
        engines.join(", ")
    )
}

/// The mean of an engine as it is shown.
pub(crate) fn mean(results: &Results, engine: usize) -> String {
    results
        .geomean(engine)
        .map_or_else(|| NEVER.to_owned(), time)
}

pub(crate) fn workers(count: usize) -> String {
    match count {
        1 => "1 worker".to_owned(),
        count => format!("{count} workers"),
    }
}

pub(crate) fn rounds(count: usize) -> String {
    match count {
        1 => "1 round".to_owned(),
        count => format!("{count} rounds"),
    }
}

/// How many times the last engine's METG ours is, the last being the floor.
pub(crate) fn over_floor(ours: Option<f64>, floor: Option<f64>) -> String {
    match (ours, floor) {
        (Some(ours), Some(floor)) => format!("{:.2}", ours / floor),
        _ => "–".to_owned(),
    }
}

fn rows(results: &Results) -> String {
    let mut table = Table::new();
    let mut header = vec!["pattern"];
    header.extend(results.engines());
    header.push("ours / floor");
    table.load_style(RULED).set_header(header);
    for pattern in &results.patterns {
        let mut row = vec![pattern.pattern.name().to_owned()];
        row.extend(pattern.engines.iter().map(shown));
        let metg =
            |engine: Option<&super::figures::Engine>| engine.and_then(|engine| engine.metg());
        row.push(over_floor(
            metg(pattern.engines.first()),
            metg(pattern.engines.last()),
        ));
        table.add_row(row);
    }
    if results.patterns.len() > 1 {
        let count = results.engines().count();
        let mut row = vec!["geometric mean".to_owned()];
        row.extend((0..count).map(|index| mean(results, index)));
        row.push(over_floor(
            results.geomean(0),
            results.geomean(count.saturating_sub(1)),
        ));
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}
