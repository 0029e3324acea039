//! One page with everything, which asks nobody for anything: no script, no font, no picture from elsewhere.

use std::fmt::Write;

use super::chart;
use super::figures::{NEVER, Results, WHY, shown, time};
use super::table::{mean, over_floor, rounds, workers};

const STYLE: &str = "\
body { font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; background: #fff }
table { border-collapse: collapse; margin: 1em 0 }
th, td { padding: .25em .9em; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
tr.mean td { font-weight: bold }
svg { max-width: 100%; height: auto }
";

const METHOD: &str = "\
<p>A graph is a grid of steps and points; a task is a point of a step and reads points of the step before, which ones is what patterns differ in. Every task
checks every byte that it reads, writes an output of its own, and computes. From left to right in the plots the tasks grow, and the graph stays the same.
<em>Granularity</em> is the time of all threads divided by the number of tasks, <em>efficiency</em> what was computed in a second against the best that the
same threads were seen to do a moment before, without waiting for anybody. <strong>METG(50&nbsp;%)</strong> is the smallest granularity at which efficiency is one half: it is
found by bisection and interpolated.</p>
<p><em>taskweave</em> is one static graph, built once and run again. <em>sequential</em> is a loop on one thread, held against what one thread can do.
<em>spinning</em> has threads that own a part of each step and spin until their inputs are there: a floor, since it decides nothing and can balance nothing.
Engines take turns; the figures are medians over the rounds. On a machine with other work all of them are worse, the spinning one most.</p>
<p>After E. Slaughter et al., “Task Bench: a parameterized benchmark for evaluating parallel runtime performance”, SC 2020.</p>
";

/// The page.
pub(crate) fn html(results: &Results, machine: &str) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Taskweave: how small tasks may be</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>How small tasks may be</h1>\n<p>{}; {}, {} points a step, {}.</p>\n",
        escape(machine),
        workers(results.workers),
        results.width,
        rounds(results.rounds)
    );
    page.push_str("<h2>METG(50&nbsp;%)</h2>\n");
    table(results, &mut page);
    page.push_str("<h2>Efficiency against granularity</h2>\n");
    page.push_str(&chart::svg(results));
    page.push_str("<h2>What was measured</h2>\n");
    page.push_str(METHOD);
    page.push_str("</body>\n</html>\n");
    page
}

fn table(results: &Results, page: &mut String) {
    page.push_str("<table>\n<tr><th>pattern</th>");
    for name in results.engines() {
        let _ = write!(page, "<th>{}</th>", escape(name));
    }
    page.push_str("<th>ours / floor</th></tr>\n");
    for pattern in &results.patterns {
        let _ = write!(page, "<tr><td>{}</td>", escape(pattern.pattern.name()));
        for engine in &pattern.engines {
            let range = engine.range().map_or_else(String::new, |[least, most]| {
                format!(" title=\"{} to {}\"", time(least), time(most))
            });
            let _ = write!(page, "<td{range}>{}</td>", shown(engine));
        }
        let metg = |at: usize| pattern.engines.get(at).and_then(|engine| engine.metg());
        let ratio = over_floor(metg(0), metg(pattern.engines.len().saturating_sub(1)));
        let _ = writeln!(page, "<td>{ratio}</td></tr>");
    }
    if results.patterns.len() > 1 {
        let count = results.engines().count();
        page.push_str("<tr class=\"mean\"><td>geometric mean</td>");
        for index in 0..count {
            let _ = write!(page, "<td>{}</td>", mean(results, index));
        }
        let ratio = over_floor(results.geomean(0), results.geomean(count.saturating_sub(1)));
        let _ = writeln!(page, "<td>{ratio}</td></tr>");
    }
    page.push_str("</table>\n");
    if results.has_gaps() {
        let _ = writeln!(page, "<p>{NEVER}: {WHY}.</p>");
    }
}

/// Text that is no markup, whatever it says.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
