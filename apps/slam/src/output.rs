//! Files that a program writes: whole or not at all where that can be had.
//!
//! | what the path leads to | how it is written |
//! |---|---|
//! | nothing yet | under a temporary name in the same folder, which then becomes its name: it appears whole |
//! | a regular file | likewise, and the new file gets the old one's owner, group and mode: a reader sees the old content or the new one |
//! | a regular file that can't be replaced so | *in place*: its content is cut off and written anew, which a crash or a full disk can interrupt |
//! | a device, a pipe | directly |
//!
//! A regular file can't be replaced if it has several names (hard links), if it is named by a descriptor (`/dev/stdout`, `/dev/fd/3`), if its folder lets no
//! file be made or renamed (read-only, or the file is a mount point), or if its owner can't be given to a new file. Access control lists and extended
//! attributes are not carried over to the new file.
//!
//! Symbolic links are followed and stay links, also one that leads to no file yet: then that file is made.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::process;

use crate::error::SlamError;

/// As many links as the system follows.
const MOST_LINKS: usize = 40;
/// So many names are tried for a temporary file: one that has died may have left its own, and other threads have theirs.
const MOST_NAMES: usize = 1000;

/// A place that could be written when it was looked at.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("taskweave-output-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("map.svg");
/// use taskweave_slam::Output;
///
/// let output = Output::find(&path)?; // an error comes here, before the work
/// let staged = output.stage(b"<svg/>")?;
/// assert!(!path.exists(), "nobody sees it yet");
/// staged.publish()?;
/// assert_eq!(std::fs::read(&path)?, b"<svg/>");
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Output {
    named: PathBuf,
    way: Way,
}

/// How the file is written.
#[derive(Debug)]
enum Way {
    /// Takes the name of a file, with all links followed; what stands there, if anything.
    Renamed { real: PathBuf, old: Option<Metadata> },
    /// Written where it is.
    InPlace(Metadata),
    /// No regular file.
    Direct,
}

impl Output {
    /// Looks whether `path` can be written, and how. Leaves no trace.
    ///
    /// # Errors
    /// What the system says: a folder, missing rights, a folder that isn't there.
    pub fn find(path: &Path) -> io::Result<Self> {
        let way = match fs::metadata(path) {
            Ok(found) if found.is_file() || found.is_dir() => {
                // Opening tells of missing rights, and of a folder, in the system's words.
                OpenOptions::new().write(true).open(path)?;
                existing(path, found)
            }
            Ok(_) => Way::Direct,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let real = follow(path)?;
                drop(Temporary::create(&real, None)?);
                Way::Renamed { real, old: None }
            }
            Err(error) => return Err(error),
        };
        Ok(Self { named: path.to_owned(), way })
    }

    /// The path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.named
    }

    /// Whether this is the regular file that `other` describes, by whatever name.
    #[must_use]
    pub fn is_file(&self, other: &Metadata) -> bool {
        self.old().is_some_and(|old| (old.dev(), old.ino()) == (other.dev(), other.ino()))
    }

    /// Whether both are one regular file, or will be. Devices and pipes can take several outputs.
    #[must_use]
    pub fn is_same_file(&self, other: &Self) -> bool {
        match (&self.way, &other.way) {
            (Way::Renamed { real: one, old: None }, Way::Renamed { real: two, old: None }) => one == two,
            _ => other.old().is_some_and(|old| self.is_file(old)),
        }
    }

    fn old(&self) -> Option<&Metadata> {
        match &self.way {
            Way::Renamed { old, .. } => old.as_ref(),
            Way::InPlace(old) => Some(old),
            Way::Direct => None,
        }
    }

    /// Does all that can be done before a regular file changes: [`StagedOutput::publish`] does the rest. A device or a pipe is written now.
    ///
    /// # Errors
    /// What the system says; then nothing has changed.
    pub fn stage<'a>(&'a self, content: &'a [u8]) -> io::Result<StagedOutput<'a>> {
        let temporary = match &self.way {
            Way::Direct => {
                OpenOptions::new().write(true).open(&self.named)?.write_all(content)?;
                return Ok(StagedOutput { output: self, content, step: Step::Done });
            }
            Way::InPlace(_) => None,
            Way::Renamed { real, old } => match Temporary::create(real, old.as_ref()) {
                Ok(temporary) => Some((temporary, real)),
                // What stands there can still be written in place.
                Err(_) if old.is_some() => None,
                Err(error) => return Err(error),
            },
        };
        let step = match temporary {
            None => Step::Write,
            Some((mut temporary, real)) => {
                temporary.file.write_all(content)?;
                temporary.file.sync_data()?;
                Step::Rename(temporary, real)
            }
        };
        Ok(StagedOutput { output: self, content, step })
    }
}

