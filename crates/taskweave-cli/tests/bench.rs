//! What `taskweave bench` prints and writes when all is well. Times are looked at for being there, never for how long they are.

mod common;

use std::fs::File;

use common::{Folder, Outcome};
use serde_json::Value;

/// As little as can be measured.
const LITTLE: [&str; 4] = ["bench", "--quick", "--tasks", "64"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&LITTLE[..], more].concat()
}

fn json(folder: &Folder, more: &[&str]) -> Value {
    let text = folder.run(with(&[&["--json"], more].concat())).success();
    assert_eq!(text.matches('\n').count(), 1, "one object on one line");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key]
        .as_array()
        .unwrap_or_else(|| panic!("{key} is no list: {value}"))
}

#[test]
fn five_patterns_are_compared_by_default() {
    let folder = Folder::new("bench_default");
    let report = json(&folder, &[]);
    let names: Vec<&str> = list(&report, "patterns")
        .iter()
        .filter_map(|pattern| pattern["pattern"].as_str())
        .collect();
    assert_eq!(names, ["stencil_1d", "fft", "no_comm", "nearest", "spread"]);
    assert_eq!(
        (&report["width"], &report["quick"]),
        (&8.into(), &true.into())
    );
    assert_eq!(report["patterns"][3]["radix"], 5);
    assert_eq!(list(&report, "geomean").len(), 3);
    assert_eq!(folder.names(), ["bench.html", "bench.svg"]);
}

#[test]
fn every_engine_has_a_curve() {
    let folder = Folder::new("bench_curve");
    let report = json(
        &folder,
        &["--pattern", "tree", "--pattern", "dom", "--pattern", "tree"],
    );
    let patterns = list(&report, "patterns");
    assert_eq!(patterns.len(), 2, "each once");
    for pattern in patterns {
        let engines = list(pattern, "engines");
        let names: Vec<&Value> = engines.iter().map(|engine| &engine["engine"]).collect();
        assert_eq!(names, ["taskweave", "sequential", "spinning"]);
        assert_eq!(engines[1]["threads"], 1, "a loop has one thread");
        for engine in engines {
            let curve = list(engine, "curve");
            let iterations: Vec<u64> = curve
                .iter()
                .filter_map(|point| point["iterations"].as_u64())
                .collect();
            assert_eq!(iterations, [1, 4, 16, 64, 256]);
            for point in curve {
                assert!(point["granularity_ns"].as_f64().is_some_and(|ns| ns > 0.0));
                assert!(
                    point["efficiency"]
                        .as_f64()
                        .is_some_and(|share| share > 0.0)
                );
            }
        }
    }
}

#[test]
fn one_worker_and_one_point_are_enough() {
    let folder = Folder::new("bench_one");
    let report = json(&folder, &["--width", "1", "--pattern", "no_comm"]);
    assert_eq!(report["worker_threads"], 1);
    let report = json(&folder, &["-w", "1", "--pattern", "no_comm"]);
    assert_eq!(
        (&report["worker_threads"], &report["width"]),
        (&1.into(), &8.into())
    );
}

#[test]
fn the_table_has_a_line_for_each_pattern() {
    let folder = Folder::new("bench_table");
    let text = folder
        .run(with(&["--pattern", "fft", "--pattern", "trivial"]))
        .success();
    for start in [" pattern ", " fft ", " trivial ", " geometric mean "] {
        assert_eq!(
            text.lines().filter(|line| line.starts_with(start)).count(),
            1,
            "{start:?} in {text}"
        );
    }
    assert!(text.contains("METG(50 %) with "), "{text}");
    assert!(
        text.ends_with("is in bench.svg, and with these figures in bench.html\n"),
        "{text}"
    );
}

#[test]
fn quiet_is_one_line() {
    let folder = Folder::new("bench_quiet");
    let text = folder.run(with(&["-q", "--pattern", "fft"])).success();
    assert!(
        text.starts_with("METG(50 %) with ") && text.ends_with("(1 pattern)\n"),
        "{text}"
    );
    assert_eq!(text.matches('\n').count(), 1);
}

