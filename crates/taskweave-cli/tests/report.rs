//! What `taskweave slam` prints and writes when all is well.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use common::{Folder, Outcome, TWO_POSES};
use serde_json::Value;

/// The small map that comes with the job, and the value that other programs find.
const W100: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../apps/slam/data/w100.graph"
);
const W100_CHI2: f64 = 1.137855;

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let text = folder
        .run(["slam", "--json"].iter().chain(arguments))
        .success();
    assert_eq!(text.matches('\n').count(), 1, "one object on one line");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The field of every iteration.
fn column(report: &Value, key: &str) -> Vec<Option<f64>> {
    let iterations = report["iterations"].as_array().expect("a list");
    iterations
        .iter()
        .map(|iteration| iteration.get(key).and_then(Value::as_f64))
        .collect()
}

/// Asserts that every iteration allocates `each` times, the first one too.
#[track_caller]
fn assert_allocations(report: &Value, each: u64) {
    assert_eq!(report["allocations_per_iteration"], each, "{report}");
    let counts: Vec<u64> = column(report, "allocations")
        .into_iter()
        .map(|count| count.expect("a count") as u64)
        .collect();
    assert!(counts.iter().all(|count| *count == each), "{counts:?}");
}

#[test]
fn the_known_answer_is_found() {
    let folder = Folder::new("report_w100");
    let report = json(&folder, &[W100]);
    let chi2 = report["chi2"].as_f64().expect("a number");
    assert!((chi2 - W100_CHI2).abs() < 1e-6, "{chi2}");
    assert_eq!(report["poses"], 100);
    assert_eq!(report["constraints"], 300);
    assert_eq!(report["converged"], true);
    assert!(column(&report, "sequential_ns").iter().all(Option::is_some));
    assert!(column(&report, "parallel_ns").iter().all(Option::is_some));
    let after = column(&report, "chi2");
    assert_eq!(after.last(), Some(&Some(chi2)));
    assert!(
        after.windows(2).all(|pair| pair[1] <= pair[0]),
        "χ² falls: {after:?}"
    );
}

#[test]
fn no_argument_at_all_runs_the_job() {
    let folder = Folder::new("report_no_argument");
    let text = folder.run([] as [&str; 0]).success();
    assert!(
        text.contains("χ² = 289.73476 found after 9 iterations"),
        "{text}"
    );
    assert!(text.contains(", 0 allocations\n"), "{text}");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|row: &Vec<&str>| {
            row.first()
                .is_some_and(|first| first.parse::<u32>().is_ok())
        })
        .collect();
    assert_eq!(rows.len(), 9, "{text}");
    for row in rows {
        assert_eq!(row.last(), Some(&"0"), "no iteration allocates:\n{text}");
    }
    assert!(
        text.starts_with("w10000.graph: 10000 poses, 64311 constraints; "),
        "{text}"
    );
    // "one iteration: N tasks, ..."
    let tasks = text
        .split("one iteration: ")
        .nth(1)
        .and_then(|rest| rest.split(',').next())
        .expect("the head of the report");
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = fs::read_to_string(readme).expect("the project's own file");
    assert!(
        readme.contains(&format!("one static graph of {tasks}, built once")),
        "the README doesn't say {tasks}"
    );
    assert_eq!(folder.names(), ["slam.svg"]);
    let picture = folder.read("slam.svg");
    assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
}

#[test]
fn a_vertex_that_allocates_is_counted() {
    let folder = Folder::new("report_allocating");
    let none = json(&folder, &[W100]);
    assert_allocations(&none, 0);
    let some = json(&folder, &[W100, "--allocating-vertex", "7"]);
    assert_allocations(&some, 7);
    let text = folder
        .run(["slam", W100, "--allocating-vertex", "7"])
        .success();
    assert!(text.contains(", 7 allocations\n"), "{text}");
}

