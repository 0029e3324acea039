//! Runs the program in a folder of its own and looks at all that it did.

#![allow(dead_code, reason = "each test program uses its part")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Two poses and what was measured between them: the smallest map that can be improved.
pub(crate) const TWO_POSES: &str =
    "VERTEX2 0 0 0 0\nVERTEX2 1 1.1 0.1 0\nEDGE2 0 1 1 0 0 1 0 1 1 0 0\n";

/// An empty folder that a test has to itself.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// The folder of this name, emptied.
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("the build folder can be written");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("the test's folder can be written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The names of what is in it, sorted, hidden files too.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("the test's folder can be read");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    /// The program, about to run here, without a terminal.
    pub(crate) fn program<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taskweave"));
        command
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .env_remove("NO_COLOR");
        command
    }

    /// Runs it to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Outcome {
        Outcome::of(&mut self.program(arguments))
    }

    /// Runs it and asserts that it refuses as it should: one line, exit code 2, nothing on standard output, no file made or changed.
    #[track_caller]
    pub(crate) fn assert_refused<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        expected: &str,
    ) {
        let before: Vec<(String, Option<Vec<u8>>)> = self.contents();
        let outcome = self.run(arguments);
        assert_eq!(outcome.stderr, format!("taskweave: {expected}\n"));
        assert_eq!(outcome.code, Some(2));
        assert_eq!(outcome.stdout, "");
        assert!(
            self.contents() == before,
            "files changed: {:?}",
            self.names()
        );
    }

    fn contents(&self) -> Vec<(String, Option<Vec<u8>>)> {
        self.names()
            .into_iter()
            .map(|name| (name.clone(), fs::read(self.path(&name)).ok()))
            .collect()
    }
}

/// What a run of the program left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the program starts");
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Standard output of a run that succeeded and complained about nothing.
    #[track_caller]
    pub(crate) fn success(self) -> String {
        assert_eq!(
            (self.code, self.stderr.as_str()),
            (Some(0), ""),
            "{}",
            self.stdout
        );
        self.stdout
    }
}
