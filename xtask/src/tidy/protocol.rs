//! `docs/protocol.md` carries a digest of the message types it describes, so a changed message points its author to the
//! description; `cargo xtask tidy --fix` then records that it was reviewed.

use super::tree::SourceTree;
use crate::workspace::{TaskError, say};
use sha2::{Digest, Sha256};
use std::path::Path;

const DOCUMENT: &str = "docs/protocol.md";
const MESSAGES: &str = "crates/protocol/src/message/";
const OPEN: &str = "<!-- messages: ";
const CLOSE: &str = " -->";

pub(super) fn check(tree: &SourceTree) -> Vec<String> {
    let Some(document) = tree.file(DOCUMENT) else {
        return vec![format!("{DOCUMENT}: missing")];
    };
    let expected = digest(tree);
    if marked(&document.text) == Some(&expected) {
        return Vec::new();
    }
    vec![format!("{DOCUMENT}: messages changed: review and update it, then run `cargo xtask tidy --fix` ({expected})")]
}

/// Writes the present digest into the document.
pub(crate) fn fix(root: &Path) -> Result<(), TaskError> {
    let tree = SourceTree::read(root)?;
    let Some(document) = tree.file(DOCUMENT) else { return Ok(()) };
    let mark = format!("{OPEN}{}{CLOSE}", digest(&tree));
    let text = match marked(&document.text) {
        Some(old) => document.text.replace(&format!("{OPEN}{old}{CLOSE}"), &mark),
        None => format!("{}\n\n{mark}\n", document.text.trim_end()),
    };
    if text != document.text {
        fs_err::write(root.join(DOCUMENT), text)?;
        say(&format!("{DOCUMENT}: {mark}"));
    }
    Ok(())
}

fn marked(document: &str) -> Option<&str> {
    let (_, rest) = document.split_once(OPEN)?;
    rest.split_once(CLOSE).map(|(digest, _)| digest)
}

/// Sixteen hex digits over names and contents.
fn digest(tree: &SourceTree) -> String {
    let mut hasher = Sha256::new();
    for file in tree.files.iter().filter(|file| file.name.starts_with(MESSAGES)) {
        hasher.update(format!("{}\0{}\0", file.name, file.text));
    }
    hex::encode(&hasher.finalize()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(document: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in [(DOCUMENT, document), ("crates/protocol/src/message/mod.rs", "pub enum Call {}")] {
            let path = root.path().join(name);
            fs_err::create_dir_all(path.parent().expect("files are in folders")).expect("a folder");
            fs_err::write(path, text).expect("a file");
        }
        root
    }

    fn findings(root: &Path) -> usize {
        check(&SourceTree::read(root).expect("a tree")).len()
    }

    #[test]
    fn a_fix_holds_until_messages_change() {
        for document in ["# Wire\n", "# Wire\n<!-- messages: 0123456789abcdef -->\nmore\n"] {
            let root = repository(document);
            assert_eq!(findings(root.path()), 1);
            fix(root.path()).expect("a fix");
            assert_eq!(findings(root.path()), 0);
            fs_err::write(root.path().join("crates/protocol/src/message/mod.rs"), "pub enum Call { Ping }")
                .expect("a file");
            assert_eq!(findings(root.path()), 1);
        }
    }
}
