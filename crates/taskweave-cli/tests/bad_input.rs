//! What can't be done is said in one line that names file, line and cause, with exit code 2 and nothing half done.

mod common;

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use common::{Folder, Outcome, TWO_POSES};

/// One test for each map that must be refused: its name, its text, and the line that says why.
macro_rules! bad_maps {
    ($($name:ident: $text:expr => $expected:expr;)*) => {$(
        #[test]
        fn $name() {
            let folder = Folder::new(concat!("bad_map_", stringify!($name)));
            folder.write("bad.graph", $text);
            folder.assert_refused(["slam", "bad.graph"], $expected);
        }
    )*};
}

bad_maps! {
    nothing: "" => "bad.graph: holds no records";
    blanks_and_comments: "\n  \n# a comment\n" => "bad.graph: holds no records";
    unknown_record: "VERTEX2 0 0 0 0\nVERTEX3 1 0 0 0 0 0 0\n" => "bad.graph:2: unknown record `VERTEX3`; known are VERTEX2, EDGE2, EQUIV (ignored), VERTEX_SE2, EDGE_SE2, FIX";
    lower_case_record: "vertex2 0 0 0 0\n" => "bad.graph:1: unknown record `vertex2`; known are VERTEX2, EDGE2, EQUIV (ignored), VERTEX_SE2, EDGE_SE2, FIX";
    missing_field: "VERTEX2 0 0 0\n" => "bad.graph:1: VERTEX2 ends before its theta";
    missing_information: "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nEDGE2 0 1 1 0 0 1 0 1 1 0\n" => "bad.graph:3: EDGE2 ends before its I_yt";
    extra_field: "VERTEX2 0 0 0 0 0\n" => "bad.graph:1: VERTEX2 has 4 fields, but `0` follows them";
    not_a_number: "VERTEX2 0 0 north 0\n" => "bad.graph:1: y is `north`, which is not a number";
    decimal_comma: "VERTEX2 0 0,5 0 0\n" => "bad.graph:1: x is `0,5`, which is not a number";
    not_a_number_at_all: "VERTEX2 0 0 NaN 0\n" => "bad.graph:1: y is `NaN`, which is not finite";
    infinite: "VERTEX2 0 0 0 0\nVERTEX2 1 -inf 0 0\n" => "bad.graph:2: x is `-inf`, which is not finite";
    too_large_for_a_double: "VERTEX2 0 0 1e999 0\n" => "bad.graph:1: y is `1e999`, which is not finite";
    nan_in_a_measurement: "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nEDGE2 0 1 1 nan 0 1 0 1 1 0 0\n" => "bad.graph:3: dy is `nan`, which is not finite";
    nan_in_an_information: "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nEDGE2 0 1 1 0 0 nan 0 1 1 0 0\n" => "bad.graph:3: I_xx is `nan`, which is not finite";
    negative_id: "VERTEX2 -1 0 0 0\n" => "bad.graph:1: id is `-1`, which is not a whole number from 0 to 2^64 - 1";
    fractional_id: "VERTEX2 0.5 0 0 0\n" => "bad.graph:1: id is `0.5`, which is not a whole number from 0 to 2^64 - 1";
    id_past_64_bits: "VERTEX2 18446744073709551616 0 0 0\n" => "bad.graph:1: id is `18446744073709551616`, which is not a whole number from 0 to 2^64 - 1";
    id_that_is_a_word: "VERTEX2 zero 0 0 0\n" => "bad.graph:1: id is `zero`, which is not a whole number from 0 to 2^64 - 1";
    vertex_twice: "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nVERTEX2 0 5 5 0\n" => "bad.graph:3: vertex 0 is already given in line 1";
    unknown_vertex: "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nEDGE2 0 7 1 0 0 1 0 1 1 0 0\n" => "bad.graph:3: vertex 7 is nowhere in the file";
    edge_to_itself: "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nEDGE2 1 1 1 0 0 1 0 1 1 0 0\n" => "bad.graph:3: an edge from vertex 1 to itself";
    fixed_unknown_vertex: "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 1 0 0\nFIX 3\nEDGE_SE2 0 1 1 0 0 1 0 0 1 0 1\n" => "bad.graph:3: vertex 3 is nowhere in the file";
    fixed_nothing: "VERTEX_SE2 0 0 0 0\nFIX\n" => "bad.graph:2: FIX ends before its id";
    zero_information: "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nEDGE2 0 1 1 0 0 0 0 0 0 0 0\n" => "bad.graph:3: the information matrix is not positive definite: its leading minor 1 is not positive";
    negative_information: "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nEDGE2 0 1 1 0 0 1 0 -1 1 0 0\n" => "bad.graph:3: the information matrix is not positive definite: its leading minor 2 is not positive";
    indefinite_information: "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nEDGE2 0 1 1 0 0 1 2 1 1 0 0\n" => "bad.graph:3: the information matrix is not positive definite: its leading minor 2 is not positive";
    indefinite_rotation: "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 1 0 0\nEDGE_SE2 0 1 1 0 0 1 0 1 1 0 1\n" => "bad.graph:3: the information matrix is not positive definite: its leading minor 3 is not positive";
    no_vertices: "EDGE2 0 1 1 0 0 1 0 1 1 0 0\n" => "bad.graph: has edges but no vertices";
    no_edges: "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\n" => "bad.graph: has vertices but no edges";
    disconnected: "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nVERTEX2 2 2 0 0\nVERTEX2 3 3 0 0\nEDGE2 0 1 1 0 0 1 0 1 1 0 0\nEDGE2 2 3 1 0 0 1 0 1 1 0 0\n" => "bad.graph: the graph has 2 components: no edges lead from fixed vertex 0 to vertex 2";
    lonely_vertex: "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nVERTEX2 2 2 0 0\nEDGE2 0 1 1 0 0 1 0 1 1 0 0\n" => "bad.graph: the graph has 2 components: no edges lead from fixed vertex 0 to vertex 2";
    everything_fixed: "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 1 0 0\nFIX 0 1\nEDGE_SE2 0 1 1 0 0 1 0 0 1 0 1\n" => "bad.graph: every pose is fixed: there is nothing to solve";
    astronomical_pose: "VERTEX2 0 0 0 0\nVERTEX2 1 1e200 0 0\nEDGE2 0 1 1 0 0 1 0 1 1 0 0\n" => "bad.graph: iteration 1: diverged, chi-squared is inf and was inf; a better initial guess is needed";
    astronomical_weights: "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nEDGE2 0 1 9 0 0 1e308 0 1e308 1e308 0 0\n" => "bad.graph: iteration 1: diverged, chi-squared is inf and was inf; a better initial guess is needed";
    not_text: b"VERTEX2 0 0 0 0\nVERTEX2 1 \xff 0 0\n" => "bad.graph:2: not UTF-8 text; is this a pose graph?";
    compressed: b"\x1f\x8b\x08\x00\x00\x00\x00\x00" => "bad.graph:1: not UTF-8 text; is this a pose graph?";
    carriage_returns_count_as_blanks: "VERTEX2 0 0 0 0\r\nVERTEX2 1 x 0 0\r\n" => "bad.graph:2: x is `x`, which is not a number";
    a_word_of_a_thousand_letters: format!("{}\n", "x".repeat(1000)) => "bad.graph:1: unknown record `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…`; known are VERTEX2, EDGE2, EQUIV (ignored), VERTEX_SE2, EDGE_SE2, FIX";
    control_letters: "VERTEX2 0 \u{1b}[31m 0 0\n" => "bad.graph:1: x is `\\u{1b}[31m`, which is not a number";
}

