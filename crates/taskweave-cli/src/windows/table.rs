//! The report that a person reads.

use std::fmt::Write;

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use crate::windows::input::Input;
use crate::windows::job::Outcome;

/// Lines around the body, none between its rows.
const RULED: TableStyle = TableStyle::new()
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// All of it: what was read, a line a window, what it comes to.
pub(crate) fn report(input: &Input, outcome: &Outcome) -> String {
    let mut text = format!(
        "{}: {} text files, {} to a window; {} others left out\n\n",
        input.folder.display(),
        input.texts.len(),
        input.files,
        input.skipped
    );
    text += &windows(outcome);
    text += "\n\n";
    text += &last_line(outcome);
    let stats = &outcome.stats;
    let most = outcome.windows.iter().map(|window| window.kept).max();
    let sent = outcome.windows.last().map_or(0, |window| window.sent);
    let _ = writeln!(
        text,
        "{sent} batches told to {} readers; at most {} entries kept for those behind, who were left behind {} times",
        stats.readers,
        most.unwrap_or(0),
        stats.demotions
    );
    if let Some(lag) = outcome.lag {
        let _ = writeln!(
            text,
            "worker {lag} listened at the end alone, and got {} entries",
            outcome.caught_up
        );
    }
    text
}

/// The one line of `--quiet`.
pub(crate) fn last_line(outcome: &Outcome) -> String {
    let words: u64 = outcome
        .windows
        .iter()
        .map(|window| window.count.words)
        .sum();
    let workers = match outcome.workers {
        1 => "1 worker".to_owned(),
        workers => format!("{workers} workers"),
    };
    format!(
        "{} windows, {words} words, each window as one thread counts it; {:.1} ms on {workers}, {:.1} ms on one thread\n",
        outcome.windows.len(),
        outcome.parallel.as_secs_f64() * 1e3,
        outcome.sequential.as_secs_f64() * 1e3,
    )
}

fn windows(outcome: &Outcome) -> String {
    let mut table = Table::new();
    table.load_style(RULED).set_header([
        "window",
        "files",
        "lines",
        "words",
        "different",
        "most frequent",
        "batches sent",
        "entries kept",
    ]);
    for (index, window) in outcome.windows.iter().enumerate() {
        let count = &window.count;
        table.add_row([
            (index + 1).to_string(),
            count.files.to_string(),
            count.lines.to_string(),
            count.words.to_string(),
            count.distinct().to_string(),
            count
                .most_frequent()
                .map_or_else(String::new, |(word, count)| format!("{word} {count}")),
            window.sent.to_string(),
            window.kept.to_string(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}
