//! Where outputs go, in the words of this program's errors.
//!
//! How a file is written is [`taskweave_slam::Output`]'s: a regular one is replaced by renaming when everything else has succeeded, so that a reader
//! sees the old content or the new one; one that can't be replaced (hard links, a folder that lets no file be made) is written in place, and what isn't a
//! regular file (a device, a pipe) directly.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use taskweave_slam::{Output, StagedOutput};

use crate::failure::Failure;

/// A destination that could be written when it was looked at.
#[derive(Debug)]
pub(crate) struct Destination(Output);

impl Destination {
    /// Looks whether `file` can be written, so that an error comes before the work and not after it. Leaves no trace.
    ///
    /// A regular file that standard output or standard error goes to is refused: whichever is written last would be all that is left.
    pub(crate) fn check(file: &Path) -> Result<Self, Failure> {
        let output = Output::find(file).map_err(|cause| unwritable(file, cause))?;
        let destination = Self(output);
        destination.refuse(
            metadata_of(io::stdout()).as_ref(),
            "where standard output goes",
        )?;
        destination.refuse(
            metadata_of(io::stderr()).as_ref(),
            "where standard error goes",
        )?;
        Ok(destination)
    }

    /// Fails if this is the regular file that `other` describes; `what` says what that is.
    pub(crate) fn refuse(
        &self,
        other: Option<&Metadata>,
        what: &'static str,
    ) -> Result<(), Failure> {
        if other.is_some_and(|other| self.0.is_file(other)) {
            return Err(self.overwrites(what));
        }
        Ok(())
    }

    /// Fails if both are one regular file; `what` says what the other is.
    pub(crate) fn refuse_output(&self, other: &Self, what: &'static str) -> Result<(), Failure> {
        if self.0.is_same_file(&other.0) {
            return Err(self.overwrites(what));
        }
        Ok(())
    }

    fn overwrites(&self, other: &'static str) -> Failure {
        Failure::Overwrites {
            file: self.0.path().into(),
            other,
        }
    }

    /// Does with `content` all that can be done before a regular file changes, so that only [`Staged::publish`] is left.
    pub(crate) fn stage<'a>(&'a self, content: &'a [u8]) -> Result<Staged<'a>, Failure> {
        let file = self.0.path();
        let staged = self
            .0
            .stage(content)
            .map_err(|cause| unwritable(file, cause))?;
        Ok(Staged { file, staged })
    }
}

/// Written content that nobody sees yet; dropping it takes it back.
#[derive(Debug)]
#[must_use]
pub(crate) struct Staged<'a> {
    file: &'a Path,
    staged: StagedOutput<'a>,
}

impl Staged<'_> {
    /// Puts the content in its place.
    pub(crate) fn publish(self) -> Result<(), Failure> {
        let file = self.file;
        self.staged
            .publish()
            .map_err(|cause| unwritable(file, cause))
    }
}

/// What an open stream leads to; none if it is closed.
fn metadata_of(stream: impl AsFd) -> Option<Metadata> {
    let own = stream.as_fd().try_clone_to_owned().ok()?;
    File::from(own).metadata().ok()
}

fn unwritable(file: &Path, cause: io::Error) -> Failure {
    Failure::File {
        file: file.into(),
        doing: "can't write",
        cause,
    }
}