/// One test for each command line that must be refused.
macro_rules! bad_lines {
    ($($name:ident: $line:expr => $expected:expr;)*) => {$(
        #[test]
        fn $name() {
            let folder = Folder::new(concat!("bad_line_", stringify!($name)));
            folder.write("good.graph", TWO_POSES);
            folder.assert_refused($line.split(' '), $expected);
        }
    )*};
}

bad_lines! {
    unknown_command: "slum" => "unrecognized subcommand 'slum'; tip: a similar subcommand exists: 'slam' (see `taskweave --help`)";
    unknown_option: "slam --jsn" => "unexpected argument '--jsn' found; tip: a similar argument exists: '--json' (see `taskweave slam --help`)";
    option_without_its_command: "--json" => "unexpected argument '--json' found (see `taskweave slam --help`)";
    second_file: "slam good.graph other.graph" => "unexpected argument 'other.graph' found (see `taskweave slam --help`)";
    no_workers: "slam good.graph --worker-threads 0" => "invalid value '0' for '--worker-threads <N>': it must be at least 1 (see `taskweave slam --help`)";
    negative_workers: "slam good.graph --worker-threads -3" => "invalid value '-3' for '--worker-threads <N>': it must be a whole number from 1 (see `taskweave slam --help`)";
    workers_in_words: "slam good.graph --worker-threads two" => "invalid value 'two' for '--worker-threads <N>': it must be a whole number from 1 (see `taskweave slam --help`)";
    far_too_many_workers: "slam good.graph --worker-threads 1000000000" => "invalid value '1000000000' for '--worker-threads <N>': it must be from 1 to 4096 (see `taskweave slam --help`)";
    workers_past_64_bits: "slam good.graph --worker-threads 99999999999999999999" => "invalid value '99999999999999999999' for '--worker-threads <N>': it is too large (see `taskweave slam --help`)";
    no_iterations: "slam good.graph --iterations 0" => "invalid value '0' for '--iterations <N>': it must be at least 1 (see `taskweave slam --help`)";
    option_without_its_value: "slam good.graph --svg" => "a value is required for '--svg <FILE>' but none was supplied (see `taskweave slam --help`)";
    option_twice: "slam good.graph --json --json" => "the argument '--json' cannot be used multiple times (see `taskweave slam --help`)";
    quiet_json: "slam good.graph --quiet --json" => "the argument '--quiet' cannot be used with '--json' (see `taskweave slam --help`)";
    sequential_with_workers: "slam good.graph --sequential --worker-threads 2" => "the argument '--sequential' cannot be used with '--worker-threads <N>' (see `taskweave slam --help`)";
    missing_file: "slam missing.graph" => "missing.graph: can't be read: No such file or directory (os error 2)";
    folder_as_a_map: "slam ." => ".: is a directory; name a pose graph file in it";
    endless_file: "slam /dev/zero" => "/dev/zero:1: holds a zero byte, so it is not text; is this a pose graph?";
    file_as_a_folder: "slam good.graph/x" => "good.graph/x: can't be read: Not a directory (os error 20)";
    picture_in_a_missing_folder: "slam good.graph --svg missing/slam.svg" => "missing/slam.svg: can't write: No such file or directory (os error 2)";
    picture_over_a_folder: "slam good.graph --svg ." => ".: can't write: Is a directory (os error 21)";
    picture_without_a_name: "slam good.graph --svg=" => "a value is required for '--svg <FILE>' but none was supplied (see `taskweave slam --help`)";
    picture_below_a_file: "slam good.graph --svg good.graph/slam.svg" => "good.graph/slam.svg: can't write: Not a directory (os error 20)";
    picture_as_a_folder: "slam good.graph --svg new/" => "new/: can't write: is a directory";
    picture_on_a_full_device: "slam good.graph --svg /dev/full" => "/dev/full: can't write: No space left on device (os error 28)";
    bench_unknown_option: "bench --jsn" => "unexpected argument '--jsn' found; tip: a similar argument exists: '--json' (see `taskweave bench --help`)";
    bench_file: "bench good.graph" => "unexpected argument 'good.graph' found (see `taskweave bench --help`)";
    bench_no_workers: "bench --worker-threads 0" => "invalid value '0' for '--worker-threads <N>': it must be at least 1 (see `taskweave bench --help`)";
    bench_negative_workers: "bench -w -1" => "invalid value '-1' for '--worker-threads <N>': it must be a whole number from 1 (see `taskweave bench --help`)";
    bench_no_width: "bench --width 0" => "invalid value '0' for '--width <N>': it must be at least 1 (see `taskweave bench --help`)";
    bench_far_too_wide: "bench --width 1025" => "invalid value '1025' for '--width <N>': it must be at most 1024 (see `taskweave bench --help`)";
    bench_width_past_64_bits: "bench --width 99999999999999999999" => "invalid value '99999999999999999999' for '--width <N>': it is too large (see `taskweave bench --help`)";
    bench_more_workers_than_points: "bench --width 1 --worker-threads 2" => "invalid value '2' for '--worker-threads <N>': with a width of 1 there is no work for so many (see `taskweave bench --help`)";
    bench_unknown_pattern: "bench --pattern ring" => "invalid value 'ring' for '--pattern <NAME>': there is no pattern `ring`; there are trivial, no_comm, stencil_1d, stencil_1d_periodic, dom, tree, fft, all_to_all, nearest, spread, random_nearest (see `taskweave bench --help`)";
    bench_pattern_without_a_meaning: "bench --pattern random_spread" => "invalid value 'random_spread' for '--pattern <NAME>': the pattern random_spread is a name without a definition: nobody has said which points it depends on, so that no two programs could be compared; use spread or random_nearest (see `taskweave bench --help`)";
    bench_quiet_json: "bench --quiet --json" => "the argument '--quiet' cannot be used with '--json' (see `taskweave bench --help`)";
    bench_plot_in_a_missing_folder: "bench --svg missing/bench.svg" => "missing/bench.svg: can't write: No such file or directory (os error 2)";
    bench_page_over_a_folder: "bench --html ." => ".: can't write: Is a directory (os error 21)";
    bench_both_in_one_file: "bench --svg out --html ./out" => "./out: can't write: it is the plot; name another file";
    bench_page_on_a_full_device: "bench --quick --pattern trivial --tasks 16 --html /dev/full" => "/dev/full: can't write: No space left on device (os error 28)";
    graph_in_a_missing_folder: "slam good.graph --dot missing/slam.dot" => "missing/slam.dot: can't write: No such file or directory (os error 2)";
    graph_on_a_full_device: "slam good.graph --dot /dev/full" => "/dev/full: can't write: No space left on device (os error 28)";
}

