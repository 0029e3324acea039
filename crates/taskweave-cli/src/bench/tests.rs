use taskweave_taskbench::Pattern as Name;

use super::figures::{Curve, Engine, Pattern, Point, Results, median, shown, time};
use super::{chart, page, table};

fn engine(name: &'static str, metg_ns: &[f64]) -> Engine {
    let point = |granularity_ns: f64| Point {
        iterations: 1,
        granularity_ns,
        efficiency: granularity_ns / 1000.0,
    };
    Engine {
        name,
        threads: 2,
        metg_ns: metg_ns.to_vec(),
        at_most: false,
        curve: Curve([100.0, 500.0, 900.0].map(point).to_vec()),
    }
}

fn results(patterns: &[Name], ours: &[f64]) -> Results {
    let pattern = |&pattern: &Name| Pattern {
        pattern,
        radix: 3,
        engines: vec![
            engine("taskweave", ours),
            engine("sequential", &[100.0]),
            engine("spinning", &[200.0, 220.0]),
        ],
    };
    Results {
        workers: 2,
        width: 8,
        rounds: 2,
        patterns: patterns.iter().map(pattern).collect(),
    }
}

#[test]
fn medians_are_in_the_middle() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(&[4.0, 1.0]), 2.5);
    assert!(median(&[]).is_nan());
}

#[test]
fn times_have_three_figures() {
    assert_eq!(time(9.876), "9.88 ns");
    assert_eq!(time(98.76), "98.8 ns");
    assert_eq!(time(987.6), "988 ns");
    assert_eq!(time(9876.0), "9.88 µs");
    assert_eq!(time(98_765_432.0), "98.8 ms");
}

#[test]
fn an_engine_that_never_gets_there_has_no_mean() {
    let results = results(&[Name::Fft, Name::Nearest], &[]);
    assert_eq!(results.geomean(0), None);
    assert!((results.geomean(1).unwrap() - 100.0).abs() < 1e-9);
    assert_eq!(
        table::last_line(&results),
        "METG(50 %) with 2 workers: taskweave never, sequential 100 ns, spinning 210 ns (geometric mean over 2 patterns)\n"
    );
    let page = page::html(&results, "a machine");
    assert!(page.contains("<td>never</td>") && page.contains("<td>–</td>"));
    assert!(page.contains("<p>never: half of"));
}

#[test]
fn the_smallest_tasks_that_there_are_show_as_a_bound() {
    let mut one = engine("taskweave", &[50.0]);
    one.at_most = true;
    assert_eq!(shown(&one), "≤ 50.0 ns");
}

#[test]
fn plots_have_a_panel_for_each_pattern_and_a_line_for_each_engine() {
    for count in [1, 2, 3, 4, 11] {
        let svg = chart::svg(&results(&Name::ALL[..count], &[300.0]));
        assert_eq!(svg.matches("<polyline").count(), 3 * count);
        assert_eq!(svg.matches("<circle").count(), 3 * count);
        assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

#[test]
fn a_plot_of_nothing_is_a_plot() {
    let mut results = results(&[Name::Fft], &[]);
    for engine in &mut results.patterns[0].engines {
        engine.curve.0.clear();
        engine.metg_ns.clear();
    }
    let svg = chart::svg(&results);
    assert!(
        svg.contains("<polyline points=\"\"") && !svg.contains("NaN"),
        "{svg}"
    );
}

#[test]
fn what_a_machine_is_called_is_no_markup() {
    let page = page::html(&results(&[Name::Fft], &[300.0]), "<b>\"A&B\"</b>");
    assert!(page.contains("&lt;b&gt;&quot;A&amp;B&quot;&lt;/b&gt;"));
}
