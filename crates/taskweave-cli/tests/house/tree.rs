//! The files that the rules read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Paths relative to the root of the workspace, with `/` between folders, and the text of those that are text.
#[derive(Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// The workspace that this test belongs to. Build folders and symbolic links are left out: a link's target is read where it stands.
    pub(crate) fn checkout() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut tree = Self::default();
        tree.walk(&root, "");
        tree
    }

    /// A tree of the given files.
    pub(crate) fn planted(files: &[(&str, &str)]) -> Self {
        Self {
            files: files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned())))
                .collect(),
        }
    }

    /// Whether there is such a file or folder.
    pub(crate) fn contains(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        self.files.contains_key(path) || self.files.keys().any(|file| file.starts_with(&folder))
    }

    /// The text files, by path.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// The Rust files, by path.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| path.ends_with(".rs"))
    }

    fn walk(&mut self, folder: &Path, prefix: &str) {
        let entries =
            fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let entry = entry.expect("a folder can be listed");
            let name = entry
                .file_name()
                .into_string()
                .expect("file names are UTF-8");
            let kind = entry.file_type().expect("a file has a type");
            let path = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}/{name}")
            };
            if kind.is_dir() {
                if name != ".git" && !name.starts_with("target") {
                    self.walk(&entry.path(), &path);
                }
            } else if kind.is_file() {
                // A pose graph of megabytes, an image or the lock file is nobody's prose.
                let is_text = name.ends_with(".rs")
                    || name.ends_with(".md")
                    || name.ends_with(".sh")
                    || name.ends_with(".toml")
                    || path.starts_with(".ci/");
                let text = is_text.then(|| {
                    fs::read_to_string(entry.path())
                        .unwrap_or_else(|error| panic!("{path}: {error}"))
                });
                self.files.insert(path, text);
            }
        }
    }
}
