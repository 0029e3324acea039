//! Efficiency against granularity, a panel for each pattern, as SVG.

use std::fmt::Write;

use super::figures::{Engine, Pattern, Results, time};

const COLUMNS: usize = 3;
/// A panel with its labels, and what of it is plotted on.
const PANEL: [f64; 2] = [300.0, 230.0];
const PLOT: [f64; 4] = [46.0, 30.0, 286.0, 190.0];
const HEAD: f64 = 56.0;
/// Colours that are told apart also without red or green, and dashes that are told apart without colour.
const STYLES: [(&str, &str); 3] = [("#0b62b8", ""), ("#6b6b6b", "2 3"), ("#c25b00", "7 3")];

/// The whole picture.
pub(crate) fn svg(results: &Results) -> String {
    let columns = results.patterns.len().clamp(1, COLUMNS);
    let rows = results.patterns.len().div_ceil(columns).max(1);
    let [width, height] = [
        columns as f64 * PANEL[0] + 10.0,
        rows as f64 * PANEL[1] + HEAD,
    ];
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"#222\" role=\"img\">\n\
         <title>Efficiency against granularity</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    legend(results, &mut svg);
    let range = Range::of(results);
    for (index, pattern) in results.patterns.iter().enumerate() {
        let x = (index % columns) as f64 * PANEL[0];
        let y = (index / columns) as f64 * PANEL[1] + HEAD;
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
        panel(pattern, &range, &mut svg);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn legend(results: &Results, svg: &mut String) {
    svg.push_str(
        "<text x=\"12\" y=\"18\" font-size=\"13\">Efficiency by the time of all threads for a task; a ring marks METG(50 %)</text>\n",
    );
    for (index, name) in results.engines().enumerate() {
        let x = 14.0 + 130.0 * index as f64;
        let (colour, dash) = style(index);
        let _ = writeln!(
            svg,
            "<line x1=\"{x}\" y1=\"38\" x2=\"{}\" y2=\"38\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
             <text x=\"{}\" y=\"42\">{name}</text>",
            x + 26.0,
            x + 32.0
        );
    }
}

/// The granularities that all panels show, as logarithms.
struct Range {
    least: f64,
    most: f64,
}

impl Range {
    fn of(results: &Results) -> Self {
        let engines = results.patterns.iter().flat_map(|pattern| &pattern.engines);
        let shown = engines.flat_map(|engine| {
            let points = engine.curve.0.iter().map(|point| point.granularity_ns);
            points.chain(engine.metg())
        });
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for ns in shown.filter(|ns| ns.is_finite() && *ns > 0.0) {
            least = least.min(ns.log10());
            most = most.max(ns.log10());
        }
        if least < most {
            Self { least, most }
        } else {
            // Nothing, or one point in the middle.
            let middle = if least.is_finite() { least } else { 3.0 };
            Self {
                least: middle - 1.0,
                most: middle + 1.0,
            }
        }
    }

    fn x(&self, ns: f64) -> f64 {
        let [left, _, right, _] = PLOT;
        let share = (ns.max(f64::MIN_POSITIVE).log10() - self.least) / (self.most - self.least);
        left + share * (right - left)
    }
}

fn y(efficiency: f64) -> f64 {
    let [_, top, _, bottom] = PLOT;
    // What was seen to be the best may be outdone a moment later.
    bottom - efficiency.clamp(0.0, 1.1) / 1.1 * (bottom - top)
}

fn panel(pattern: &Pattern, range: &Range, svg: &mut String) {
    let [left, top, right, bottom] = PLOT;
    let _ = writeln!(
        svg,
        "<text x=\"{left}\" y=\"{}\" font-size=\"12\" font-weight=\"bold\">{}</text>",
        top - 10.0,
        pattern.pattern
    );
    for percent in [0, 25, 50, 75, 100] {
        let at = y(f64::from(percent) / 100.0);
        let (colour, width) = if percent == 50 {
            ("#888", 1.2)
        } else {
            ("#ddd", 1.0)
        };
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{percent} %</text>",
            left - 5.0,
            at + 4.0
        );
    }
    for power in (range.least.ceil() as i32)..=(range.most.floor() as i32) {
        let ns = 10_f64.powi(power);
        let at = range.x(ns);
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{top}\" x2=\"{at:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 15.0,
            decade(ns)
        );
    }
    for (index, engine) in pattern.engines.iter().enumerate() {
        line(index, engine, range, svg);
    }
}

fn line(index: usize, engine: &Engine, range: &Range, svg: &mut String) {
    let (colour, dash) = style(index);
    let points: Vec<String> = engine
        .curve
        .0
        .iter()
        .filter(|point| point.granularity_ns.is_finite() && point.efficiency.is_finite())
        .map(|point| {
            let x = range.x(point.granularity_ns);
            format!("{x:.1},{:.1}", y(point.efficiency))
        })
        .collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>",
        points.join(" ")
    );
    if let Some(ns) = engine.metg() {
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"#fff\" stroke=\"{colour}\" stroke-width=\"2\"><title>{}: {}</title></circle>",
            range.x(ns),
            y(0.5),
            engine.name,
            time(ns)
        );
    }
}

/// A power of ten without decimals.
fn decade(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.0} µs", ns / 1e3),
        ns => format!("{:.0} ms", ns / 1e6),
    }
}

fn style(index: usize) -> (&'static str, &'static str) {
    STYLES[index % STYLES.len()]
}
