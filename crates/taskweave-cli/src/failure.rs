//! Why the program ends without doing its job.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use taskweave::BuildError;
use taskweave_slam::SlamError;

/// One cause, shown as one line: `FILE:LINE: cause` where there is a file and a line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line is not understood.
    #[error("{0}")]
    Usage(String),
    /// A file can't be read or written.
    #[error("{}: {doing}: {cause}", Shown(file))]
    File {
        /// As the user named it.
        file: PathBuf,
        /// What was tried: "can't read" or so.
        doing: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// The map can't be read or found; where there is a line, the error names file and line itself.
    #[error("{0}")]
    Slam(String),
    /// A folder can't be counted.
    #[error("{}: {why}", Shown(folder))]
    Windows {
        /// As the user named it.
        folder: PathBuf,
        /// What is wrong with it, or with the count.
        why: String,
    },
    /// An output would replace something that is needed.
    #[error("{}: can't write: it is {other}; name another file", Shown(file))]
    Overwrites {
        /// The output, as the user named it.
        file: PathBuf,
        /// What it would replace.
        other: &'static str,
    },
    /// The pool can't be built.
    #[error("{}", pool_error(.0))]
    Pool(BuildError),
    /// A graph beside the job's failed.
    #[error("the task graph failed: {0}")]
    Graph(String),
    /// An engine can't be started, or did something wrong.
    #[error("{0}")]
    Bench(String),
    /// Standard output can't be written.
    #[error("standard output: can't write: {0}")]
    Stdout(io::Error),
}

impl Failure {
    /// What `error` says about `file`.
    pub(crate) fn slam(file: &Path, error: SlamError) -> Self {
        match error {
            SlamError::Parse(error) => Self::Slam(error.to_string()),
            error => Self::Slam(format!("{}: {error}", Shown(file))),
        }
    }

    /// The line that a person sees, without line breaks even if a file's name has some.
    pub(crate) fn line(&self) -> String {
        let mut line = String::new();
        for letter in self.to_string().chars() {
            if letter.is_control() {
                line.extend(letter.escape_default());
            } else {
                line.push(letter);
            }
        }
        line
    }
}

/// A path as text, whatever bytes it has.
struct Shown<'a>(&'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// In the words of the command line.
fn pool_error(error: &BuildError) -> String {
    match error {
        BuildError::OutOfRange {
            setting: "worker_threads",
            value,
            least,
            most,
        } => {
            format!(
                "invalid value '{value}' for '--worker-threads <N>': it must be from {least} to {most} (see `taskweave slam --help`)"
            )
        }
        error => error.to_string(),
    }
}
