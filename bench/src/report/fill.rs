//! Figures in the middle of a page that is written by hand.
//!
//! A page says where its figures stand: between `<!-- figures: NAME -->` and `<!-- end of figures -->`, each on a line of its own, where NAME is a suite or
//! `comparison`, the few rows that stand for all. What a run has no rows for stays as it is.

use thiserror::Error;

use super::{
    Finding,
    markdown::{SUITES, of, rows_of, summary},
    table::{figure, notes, ratio},
};
use crate::suites::Suite;

const BEGIN: &str = "<!-- figures: ";
const CLOSE: &str = " -->";
const END: &str = "<!-- end of figures -->";

/// Why a page can't be filled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum FillError {
    /// Figures have no such name.
    #[error("line {line} begins figures of `{name}`; there are the suites' names and `comparison`")]
    Unknown { line: usize, name: String },
    /// They don't end.
    #[error("the figures that begin in line {line} don't end: `{END}` is missing")]
    Endless { line: usize },
}

/// The page with its figures replaced by those of this run; nothing if it has no place for figures.
pub(crate) fn fill(
    page: &str,
    findings: &[Finding],
    about: &str,
) -> Result<Option<String>, FillError> {
    let mut filled = String::new();
    let mut found = false;
    let mut lines = (1..).zip(page.split_inclusive('\n'));
    while let Some((number, line)) = lines.next() {
        filled.push_str(line);
        let begun = line.trim_end().strip_prefix(BEGIN);
        let Some(name) = begun.and_then(|rest| rest.strip_suffix(CLOSE)) else {
            continue;
        };
        found = true;
        let mut before = String::new();
        let end = loop {
            match lines.next() {
                None => return Err(FillError::Endless { line: number }),
                Some((_, line)) if line.trim_end() == END => break line,
                Some((_, line)) => before.push_str(line),
            }
        };
        let figures = figures(name, findings, about).ok_or_else(|| FillError::Unknown {
            line: number,
            name: name.to_owned(),
        })?;
        filled.push_str(if figures.is_empty() {
            &before
        } else {
            &figures
        });
        filled.push_str(end);
    }
    Ok(found.then_some(filled))
}

/// What is called so, empty if this run has none of it; nothing if there is no such name.
fn figures(name: &str, findings: &[Finding], about: &str) -> Option<String> {
    if name == "comparison" {
        return Some(comparison(findings, about));
    }
    let suite = SUITES.into_iter().find(|suite| suite.to_string() == name)?;
    let rows = of(findings, suite);
    if rows.is_empty() {
        return Some(String::new());
    }
    let notes: String = notes(&rows)
        .iter()
        .map(|note| format!("- {note}\n"))
        .collect();
    let notes = if notes.is_empty() {
        notes
    } else {
        format!("\n{notes}")
    };
    Some(format!(
        "\n{about}\n\n{}\n{}{notes}\n",
        summary(&rows),
        rows_of(&rows)
    ))
}

/// A job of the comparison: its suite, its name up to where the peer's may stand, and what it is in words.
const JOBS: [(Suite, &str, &str); 7] = [
    (
        Suite::Taskbench,
        "metg geomean w8",
        "smallest task at 50 % efficiency, five patterns, 8 points a step",
    ),
    (Suite::Graph, "chain 2^16", "a task of a chain, re-run"),
    (
        Suite::Graph,
        "wavefront 256²",
        "a task of a wavefront, re-run",
    ),
    (
        Suite::Graph,
        "random DAG 2^16",
        "a task of a random graph, re-run",
    ),
    (Suite::Kernel, "fib", "a `join`"),
    (Suite::Spawn, "fan-out", "a task in a scope"),
    (Suite::Slam, "iteration", "an iteration of `taskweave slam`"),
];

/// Each job with all of its peers, those that do best first.
fn comparison(findings: &[Finding], about: &str) -> String {
    let mut table = String::new();
    for (suite, job, words) in JOBS {
        let mut rows: Vec<&Finding> = findings
            .iter()
            .filter(|finding| {
                let row = &finding.row;
                let whole = row.case == job || row.case == format!("{job} {}", row.peer);
                // On tasks that do nothing no system beats a loop.
                let loop_is_a_peer = suite == Suite::Slam || row.peer != "sequential";
                row.suite == suite && whole && loop_is_a_peer
            })
            .collect();
        rows.sort_by(|a, b| b.row.ratio.total_cmp(&a.row.ratio));
        for finding in rows {
            let row = &finding.row;
            table.push_str(&format!(
                "| {words} | {} | {} | {} | {} |\n",
                row.peer,
                figure(row.ours_ns),
                figure(row.peer_ns),
                ratio(row.ratio)
            ));
        }
    }
    if table.is_empty() {
        return table;
    }
    format!(
        "\n| what | peer | ours ns | peer ns | ours / peer |\n|-|-|-|-|-|\n{table}\n{about}\n\n"
    )
}
