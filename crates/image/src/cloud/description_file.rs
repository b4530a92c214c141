//! Files of image descriptions, and the file for a changed one.
//!
//! The descriptions that come with vmbuild are part of the program and cannot be rewritten. So a description may also
//! be a file: one that the user names (`--image path/to/image.toml`), or `images.d/<name>.toml` in the store, which
//! takes precedence over the program's own of the same name. Updating an image changes its file, or makes one in `images.d`.

use crate::{Image, ImageError};
use std::path::{Path, PathBuf};
use vmbuild_core::store::Store;

/// A description's text, and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DescriptionFile {
    pub(crate) text: String,
    /// Its name in messages.
    pub(crate) file: String,
    /// True if the user gave a path: its file may have any name.
    pub(crate) named_by_path: bool,
    /// The file for a changed description.
    pub(crate) writable: PathBuf,
}

/// The names of the descriptions in `images.d`, sorted.
pub(crate) fn description_names(store: &Store) -> Result<Vec<String>, ImageError> {
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
pub(crate) fn find_description(image: &str, store: &Store) -> Result<DescriptionFile, ImageError> {
    let named_by_path = image.contains('/') || Path::new(image).extension().is_some_and(|ending| ending == "toml");
    let writable = if named_by_path {
        std::path::absolute(image)?
    } else {
        store.root().join("images.d").join(format!("{image}.toml"))
    };
    let file = writable.display().to_string();
    if named_by_path || writable.is_file() {
        return Ok(DescriptionFile { text: fs_err::read_to_string(&writable)?, file, named_by_path, writable });
    }
    let text = Image::embedded(image)?.to_owned();
    Ok(DescriptionFile { text, file: format!("images/{image}.toml"), named_by_path: false, writable })
}