#[test]
fn the_picture_and_the_graph_in_one_file() {
    let folder = Folder::new("one_file");
    folder.write("good.graph", TWO_POSES);
    folder.assert_refused(
        ["slam", "good.graph", "--svg", "out", "--dot", "./out"],
        "./out: can't write: it is the picture; name another file",
    );
    folder.assert_refused(
        ["slam", "good.graph", "--svg", "good.graph"],
        "good.graph: can't write: it is the map to be read; name another file",
    );
    fs::hard_link(folder.path("good.graph"), folder.path("link")).expect("links can be made");
    folder.assert_refused(
        ["slam", "good.graph", "--dot", "link"],
        "link: can't write: it is the map to be read; name another file",
    );
}

#[test]
fn a_link_that_leads_nowhere() {
    let folder = Folder::new("dead_link");
    symlink("nowhere", folder.path("link.graph")).expect("links can be made");
    folder.assert_refused(
        ["slam", "link.graph"],
        "link.graph: can't be read: No such file or directory (os error 2)",
    );
}

#[test]
fn a_name_with_a_line_break_stays_on_one_line() {
    let folder = Folder::new("line_break");
    folder.assert_refused(
        ["slam", "a\nb"],
        "a\\nb: can't be read: No such file or directory (os error 2)",
    );
}

