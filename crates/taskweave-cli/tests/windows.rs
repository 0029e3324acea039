//! `taskweave windows`: the report, and what is refused.

mod common;

use std::fs;
use std::os::unix::fs::symlink;

use common::Folder;

/// Forty small texts, one long one, and what is to be left out.
fn texts(name: &str) -> Folder {
    let folder = Folder::new(name);
    fs::create_dir_all(folder.path("texts/deep/cache")).expect("the build folder can be written");
    for number in 0..39 {
        let text = format!("one two two\nfile {number}\n");
        folder.write(&format!("texts/{number:02}.txt"), text);
    }
    folder.write("texts/deep/long.txt", "to be or not to be\n".repeat(20_000));
    folder.write("texts/deep/bytes", b"\x00\x01\x02");
    folder.write("texts/deep/latin", b"caf\xe9");
    folder.write("texts/.hidden", "not this one");
    folder.write("texts/deep/cache/CACHEDIR.TAG", "a cache");
    folder.write("texts/deep/cache/text", "nor this one");
    symlink("..", folder.path("texts/deep/up")).expect("links can be made");
    folder
}

/// The table's rows, by column.
fn rows(report: &str) -> Vec<Vec<String>> {
    report
        .lines()
        .filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()))
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .filter(|row: &Vec<String>| row.len() == 9)
        .collect()
}

#[test]
fn windows_come_in_order_and_as_counted_by_one_thread() {
    let folder = texts("windows_report");
    let report = folder
        .run(["windows", "texts", "--files", "10", "-w", "2"])
        .success();
    assert!(
        report.starts_with("texts: 40 text files, 10 to a window; 2 others left out\n"),
        "{report}"
    );
    let rows = rows(&report);
    let numbers: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(numbers, ["1", "2", "3", "4"], "{report}");
    // Ten files of two lines and five words; the last window has the long one.
    assert_eq!(
        rows[0][1..7],
        ["10", "20", "50", "13", "two", "20"],
        "{report}"
    );
    assert_eq!(rows[3][1..4], ["10", "20018", "120045"], "{report}");
    assert!(report.contains("4 windows, 120195 words, each window as one thread counts it; "));
    assert_eq!(folder.names(), ["texts"]);
}

/// Twenty thousand lines are told of while worker 2 doesn't listen; what is kept for it is a few rings' worth.
#[test]
fn what_is_kept_for_a_laggard_stays_small() {
    let folder = texts("windows_lag");
    let report = folder
        .run(["windows", "texts", "--lag", "2", "-w", "2"])
        .success();
    let last = report.lines().last().unwrap_or_default();
    let entries: usize = last
        .strip_prefix("worker 2 listened at the end alone, and got ")
        .and_then(|rest| rest.strip_suffix(" entries"))
        .and_then(|entries| entries.parse().ok())
        .unwrap_or_else(|| panic!("{report}"));
    assert!(entries <= 4 * 64 * 2, "{report}");
    for row in rows(&report) {
        assert!(
            row[8].parse::<usize>().expect("a number") <= 1_000,
            "{report}"
        );
    }
}

#[test]
fn quiet_is_one_line() {
    let folder = texts("windows_quiet");
    let report = folder.run(["windows", "texts", "-q"]).success();
    assert!(report.starts_with("3 windows, 120195 words, "), "{report}");
    assert_eq!(report.lines().count(), 1);
}

#[test]
fn without_a_folder_the_repository_is_read() {
    let folder = texts("windows_default");
    fs::create_dir(folder.path(".git")).expect("the build folder can be written");
    let mut program = folder.program(["windows", "-q"]);
    program.current_dir(folder.path("texts/deep"));
    let report = common::Outcome::of(&mut program).success();
    assert!(report.starts_with("3 windows, 120195 words, "), "{report}");
}

#[test]
fn a_text_without_words_is_a_window_without_words() {
    let folder = Folder::new("windows_empty_text");
    fs::create_dir(folder.path("texts")).expect("the build folder can be written");
    folder.write("texts/empty", "");
    let report = folder.run(["windows", "texts", "-q"]).success();
    assert!(report.starts_with("1 windows, 0 words, "), "{report}");
}

/// One test for each command line that must be refused.
macro_rules! bad_lines {
    ($($name:ident: $line:expr => $expected:expr;)*) => {$(
        #[test]
        fn $name() {
            let folder = Folder::new(concat!("bad_windows_", stringify!($name)));
            fs::create_dir(folder.path("empty")).expect("the build folder can be written");
            folder.write("text", "a word");
            folder.assert_refused($line.split(' '), $expected);
        }
    )*};
}

bad_lines! {
    unknown_option: "windows --lagg 1" => "unexpected argument '--lagg' found; tip: a similar argument exists: '--lag' (see `taskweave windows --help`)";
    second_folder: "windows . empty" => "unexpected argument 'empty' found (see `taskweave windows --help`)";
    missing_folder: "windows missing" => "missing: can't be read: No such file or directory (os error 2)";
    a_file: "windows text" => "text: is not a folder; name the one that it is in";
    nothing_in_it: "windows empty" => "empty: holds no text files";
    no_workers: "windows . -w 0" => "invalid value '0' for '--worker-threads <N>': it must be at least 1 (see `taskweave windows --help`)";
    far_too_many_workers: "windows . -w 1000000000" => "invalid value '1000000000' for '--worker-threads <N>': it must be from 1 to 4096 (see `taskweave windows --help`)";
    no_files_to_a_window: "windows . --files 0" => "invalid value '0' for '--files <N>': it must be at least 1 (see `taskweave windows --help`)";
    files_in_words: "windows . --files many" => "invalid value 'many' for '--files <N>': it must be a whole number from 1 (see `taskweave windows --help`)";
    worker_zero_lags: "windows . --lag 0" => "invalid value '0' for '--lag <W>': it must be at least 1 (see `taskweave windows --help`)";
    a_worker_lags_that_is_not_there: "windows . --lag 3 -w 2" => "invalid value '3' for '--lag <W>': the number of workers is 2 (see `taskweave windows --help`)";
    lag_without_its_value: "windows --lag" => "a value is required for '--lag <W>' but none was supplied (see `taskweave windows --help`)";
}

#[test]
fn standard_output_that_is_full() {
    let folder = texts("windows_full");
    let full = fs::File::options().write(true).open("/dev/full");
    let mut program = folder.program(["windows", "texts"]);
    program.stdout(full.expect("Linux has /dev/full"));
    let outcome = common::Outcome::of(&mut program);
    assert_eq!(
        outcome.stderr,
        "taskweave: standard output: can't write: No space left on device (os error 28)\n"
    );
    assert_eq!(outcome.code, Some(2));
}
