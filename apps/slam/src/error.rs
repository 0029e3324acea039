//! What can be wrong with a file, and what can go wrong while solving.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

const KNOWN_RECORDS: &str = "VERTEX2, EDGE2, EQUIV (ignored), VERTEX_SE2, EDGE_SE2, FIX";

/// A file that is not a pose graph; one line, `file:line: cause`.
#[derive(Debug)]
pub struct ParseError {
    /// The file's name as it was given.
    pub file: String,
    /// The line, from 1; none if the cause is the file as a whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub cause: ParseCause,
}

/// What is wrong with a file or one of its lines.
#[derive(Debug)]
#[non_exhaustive]
pub enum ParseCause {
    /// The file can't be opened or read.
    Unreadable(io::Error),
    /// The path names a directory.
    Directory,
    /// There is more than is read.
    TooLong {
        /// The most that is read, in bytes.
        most: u64,
    },
    /// The line holds a byte that no text has.
    NulByte,
    /// The line is not UTF-8 text.
    NotUtf8,
    /// There is nothing in the file, or nothing but blanks and comments.
    Empty,
    /// The line's first word is no known record.
    UnknownRecord {
        /// That word.
        record: String,
    },
    /// The line ends before this field.
    MissingField {
        /// The record.
        record: &'static str,
        /// The field that is missing.
        field: &'static str,
    },
    /// The line goes on after the last field.
    ExtraField {
        /// The record.
        record: &'static str,
        /// How many fields it has.
        expected: usize,
        /// The first word too many.
        found: String,
    },
    /// A field is not a number.
    NotANumber {
        /// The field.
        field: &'static str,
        /// What stands there.
        found: String,
    },
    /// A field is NaN, infinite, or too large for a double.
    NotFinite {
        /// The field.
        field: &'static str,
        /// What stands there.
        found: String,
    },
    /// An id is not a non-negative whole number below 2⁶⁴.
    NotAnId {
        /// The field.
        field: &'static str,
        /// What stands there.
        found: String,
    },
    /// A second vertex with the same id.
    DuplicateVertex {
        /// The id.
        id: u64,
        /// The line of the first.
        first_line: usize,
    },
    /// An edge or a `FIX` names an id that no vertex of the file has.
    UnknownVertex {
        /// The id.
        id: u64,
    },
    /// An edge from a vertex to itself.
    SelfEdge {
        /// The id.
        id: u64,
    },
    /// An information matrix that is not positive definite.
    NotPositiveDefinite {
        /// The leading minor, from 1, that is not positive.
        minor: usize,
    },
    /// Edges, but no vertices.
    NoVertices,
    /// Vertices, but no edges.
    NoEdges,
    /// More vertices or edges than 32-bit indices can number.
    TooLarge {
        /// How many there are.
        count: usize,
    },
    /// Some vertices are not connected to a fixed one.
    Disconnected {
        /// How many components the graph has.
        components: usize,
        /// The smallest id that can't be reached.
        unreachable: u64,
        /// The smallest fixed id.
        fixed: u64,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.cause),
            None => write!(f, "{}: {}", self.file, self.cause),
        }
    }
}

impl fmt::Display for ParseCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "can't be read: {error}"),
            Self::Directory => write!(f, "is a directory; name a pose graph file in it"),
            Self::TooLong { most } => write!(
                f,
                "is longer than {most} bytes, the most that are read; is this a pose graph? If so, leave out measurements"
            ),
            Self::NulByte => write!(f, "holds a zero byte, so it is not text; is this a pose graph?"),
            Self::NotUtf8 => write!(f, "not UTF-8 text; is this a pose graph?"),
            Self::Empty => write!(f, "holds no records"),
            Self::UnknownRecord { record } => {
                write!(f, "unknown record `{record}`; known are {}", KNOWN_RECORDS)
            }
            Self::MissingField { record, field } => write!(f, "{record} ends before its {field}"),
            Self::ExtraField { record, expected, found } => {
                write!(f, "{record} has {expected} fields, but `{found}` follows them")
            }
            Self::NotANumber { field, found } => {
                write!(f, "{field} is `{found}`, which is not a number")
            }
            Self::NotFinite { field, found } => {
                write!(f, "{field} is `{found}`, which is not finite")
            }
            Self::NotAnId { field, found } => {
                write!(f, "{field} is `{found}`, which is not a whole number from 0 to 2^64 - 1")
            }
            Self::DuplicateVertex { id, first_line } => {
                write!(f, "vertex {id} is already given in line {first_line}")
            }
            Self::UnknownVertex { id } => write!(f, "vertex {id} is nowhere in the file"),
            Self::SelfEdge { id } => write!(f, "an edge from vertex {id} to itself"),
            Self::NotPositiveDefinite { minor } => {
                write!(f, "the information matrix is not positive definite: its leading minor {minor} is not positive")
            }
            Self::NoVertices => write!(f, "has edges but no vertices"),
            Self::NoEdges => write!(f, "has vertices but no edges"),
            Self::TooLarge { count } => {
                write!(f, "has {count} vertices or edges; at most {} can be numbered", u32::MAX)
            }
            Self::Disconnected { components, unreachable, fixed } => {
                write!(
                    f,
                    "the graph has {components} components: no edges lead from fixed vertex {fixed} to vertex {unreachable}"
                )
            }
        }
    }
}

impl Error for ParseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            ParseCause::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a map was not found.
#[derive(Debug)]
#[non_exhaustive]
pub enum SlamError {
    /// The file is not a pose graph.
    Parse(ParseError),
    /// No file was named and the one of the project is not there.
    NoDefaultData {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Every pose is fixed, so there is nothing to find.
    NothingToSolve,
    /// An option is out of its range.
    Option {
        /// The option's name.
        name: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// The normal equations can't be factorised: a pivot is not positive.
    NotPositiveDefinite {
        /// The iteration, from 1.
        iteration: usize,
        /// Id of the pose whose pivot it is.
        pose: u64,
    },
    /// χ² is not finite, or far above where it began.
    Diverged {
        /// The iteration, from 1.
        iteration: usize,
        /// χ² at the start of the first iteration.
        initial: f64,
        /// χ² at the start of this one.
        chi_squared: f64,
    },
    /// The task graph could not be built or run.
    Graph(Box<dyn Error + Send + Sync>),
    /// A file could not be written.
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

impl fmt::Display for SlamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(error) => error.fmt(f),
            Self::NoDefaultData { path } => {
                write!(f, "no file was named and {} is not there; name a TORO or g2o file", path.display())
            }
            Self::NothingToSolve => write!(f, "every pose is fixed: there is nothing to solve"),
            Self::Option { name, must } => write!(f, "option `{name}` must be {must}"),
            Self::NotPositiveDefinite { iteration, pose } => write!(
                f,
                "iteration {iteration}: the normal equations have no positive pivot at pose {pose}; beside other constraints, those that hold it are lost in rounding"
            ),
            Self::Diverged { iteration, initial, chi_squared } => write!(
                f,
                "iteration {iteration}: diverged, chi-squared is {chi_squared:e} and was {initial:e}; a better initial guess is needed"
            ),
            Self::Graph(error) => write!(f, "the task graph failed: {error}"),
            Self::Write { path, error } => {
                write!(f, "{}: can't be written: {error}", path.display())
            }
        }
    }
}

impl Error for SlamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Parse(error) => error.source(),
            Self::Graph(error) => Some(&**error),
            Self::Write { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<ParseError> for SlamError {
    fn from(error: ParseError) -> Self {
        Self::Parse(error)
    }
}