#[test]
fn worker_counts_give_the_same_map() {
    let folder = Folder::new("report_workers");
    let chi2 = |workers: &str| json(&folder, &[W100, "--worker-threads", workers])["chi2"].clone();
    let one = chi2("1");
    for workers in ["2", "3", "64"] {
        assert_eq!(chi2(workers), one, "{workers} workers");
    }
}

#[test]
fn quiet_is_one_line() {
    let folder = Folder::new("report_quiet");
    let text = folder.run(["slam", W100, "--quiet"]).success();
    assert!(
        text.starts_with("χ² = 1.13785 found after ") && text.ends_with(" ms\n"),
        "{text}"
    );
    assert_eq!(text.matches('\n').count(), 1);
}

#[test]
fn sequential_has_no_pool_in_its_report() {
    let folder = Folder::new("report_sequential");
    let report = json(&folder, &[W100, "--sequential"]);
    assert!(
        report.get("worker_threads").is_none() && report.get("parallel_ns").is_none(),
        "{report}"
    );
    assert!(column(&report, "sequential_ns").iter().all(Option::is_some));
    assert_allocations(&report, 0);
    let text = folder.run(["slam", W100, "--sequential"]).success();
    assert!(
        text.contains("on the calling thread") && !text.contains("steals"),
        "{text}"
    );
}

#[test]
fn iterations_end_it_early() {
    let folder = Folder::new("report_iterations");
    let report = json(&folder, &[W100, "--iterations", "2"]);
    assert_eq!(report["converged"], false);
    assert_eq!(column(&report, "chi2").len(), 2);
}

#[test]
fn the_graph_has_every_task_and_edge() {
    let folder = Folder::new("report_dot");
    let report = json(&folder, &[W100, "--dot", "slam.dot"]);
    let dot = folder.read("slam.dot");
    assert_eq!(
        dot.matches(" -> ").count() as u64,
        report["edges"].as_u64().expect("a count")
    );
    assert_eq!(
        dot.matches("[label=").count() as u64,
        report["tasks"].as_u64().expect("a count")
    );
    assert_eq!(folder.names(), ["slam.dot", "slam.svg"]);
}

#[test]
fn what_stood_there_is_replaced_and_a_link_stays_a_link() {
    let folder = Folder::new("report_replace");
    folder.write("two.graph", TWO_POSES);
    folder.write("real.svg", "old");
    symlink("real.svg", folder.path("slam.svg")).expect("links can be made");
    folder.run(["slam", "two.graph", "-q"]).success();
    assert!(folder.read("real.svg").starts_with("<svg"));
    assert!(
        fs::symlink_metadata(folder.path("slam.svg"))
            .expect("it is there")
            .is_symlink()
    );
    assert_eq!(folder.names(), ["real.svg", "slam.svg", "two.graph"]);
}

#[test]
fn a_link_to_no_file_yet_gets_its_file() {
    let folder = Folder::new("report_dangling");
    folder.write("two.graph", TWO_POSES);
    symlink("real.svg", folder.path("slam.svg")).expect("links can be made");
    folder.run(["slam", "two.graph", "-q"]).success();
    assert!(folder.read("real.svg").starts_with("<svg"));
    assert!(
        fs::symlink_metadata(folder.path("slam.svg"))
            .expect("it is there")
            .is_symlink()
    );
}

#[test]
fn a_private_picture_stays_private_and_a_hard_link_stays_one() {
    let folder = Folder::new("report_private");
    folder.write("two.graph", TWO_POSES);
    folder.write("slam.svg", "old");
    folder.write("slam.dot", "old");
    fs::hard_link(folder.path("slam.dot"), folder.path("second.dot")).expect("links can be made");
    fs::set_permissions(folder.path("slam.svg"), fs::Permissions::from_mode(0o600))
        .expect("the test's own file");
    folder
        .run(["slam", "two.graph", "-q", "--dot", "slam.dot"])
        .success();
    let mode = fs::metadata(folder.path("slam.svg"))
        .expect("it is there")
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert!(folder.read("second.dot").starts_with("digraph"));
    assert_eq!(
        folder.names(),
        ["second.dot", "slam.dot", "slam.svg", "two.graph"]
    );
}

