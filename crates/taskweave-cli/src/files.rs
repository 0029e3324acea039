//! Files that appear whole or not at all.
//!
//! A file is written under a temporary name beside its destination and renamed when everything else has succeeded: a reader sees the old
//! content or the new one. What isn't a regular file (a device, a pipe) can't be replaced and is written directly.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use crate::failure::Failure;

/// A destination that could be written when it was looked at.
#[derive(Debug)]
pub(crate) struct Destination {
    /// As the user named it, for messages.
    named: PathBuf,
    /// With symbolic links followed, so that a link stays a link.
    real: PathBuf,
    /// Whether it is replaced by renaming.
    regular: bool,
}

impl Destination {
    /// Looks whether `file` can be written, so that an error comes before the work and not after it. Leaves no trace.
    pub(crate) fn check(file: &Path) -> Result<Self, Failure> {
        let failure = |cause| unwritable(file, cause);
        let destination = match fs::metadata(file) {
            Ok(found) => {
                // Opening tells of missing rights, and of a folder, in the system's words.
                let regular = found.is_file();
                if regular || found.is_dir() {
                    OpenOptions::new().write(true).open(file).map_err(failure)?;
                }
                Self {
                    named: file.into(),
                    real: fs::canonicalize(file).map_err(failure)?,
                    regular,
                }
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                let name = file
                    .file_name()
                    .ok_or_else(|| failure(io::ErrorKind::InvalidFilename.into()))?;
                let folder = file
                    .parent()
                    .filter(|folder| !folder.as_os_str().is_empty())
                    .unwrap_or(Path::new("."));
                Self {
                    named: file.into(),
                    real: fs::canonicalize(folder).map_err(failure)?.join(name),
                    regular: true,
                }
            }
            Err(cause) => return Err(failure(cause)),
        };
        if destination.regular {
            drop(Staged::create(&destination)?);
        }
        Ok(destination)
    }

    /// As the user named it.
    pub(crate) fn named(&self) -> &Path {
        &self.named
    }

    /// The file itself.
    pub(crate) fn real(&self) -> &Path {
        &self.real
    }

    /// Whether publishing would replace the file at `other`, a path without links.
    pub(crate) fn replaces(&self, other: &Path) -> bool {
        self.regular && self.real == other
    }

    /// Writes `content` so that only [`Staged::publish`] is left to do.
    pub(crate) fn stage(&self, content: &[u8]) -> Result<Staged<'_>, Failure> {
        if !self.regular {
            let written = OpenOptions::new()
                .write(true)
                .open(&self.real)
                .and_then(|mut file| file.write_all(content));
            written.map_err(|cause| unwritable(&self.named, cause))?;
            return Ok(Staged {
                destination: self,
                temporary: None,
            });
        }
        let (staged, mut file) = Staged::create(self)?;
        file.write_all(content)
            .and_then(|()| file.sync_data())
            .map_err(|cause| unwritable(&self.named, cause))?;
        Ok(staged)
    }
}

/// Written content that nobody sees yet; dropping it takes it back.
#[derive(Debug)]
#[must_use]
pub(crate) struct Staged<'a> {
    destination: &'a Destination,
    temporary: Option<PathBuf>,
}

impl<'a> Staged<'a> {
    fn create(destination: &'a Destination) -> Result<(Self, File), Failure> {
        let failure = |cause| unwritable(&destination.named, cause);
        let Some(name) = destination.real.file_name() else {
            return Err(failure(io::ErrorKind::InvalidFilename.into()));
        };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.new", process::id()));
        let temporary = destination.real.with_file_name(hidden);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
            .map_err(failure)?;
        Ok((
            Self {
                destination,
                temporary: Some(temporary),
            },
            file,
        ))
    }

    /// Puts the content in its place.
    pub(crate) fn publish(mut self) -> Result<(), Failure> {
        if let Some(temporary) = &self.temporary {
            fs::rename(temporary, &self.destination.real)
                .map_err(|cause| unwritable(&self.destination.named, cause))?;
            self.temporary = None;
        }
        Ok(())
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Nothing better can be done with an error here: the one that led here is reported.
            let _ = fs::remove_file(temporary);
        }
    }
}

fn unwritable(file: &Path, cause: io::Error) -> Failure {
    Failure::File {
        file: file.into(),
        doing: "can't write",
        cause,
    }
}
