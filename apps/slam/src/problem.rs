//! A pose graph: poses to find, and what was measured between them.

use std::path::{Path, PathBuf};

use crate::constraint::Constraint;
use crate::error::{ParseError, SlamError};
use crate::geometry::Pose;
use crate::parse;
use crate::source;

/// A pose graph that has been checked: every constraint names two known poses, every information matrix is positive definite, and every pose is
/// reached from one that is fixed. Poses are numbered by ascending id.
#[derive(Clone, Debug)]
pub struct Problem {
    name: String,
    pub(crate) ids: Vec<u64>,
    pub(crate) poses: Vec<Pose>,
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) fixed: Vec<bool>,
}

impl Problem {
    /// The longest file that is read, in bytes: 1 GiB, some ten million measurements.
    pub const MOST_BYTES: u64 = 1 << 30;

    /// Reads a TORO (`VERTEX2`, `EDGE2`) or g2o (`VERTEX_SE2`, `EDGE_SE2`, `FIX`) file, or a pipe, of at most
    /// [`MOST_BYTES`](Self::MOST_BYTES). It is in memory as a whole while it is read.
    ///
    /// # Errors
    /// [`SlamError::Parse`] names the file, the line where there is one, and the cause.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, SlamError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        match source::read(path, Self::MOST_BYTES) {
            Ok(text) => Self::parse(&name, &text),
            Err((line, cause)) => Err(ParseError { file: name, line, cause }.into()),
        }
    }

    /// Parses the text of such a file; `name` stands for the file in errors.
    ///
    /// ```
    /// # use taskweave_slam::Problem;
    /// let text = "VERTEX2 7 0 0 0\nVERTEX2 9 1.1 0 0\nEDGE2 7 9 1 0 0 1 0 1 1 0 0\n";
    /// let problem = Problem::parse("two.graph", text)?;
    /// assert_eq!(problem.ids(), [7, 9]);
    /// let error = Problem::parse("two.graph", "VERTEX2 7 0 north 0").unwrap_err();
    /// assert_eq!(error.to_string(), "two.graph:1: y is `north`, which is not a number");
    /// # Ok::<(), taskweave_slam::SlamError>(())
    /// ```
    ///
    /// # Errors
    /// [`SlamError::Parse`].
    pub fn parse(name: &str, text: &str) -> Result<Self, SlamError> {
        let parsed = parse::parse(text).map_err(|(line, cause)| ParseError { file: name.to_owned(), line, cause })?;
        Ok(Self {
            name: name.to_owned(),
            ids: parsed.ids,
            poses: parsed.poses,
            constraints: parsed.constraints,
            fixed: parsed.fixed,
        })
    }

    /// The name it was read or parsed under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The poses' ids in the file, ascending; a pose's index is its place here.
    #[must_use]
    pub fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// The initial guess, by index.
    #[must_use]
    pub fn poses(&self) -> &[Pose] {
        &self.poses
    }

    /// The measurements, in the order of the file.
    #[must_use]
    pub fn constraints(&self) -> &[Constraint] {
        &self.constraints
    }

    /// Whether the pose of this index keeps its value: the one with the smallest id, or those a `FIX` record names.
    ///
    /// # Panics
    /// If there is no such pose.
    #[must_use]
    pub fn is_fixed(&self, index: usize) -> bool {
        self.fixed[index]
    }

    /// χ² = Σ rᵀ I r over all constraints, for `poses` in place of the initial guess.
    ///
    /// # Panics
    /// If `poses` has not one entry per pose.
    #[must_use]
    pub fn chi_squared(&self, poses: &[Pose]) -> f64 {
        assert_eq!(poses.len(), self.poses.len(), "one pose per index");
        let of = |c: &Constraint| c.chi_squared(poses[c.from as usize], poses[c.to as usize]);
        self.constraints.iter().map(of).sum()
    }
}

/// Where `w10000.graph` lies in a clone of the project: what the demo reads when it is given no file.
///
/// The path is that of the sources this library was built from, so it holds wherever in a clone (or away from it) the program is run. A program
/// installed by cargo finds the file in the sources that cargo keeps, for as long as it keeps them. Moved to another machine there is no such folder:
/// then a file must be named, and the error says so.
///
/// # Errors
/// [`SlamError::NoDefaultData`] with the path looked at.
pub fn default_data_path() -> Result<PathBuf, SlamError> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/w10000.graph"));
    if path.is_file() { Ok(path) } else { Err(SlamError::NoDefaultData { path }) }
}