#[test]
fn what_a_dead_process_of_the_same_number_left_is_in_nobodys_way() {
    let folder = Folder::new("report_stale");
    folder.write("two.graph", TWO_POSES);
    let script = r#"touch .taskweave.$$.0.new .taskweave.$$.1.new; exec "$0" slam two.graph -q"#;
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script, env!("CARGO_BIN_EXE_taskweave")])
        .current_dir(folder.path("."));
    Outcome::of(&mut shell).success();
    assert!(folder.read("slam.svg").starts_with("<svg"));
    assert_eq!(folder.names().len(), 4);
}

#[test]
fn the_longest_name_is_no_longer_than_it_may_be() {
    let folder = Folder::new("report_long");
    folder.write("two.graph", TWO_POSES);
    let name = "x".repeat(251) + ".svg";
    for _ in 0..2 {
        folder
            .run(["slam", "two.graph", "-q", "--svg", &name])
            .success();
        assert!(folder.read(&name).starts_with("<svg"));
    }
}

/// The picture through a pipe, by whatever name; the report goes where it always goes.
#[test]
fn a_pipe_gets_the_picture() {
    let folder = Folder::new("report_to_pipe");
    folder.write("two.graph", TWO_POSES);
    let text = folder
        .run(["slam", "two.graph", "-q", "--svg", "/dev/stdout"])
        .success();
    let (picture, report) = text
        .split_once("</svg>\n")
        .expect("the picture comes first");
    assert!(picture.starts_with("<svg") && report.starts_with("χ² = "));
    // As a shell hands over a process to write to.
    let mut shell = Command::new("sh");
    let script = r#""$0" slam two.graph -q --svg /dev/fd/3 3>&1 >report | cat"#;
    shell
        .args(["-c", script, env!("CARGO_BIN_EXE_taskweave")])
        .current_dir(folder.path("."));
    let picture = Outcome::of(&mut shell).success();
    assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
    assert!(folder.read("report").starts_with("χ² = "));
    assert_eq!(folder.names(), ["report", "two.graph"]);
}

#[test]
fn a_device_is_written_and_not_replaced() {
    let folder = Folder::new("report_device");
    folder.write("two.graph", TWO_POSES);
    folder
        .run(["slam", "two.graph", "-q", "--svg", "/dev/null"])
        .success();
    assert!(!fs::metadata("/dev/null").expect("it is there").is_file());
    assert_eq!(folder.names(), ["two.graph"]);
}

#[test]
fn a_map_from_a_pipe_is_read() {
    let folder = Folder::new("report_pipe");
    folder.write("two.graph", TWO_POSES);
    let map = fs::File::open(folder.path("two.graph")).expect("just written");
    let text = Outcome::of(folder.program(["slam", "-q", "/dev/stdin"]).stdin(map)).success();
    assert!(text.starts_with("χ² = 0.00000 found"), "{text}");
}

#[test]
fn a_reader_who_left_is_no_error_and_the_picture_is_written() {
    let folder = Folder::new("report_closed");
    folder.write("two.graph", TWO_POSES);
    let (reader, writer) = std::io::pipe().expect("pipes can be made");
    drop(reader);
    let outcome = Outcome::of(folder.program(["slam", "two.graph"]).stdout(writer));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert_eq!(folder.names(), ["slam.svg", "two.graph"]);
}

#[test]
fn without_a_terminal_there_is_neither_bar_nor_colour() {
    let folder = Folder::new("report_plain");
    let outcome = folder.run(["slam", W100]);
    assert!(!outcome.stdout.contains('\u{1b}'));
    assert_eq!(outcome.stderr, "");
}
