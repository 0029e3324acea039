//! What the program says about itself, as files: `UPDATE_HELP=1 cargo test -p taskweave-cli --test help` writes them anew.

mod common;

use std::path::Path;
use std::{env, fs};

use common::Folder;

/// Asserts that `arguments` print the text in `tests/help/NAME.txt`.
#[track_caller]
fn assert_help(name: &str, arguments: &[&str]) {
    let actual = Folder::new(&format!("help_{name}"))
        .run(arguments)
        .success();
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/help")
        .join(name)
        .with_extension("txt");
    if env::var_os("UPDATE_HELP").is_some() {
        fs::write(&file, &actual).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    let expected =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert_eq!(actual, expected, "UPDATE_HELP=1 accepts the change");
}

#[test]
fn taskweave() {
    assert_help("taskweave", &["--help"]);
}

#[test]
fn taskweave_short() {
    assert_help("taskweave_short", &["-h"]);
}

#[test]
fn slam() {
    assert_help("slam", &["slam", "--help"]);
}

#[test]
fn slam_short() {
    assert_help("slam_short", &["slam", "-h"]);
}

#[test]
fn bench() {
    assert_help("bench", &["bench", "--help"]);
}

#[test]
fn bench_short() {
    assert_help("bench_short", &["bench", "-h"]);
}

#[test]
fn windows() {
    assert_help("windows", &["windows", "--help"]);
}

#[test]
fn windows_short() {
    assert_help("windows_short", &["windows", "-h"]);
}

/// A command that is added has its help kept here, too.
#[test]
fn every_command_has_its_help_here() {
    let folder = Folder::new("help_every");
    let text = folder.run(["--help"]).success();
    let commands: Vec<&str> = text
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        commands,
        ["slam", "bench", "windows"],
        "each needs `--help` and `-h` among these tests"
    );
    assert_eq!(
        folder.run(["help"]).code,
        Some(2),
        "there is one way to ask"
    );
}

#[test]
fn the_version_is_the_packages() {
    let version = Folder::new("help_version").run(["--version"]).success();
    assert_eq!(
        version,
        format!("taskweave {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn help_to_a_closed_pipe_is_no_error() {
    let folder = Folder::new("help_closed");
    let (reader, writer) = std::io::pipe().expect("pipes can be made");
    drop(reader);
    let outcome = common::Outcome::of(folder.program(["--help"]).stdout(writer));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
}
