//! The table on the terminal.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::Finding;

const HEADINGS: [&str; 9] = [
    "case",
    "peer",
    "per",
    "ours ns",
    "peer ns",
    "ratio",
    "p10–p90",
    "CPU ours/peer ns",
    "target",
];

/// All findings in the order in which they were made, and what to know about some of them.
pub(crate) fn table(findings: &[Finding]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(HEADINGS);
    for finding in findings {
        let row = &finding.row;
        table.add_row([
            format!("{}/{}", row.suite, row.case),
            row.peer.clone(),
            finding.unit.to_owned(),
            figure(row.ours_ns),
            figure(row.peer_ns),
            ratio(row.ratio),
            format!("{}–{}", ratio(row.spread[0]), ratio(row.spread[1])),
            format!("{} / {}", figure(row.ours_cpu_ns), figure(row.peer_cpu_ns)),
            goal(finding),
        ]);
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let notes: String = notes(findings)
        .iter()
        .map(|note| format!("\n{note}"))
        .collect();
    format!("{table}{notes}")
}

/// What the figures alone don't say.
pub(super) fn notes(findings: &[Finding]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for finding in findings {
        let about = format!("{} vs {}", finding.row.case, finding.row.peer);
        let same =
            |other: &&Finding| other.form == finding.form && other.row.peer == finding.row.peer;
        if let Some(form) = &finding.form {
            // A peer that always runs in one form is told of once.
            let note = match findings.iter().filter(same).count() {
                1 => format!("{about}: the peer ran as {form}."),
                _ => format!("{} ran as {form}.", finding.row.peer),
            };
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        if finding.unsettled > 0 {
            notes.push(format!(
                "{about}: {} of {} samples began while a pool was still running.",
                finding.unsettled,
                2 * (finding.samples + 1)
            ));
        }
    }
    notes
}

pub(super) fn goal(finding: &Finding) -> String {
    match finding.target() {
        Some(target) => format!("≤ {target} {}", finding.verdict()),
        None => finding.verdict().to_string(),
    }
}

/// Three figures that mean something, thousands set apart.
pub(super) fn figure(value: f64) -> String {
    match value.abs() {
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => grouped(value.round() as i64),
    }
}

fn grouped(value: i64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digit.is_ascii_digit() && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Two decimals; fewer where the ratio is far from one.
pub(super) fn ratio(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.2}")
    } else {
        figure(value)
    }
}
