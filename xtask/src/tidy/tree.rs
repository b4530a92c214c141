//! The repository's own text files, in memory. Read by walking, not by git: a source archive must pass too.

use crate::workspace::TaskError;
use std::path::{Path, PathBuf};

/// Generated or private files and folders.
const NOT_OURS: [&str; 6] = ["target", "artifacts", ".git", ".vagrant", "node_modules", "Cargo.lock"];

pub(super) struct SourceTree {
    pub(super) root: PathBuf,
    pub(super) files: Vec<SourceText>,
}

/// One file. Its name is relative to the root, with slashes.
pub(super) struct SourceText {
    pub(super) name: String,
    pub(super) text: String,
}

impl SourceText {
    pub(super) fn is_rust(&self) -> bool {
        Path::new(&self.name).extension().is_some_and(|ext| ext == "rs")
    }

    /// Lines with their numbers, from one.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

impl SourceTree {
    pub(super) fn read(root: &Path) -> Result<Self, TaskError> {
        let mut tree = Self { root: root.to_owned(), files: Vec::new() };
        tree.walk(root)?;
        tree.files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(tree)
    }

    fn walk(&mut self, folder: &Path) -> Result<(), TaskError> {
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            let ours = !NOT_OURS.iter().any(|name| entry.file_name() == *name);
            match entry.file_type()? {
                kind if kind.is_dir() && ours => self.walk(&entry.path())?,
                kind if kind.is_file() && ours => self.take(&entry.path())?,
                _ => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, path: &Path) -> Result<(), TaskError> {
        // Files that are not text, such as keyrings, have no rules.
        if let Ok(text) = String::from_utf8(fs_err::read(path)?) {
            let name = path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().into_owned();
            self.files.push(SourceText { name, text });
        }
        Ok(())
    }

    pub(super) fn file(&self, name: &str) -> Option<&SourceText> {
        self.files.iter().find(|file| file.name == name)
    }

    pub(super) fn rust(&self) -> impl Iterator<Item = &SourceText> {
        self.files.iter().filter(|file| file.is_rust())
    }
}

/// A tree of one file, for the rules' tests.
#[cfg(test)]
pub(super) fn one(name: &str, text: &str) -> SourceTree {
    SourceTree {
        root: PathBuf::from("/repository"),
        files: vec![SourceText { name: name.to_owned(), text: text.to_owned() }],
    }
}
