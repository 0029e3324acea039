//! The text files under a folder.

use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The most bytes of text that are read in all.
const MOST: u64 = 1 << 30;

/// What is to be counted.
#[derive(Debug)]
pub(crate) struct Input {
    /// As the user named it.
    pub(crate) folder: PathBuf,
    /// The texts, in the order of their paths.
    pub(crate) texts: Vec<String>,
    /// Files that are no text.
    pub(crate) skipped: usize,
    /// How many files make a window.
    pub(crate) files: usize,
}

impl Input {
    /// The texts of each window.
    pub(crate) fn windows(&self) -> std::slice::Chunks<'_, String> {
        self.texts.chunks(self.files)
    }
}

/// Reads all texts under `path`. Names that begin with a dot, links, and folders that say that they're a cache (as cargo's do) are left out.
pub(crate) fn read(path: Option<&Path>, files: usize) -> Result<Input, Failure> {
    let folder = path.map_or_else(repository, Path::to_path_buf);
    let metadata = fs::metadata(&folder).map_err(unreadable(&folder))?;
    if !metadata.is_dir() {
        return Err(Failure::Windows {
            folder,
            why: "is not a folder; name the one that it is in".to_owned(),
        });
    }
    let mut paths = Vec::new();
    walk(&folder, &mut paths)?;
    paths.sort();
    let mut input = Input {
        folder,
        texts: Vec::new(),
        skipped: 0,
        files,
    };
    let mut left = MOST;
    for path in paths {
        match read_text(&path, left).map_err(unreadable(&path))? {
            Text::Some(text) => {
                left -= text.len() as u64;
                input.texts.push(text);
            }
            Text::None => input.skipped += 1,
            Text::TooMuch => {
                return Err(Failure::Windows {
                    folder: input.folder,
                    why: format!(
                        "holds more than {MOST} bytes of text, the most that are read; name a folder in it"
                    ),
                });
            }
        }
    }
    if input.texts.is_empty() {
        return Err(Failure::Windows {
            folder: input.folder,
            why: "holds no text files".to_owned(),
        });
    }
    Ok(input)
}

/// The folder of the repository that this is run in, or the current folder.
fn repository() -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    let root = here.ancestors().find(|folder| folder.join(".git").exists());
    match root {
        Some(root) if root != here => root.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if folder.join("CACHEDIR.TAG").exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let entry = entry.map_err(unreadable(folder))?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // Of the entry itself: links lead in circles, and pipes have no end.
        let kind = entry.file_type().map_err(unreadable(&entry.path()))?;
        if kind.is_dir() {
            walk(&entry.path(), paths)?;
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
    Ok(())
}

enum Text {
    Some(String),
    /// UTF-8 without zero bytes is text, nothing else.
    None,
    TooMuch,
}

fn read_text(path: &Path, most: u64) -> io::Result<Text> {
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(most + 1)
        .read_to_end(&mut bytes)?;
    if bytes.contains(&0) {
        return Ok(Text::None);
    }
    if bytes.len() as u64 > most {
        return Ok(Text::TooMuch);
    }
    Ok(String::from_utf8(bytes).map_or(Text::None, Text::Some))
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> Failure {
    move |cause| Failure::File {
        file: path.into(),
        doing: "can't be read",
        cause,
    }
}
