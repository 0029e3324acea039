use serde_json::Value;

use super::{
    FillError, Finding, fill, json, markdown,
    row::Row,
    table,
    table::{figure, ratio},
};
use crate::suites::Suite;

fn finding(suite: Suite, case: &str, peer: &str, ratio: f64) -> Finding {
    Finding {
        row: Row {
            suite,
            case: case.to_owned(),
            workers: 2,
            ours_ns: 10.0 * ratio,
            peer: peer.to_owned(),
            peer_ns: 10.0,
            ratio,
            ours_cpu_ns: 20.0 * ratio,
            peer_cpu_ns: 20.0,
            spread: [0.9 * ratio, 1.1 * ratio],
        },
        unit: "join",
        samples: 51,
        unsettled: 0,
        form: None,
    }
}

#[test]
fn json_has_exactly_the_agreed_keys() {
    let text = json(&[finding(Suite::Kernel, "fib", "rayon", 0.5)]);
    let rows: Value = serde_json::from_str(&text).unwrap();
    let row = rows[0].as_object().unwrap();
    let mut keys: Vec<&str> = row.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "case",
            "ours_cpu_ns",
            "ours_ns",
            "peer",
            "peer_cpu_ns",
            "peer_ns",
            "ratio",
            "spread",
            "suite",
            "workers"
        ]
    );
    assert_eq!(row["suite"], "kernel");
    assert_eq!(row["spread"].as_array().unwrap().len(), 2);
    assert_eq!(json(&[]), "[]\n");
}

#[test]
fn json_comes_back_as_it_was() {
    let finding = finding(Suite::Slam, "iteration", "gtsam", 0.25);
    let rows: Vec<Row> = serde_json::from_str(&json(std::slice::from_ref(&finding))).unwrap();
    assert_eq!(rows, [finding.row]);
}

#[test]
fn the_page_shows_losses_first() {
    let page = markdown(
        &[
            finding(Suite::Kernel, "fib", "rayon", 0.5),
            finding(Suite::Kernel, "fib", "sequential", 3.0),
            finding(Suite::Kernel, "fib", "chili", 1.1),
            finding(Suite::Kernel, "steal one", "crossbeam", 1.2),
            finding(Suite::Kernel, "loop sum", "rayon", 2.5),
        ],
        "A machine.",
    );
    let place = |text: &str| {
        page.find(text)
            .unwrap_or_else(|| panic!("no {text} in {page}"))
    };
    assert!(place("| loop sum |") < place("| steal one |"));
    assert!(place("| steal one |") < place("| fib | chili"));
    assert!(place("| fib | chili") < place("| fib | rayon"));
    assert!(place("| fib | rayon") < place("| fib | sequential"));
    assert!(page.contains("met: 1; missed: 2; rows without a target: 2"));
    assert!(page.contains("**≤ 1 missed**"));
}

#[test]
fn the_table_tells_what_the_figures_do_not() {
    let mut found = finding(Suite::Spawn, "fan-out", "rayon", 0.3);
    found.unsettled = 2;
    found.form = Some("a special form".to_owned());
    let table = table(&[found]);
    assert!(table.contains("≤ 0.35 met"), "{table}");
    assert!(table.contains("2 of 104 samples"), "{table}");
    assert!(table.contains("a special form"), "{table}");
}

#[test]
fn a_form_that_many_rows_share_is_told_of_once() {
    let mut first = finding(Suite::Graph, "chain 2^16", "tbb", 0.3);
    first.form = Some("a flow graph".to_owned());
    let mut second = first.clone();
    second.row.case = "wavefront 256²".to_owned();
    let table = table(&[first, second]);
    assert_eq!(table.matches("a flow graph").count(), 1, "{table}");
    assert!(table.contains("tbb ran as a flow graph."), "{table}");
}

#[test]
fn figures_are_short() {
    assert_eq!(figure(2.894), "2.89");
    assert_eq!(figure(28.94), "28.9");
    assert_eq!(figure(289.4), "289");
    assert_eq!(figure(1_234_567.0), "1 234 567");
    assert_eq!(ratio(0.753), "0.75");
    assert_eq!(ratio(153.2), "153");
}

const PAGE: &str = "\
# By hand
<!-- figures: kernel -->
old kernel
<!-- end of figures -->
in between
<!-- figures: slam -->
old slam
<!-- end of figures -->
<!-- figures: comparison -->
<!-- end of figures -->
the end
";

#[test]
fn a_page_keeps_all_but_the_figures_of_this_run() {
    let rows = [
        finding(Suite::Kernel, "fib", "rayon", 0.5),
        finding(Suite::Kernel, "fib", "chili", 1.5),
    ];
    let page = fill(PAGE, &rows, "A machine.").unwrap().unwrap();
    for kept in [
        "# By hand\n",
        "\nin between\n",
        "\nold slam\n",
        "\nthe end\n",
    ] {
        assert!(page.contains(kept), "{kept:?} in {page}");
    }
    assert!(!page.contains("old kernel"));
    assert!(page.contains("A machine.\n\nTargets met: 1; missed: 0; rows without a target: 1.\n"));
    assert!(page.contains("| fib | rayon | join |"), "{page}");
    let chili = page.find("| a `join` | chili | 15.0 | 10.0 | 1.50 |");
    let rayon = page.find("| a `join` | rayon | 5.00 | 10.0 | 0.50 |");
    assert!(chili.unwrap() < rayon.unwrap(), "losses first");
    // Filled again, it doesn't change.
    assert_eq!(fill(&page, &rows, "A machine.").unwrap().unwrap(), page);
    assert_eq!(fill(PAGE, &[], "A machine.").unwrap().unwrap(), PAGE);
}

#[test]
fn each_peer_of_task_bench_is_compared() {
    let rows = [
        finding(Suite::Taskbench, "metg geomean w8 tbb", "tbb", 0.5),
        finding(Suite::Taskbench, "metg geomean w2 tbb", "tbb", 0.6),
        finding(Suite::Taskbench, "metg fft w8 tbb", "tbb", 0.7),
        finding(Suite::Graph, "chain 2^16", "sequential", 20.0),
        finding(Suite::Slam, "iteration", "sequential", 0.6),
    ];
    let page = fill(PAGE, &rows, "A machine.").unwrap().unwrap();
    assert_eq!(page.matches("| tbb |").count(), 1, "{page}");
    assert_eq!(
        page.matches("| sequential |").count(),
        2,
        "in the suite's own table, and here: {page}"
    );
}

#[test]
fn a_page_without_places_is_not_filled() {
    assert_eq!(fill("", &[], ""), Ok(None));
    assert_eq!(fill("# By hand\n", &[], ""), Ok(None));
}

#[test]
fn a_place_that_cannot_be_filled_is_an_error() {
    let error = fill(
        "\n<!-- figures: fish -->\n<!-- end of figures -->\n",
        &[],
        "",
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("line 2 begins figures of `fish`"),
        "{error}"
    );
    let error = fill("<!-- figures: slam -->\n", &[], "").unwrap_err();
    assert_eq!(error, FillError::Endless { line: 1 });
}