#[test]
fn a_name_that_is_not_text() {
    let folder = Folder::new("not_text");
    folder.assert_refused(
        [
            std::ffi::OsStr::new("slam"),
            std::ffi::OsStr::from_bytes(b"\xff.graph"),
        ],
        "�.graph: can't be read: No such file or directory (os error 2)",
    );
}

fn full() -> Stdio {
    let full = File::options().write(true).open("/dev/full");
    Stdio::from(full.expect("Linux has /dev/full"))
}

#[test]
fn a_file_that_is_too_long() {
    let folder = Folder::new("too_long");
    // Without blocks: it takes no room on the disk, and none in memory if it isn't read.
    File::create(folder.path("long.graph"))
        .and_then(|file| file.set_len((1 << 30) + 1))
        .expect("the test's folder can be written");
    let outcome = folder.run(["slam", "long.graph"]);
    assert_eq!(
        outcome.stderr,
        "taskweave: long.graph: is longer than 1073741824 bytes, the most that are read; is this a pose graph? \
         If so, leave out measurements\n"
    );
    assert_eq!(outcome.code, Some(2));
    assert_eq!(folder.names(), ["long.graph"]);
}

#[test]
fn standard_error_that_is_full_or_closed() {
    let folder = Folder::new("full_stderr");
    let (reader, closed) = std::io::pipe().expect("pipes can be made");
    drop(reader);
    for arguments in [
        &["bogus"][..],
        &["slam", "missing"],
        &["slam", "--svg", "."],
    ] {
        for stderr in [
            full(),
            Stdio::from(closed.try_clone().expect("one more descriptor")),
        ] {
            let outcome = Outcome::of(folder.program(arguments).stderr(stderr));
            assert_eq!(outcome.code, Some(2), "{arguments:?}");
            assert_eq!(outcome.stdout, "");
        }
        let outcome = Outcome::of(folder.program(arguments).stderr(full()).stdout(full()));
        assert_eq!(outcome.code, Some(2), "{arguments:?}");
    }
    assert_eq!(folder.names(), [] as [&str; 0]);
}

