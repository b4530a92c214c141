//! Where an image's description lies, and where a changed one goes.
//!
//! The descriptions that come with vmbuild are part of the program and cannot be rewritten. So a description may also
//! be a file: one that the user names (`--image path/to/image.toml`), or `images.d/<name>.toml` in the store, which
//! goes before the program's own of the same name. Updating an image changes its file, or makes one in `images.d`.

use crate::{Image, ImageError};
use std::path::{Path, PathBuf};
use vmbuild_core::store::Store;

/// A description's text, and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DescriptionPlace {
    pub(crate) text: String,
    /// What it is called in messages.
    pub(crate) file: String,
    /// Whether the user gave a path: its file may be called anything.
    pub(crate) named_by_path: bool,
    /// Where a changed one goes.
    pub(crate) writable: PathBuf,
}

/// The names of the descriptions in `images.d`, sorted.
pub(crate) fn named(store: &Store) -> Result<Vec<String>, ImageError> {
    let folder = store.root().join("images.d");
    let mut names = Vec::new();
    if folder.is_dir() {
        for entry in fs_err::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            names.extend(name.strip_suffix(".toml").map(str::to_owned));
        }
    }
    names.sort();
    Ok(names)
}

/// The description of `image`: a path, or a name.
pub(crate) fn text_of(image: &str, store: &Store) -> Result<DescriptionPlace, ImageError> {
    let named_by_path = image.contains('/') || Path::new(image).extension().is_some_and(|ending| ending == "toml");
    let writable = if named_by_path {
        std::path::absolute(image)?
    } else {
        store.root().join("images.d").join(format!("{image}.toml"))
    };
    let file = writable.display().to_string();
    if named_by_path || writable.is_file() {
        return Ok(DescriptionPlace { text: fs_err::read_to_string(&writable)?, file, named_by_path, writable });
    }
    let text = Image::embedded(image)?.to_owned();
    Ok(DescriptionPlace { text, file: format!("images/{image}.toml"), named_by_path: false, writable })
}