/// A browser that opens it has nothing to ask a server for.
#[test]
fn the_page_needs_no_network() {
    let folder = Folder::new("bench_page");
    folder
        .run(with(&["-q", "--pattern", "fft", "--html", "page.html"]))
        .success();
    let page = folder.read("page.html");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.contains("<polyline") && page.contains("<td>fft</td>"));
    let asks = [
        "src=", "href=", "url(", "@import", "<script", "<link", "<iframe", "<object", "<image",
    ];
    for ask in asks {
        assert!(!page.contains(ask), "{ask} in {page}");
    }
    // The only address is the name of SVG's namespace, which nobody fetches.
    assert_eq!(page.matches("://").count(), 1);
    assert!(page.contains("xmlns=\"http://www.w3.org/2000/svg\""));
    let plot = folder.read("bench.svg");
    assert!(plot.starts_with("<svg") && plot.ends_with("</svg>\n"));
    assert!(page.contains(&plot), "the page shows the plot");
}

/// Each opened element is closed by its own end, in both files.
#[test]
fn markup_is_balanced() {
    let folder = Folder::new("bench_balanced");
    folder.run(with(&["-q", "--pattern", "fft"])).success();
    for name in ["bench.svg", "bench.html"] {
        let text = folder.read(name);
        let mut open: Vec<&str> = Vec::new();
        for piece in text.split('<').skip(1) {
            let (tag, _) = piece.split_once('>').expect("a tag ends");
            let element = tag.split_whitespace().next().unwrap_or(tag);
            if let Some(closed) = element.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "in {name}");
            } else if !tag.ends_with('/') && !["!doctype", "meta"].contains(&element) {
                open.push(element);
            }
        }
        assert_eq!(open, [""; 0], "in {name}");
    }
}

#[test]
fn without_a_terminal_there_is_neither_bar_nor_colour() {
    let folder = Folder::new("bench_plain");
    let outcome = folder.run(with(&["--pattern", "trivial"]));
    assert!(!outcome.stdout.contains('\u{1b}'));
    assert_eq!(outcome.stderr, "");
    let mut program = folder.program(with(&["--pattern", "trivial"]));
    let outcome = Outcome::of(program.env("NO_COLOR", "1"));
    assert!(!outcome.stdout.contains('\u{1b}'));
}

#[test]
fn a_reader_who_left_is_no_error_and_the_files_are_written() {
    let folder = Folder::new("bench_closed");
    let (reader, writer) = std::io::pipe().expect("pipes can be made");
    drop(reader);
    let outcome = Outcome::of(
        folder
            .program(with(&["--pattern", "trivial"]))
            .stdout(writer),
    );
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert_eq!(folder.names(), ["bench.html", "bench.svg"]);
}

#[test]
fn standard_output_that_is_full_leaves_no_files() {
    let folder = Folder::new("bench_full");
    let full = File::options().write(true).open("/dev/full");
    let mut program = folder.program(with(&["--pattern", "trivial"]));
    let outcome = Outcome::of(program.stdout(full.expect("Linux has /dev/full")));
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        outcome.stderr,
        "taskweave: standard output: can't write: No space left on device (os error 28)\n"
    );
    assert_eq!(folder.names(), [] as [&str; 0]);
}

#[test]
fn more_workers_than_processors_are_refused() {
    let folder = Folder::new("bench_many_workers");
    // More than any machine has: a width of so many is allowed, and the processors come first.
    let outcome = folder.run(["bench", "--width", "1024", "-w", "1000000"]);
    assert_eq!(outcome.code, Some(2));
    assert!(
        outcome
            .stderr
            .contains("invalid value '1000000' for '--worker-threads <N>': there are ")
            && outcome.stderr.contains("(see `taskweave bench --help`)"),
        "{}",
        outcome.stderr
    );
    assert_eq!(folder.names(), [] as [&str; 0]);
}