/// Whichever was written last would be all that is left.
#[test]
fn an_output_that_standard_output_or_error_goes_to() {
    let folder = Folder::new("same_as_stdout");
    folder.write("good.graph", TWO_POSES);
    for (option, name) in [
        ("--svg", "/dev/stdout"),
        ("--dot", "/dev/fd/1"),
        ("--svg", "report"),
        ("--dot", "./report"),
    ] {
        folder.write("report", "");
        let report = File::create(folder.path("report")).expect("just written");
        let outcome = Outcome::of(
            folder
                .program(["slam", "good.graph", option, name])
                .stdout(report),
        );
        assert_eq!(
            outcome.stderr,
            format!(
                "taskweave: {name}: can't write: it is where standard output goes; name another file\n"
            )
        );
        assert_eq!(outcome.code, Some(2));
        assert_eq!(folder.read("report"), "");
    }
    let report = File::create(folder.path("report")).expect("just written");
    let outcome = Outcome::of(
        folder
            .program(["slam", "good.graph", "--svg", "report"])
            .stderr(report),
    );
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        folder.read("report"),
        "taskweave: report: can't write: it is where standard error goes; name another file\n"
    );
    assert_eq!(folder.names(), ["good.graph", "report"]);
}

#[test]
fn standard_output_that_is_full() {
    let folder = Folder::new("full_stdout");
    folder.write("good.graph", TWO_POSES);
    let outcome = Outcome::of(folder.program(["slam", "good.graph"]).stdout(full()));
    assert_eq!(
        outcome.stderr,
        "taskweave: standard output: can't write: No space left on device (os error 28)\n"
    );
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        folder.names(),
        ["good.graph"],
        "the picture is not left behind"
    );
}