/// Content on its way to a file; dropping it leaves the file as it was.
#[derive(Debug)]
#[must_use]
pub struct StagedOutput<'a> {
    output: &'a Output,
    content: &'a [u8],
    step: Step<'a>,
}

/// What is left to do.
#[derive(Debug)]
enum Step<'a> {
    Done,
    Write,
    Rename(Temporary, &'a Path),
}

impl StagedOutput<'_> {
    /// Puts the content in its place.
    ///
    /// # Errors
    /// What the system says. The file is as it was, unless it had to be written in place: then its old content is lost.
    pub fn publish(self) -> io::Result<()> {
        match self.step {
            Step::Done => Ok(()),
            Step::Write => write_in_place(&self.output.named, self.content),
            Step::Rename(temporary, real) => match temporary.rename(real) {
                // A mount point, or another's file in a shared folder: it can't be replaced, but written.
                Err(_) if self.output.old().is_some() => write_in_place(&self.output.named, self.content),
                outcome => outcome,
            },
        }
    }
}

/// Writes a file as [`Output`] does, in one step.
///
/// # Errors
/// [`SlamError::Write`].
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), SlamError> {
    let written = Output::find(path).and_then(|output| output.stage(content)?.publish());
    written.map_err(|error| SlamError::Write { path: path.to_owned(), error })
}

/// How a file or folder that is there is written.
fn existing(path: &Path, found: Metadata) -> Way {
    if found.nlink() != 1 || is_descriptor(path) {
        return Way::InPlace(found);
    }
    // Tried out rather than guessed from rights: there are read-only file systems, quotas, and names too long.
    match fs::canonicalize(path) {
        Ok(real) if Temporary::create(&real, Some(&found)).is_ok() => Way::Renamed { real, old: Some(found) },
        _ => Way::InPlace(found),
    }
}

/// Whether the path names a descriptor: then somebody holds the file itself, and would not see another one of its name.
fn is_descriptor(path: &Path) -> bool {
    let mut at = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&at) else { return false };
        let folder = folder_of(&at);
        if fs::canonicalize(folder).is_ok_and(|real| real.starts_with("/proc") && real.ends_with("fd")) {
            return true;
        }
        at = folder.join(target);
    }
    false
}

/// Where a file would be made that isn't there: links are followed to their end.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut at = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Ok(target) = fs::read_link(&at) {
            at = folder_of(&at).join(target);
            continue;
        }
        // A path to a folder (`new/`, `new/.`) has a last component as well, but doesn't end with it.
        let is_last = |name: &&std::ffi::OsStr| at.as_os_str().as_bytes().ends_with(name.as_bytes());
        let Some(name) = at.file_name().filter(is_last) else {
            let ends_as_folder = at.as_os_str().as_bytes().ends_with(b"/");
            let kind = if ends_as_folder { io::ErrorKind::IsADirectory } else { io::ErrorKind::InvalidFilename };
            return Err(kind.into());
        };
        return Ok(fs::canonicalize(folder_of(&at))?.join(name));
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "too many symbolic links"))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn write_in_place(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).truncate(true).open(path)?;
    file.write_all(content)?;
    match file.sync_data() {
        // A file of a kind that can't be synchronised, such as one in `/proc`.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        outcome => outcome,
    }
}

/// A file beside the one to be made, removed when it's dropped.
#[derive(Debug)]
struct Temporary {
    path: PathBuf,
    file: File,
    /// It has its name.
    renamed: bool,
}

impl Temporary {
    /// A new file beside `real`, with the owner, group and mode of `old`.
    fn create(real: &Path, old: Option<&Metadata>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        if old.is_some() {
            // Nobody else reads it before it has the old one's mode.
            options.mode(0o600);
        }
        for attempt in 0..MOST_NAMES {
            // Short whatever the file's own name, which may be as long as names can be.
            let path = real.with_file_name(format!(".taskweave.{}.{attempt}.new", process::id()));
            match options.open(&path) {
                Ok(file) => {
                    let temporary = Self { path, file, renamed: false };
                    if let Some(old) = old {
                        temporary.adopt(old)?;
                    }
                    return Ok(temporary);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{MOST_NAMES} temporary files of dead processes stand beside it; remove `.taskweave.*.new`"),
        ))
    }

    fn adopt(&self, old: &Metadata) -> io::Result<()> {
        let made = self.file.metadata()?;
        if (made.uid(), made.gid()) != (old.uid(), old.gid()) {
            fchown(&self.file, Some(old.uid()), Some(old.gid()))?;
        }
        self.file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))
    }

    fn rename(mut self, real: &Path) -> io::Result<()> {
        fs::rename(&self.path, real)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            // Nothing better can be done with an error here: the one that led here is reported.
            let _ = fs::remove_file(&self.path);
        }
    }
}
