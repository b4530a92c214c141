//! Publishers' keyrings: those that are part of the program, and those a user names.

use super::CloudError;
use crate::embedded::{KEYRINGS, lookup};
use std::path::Path;
use vmbuild_fetch::signature::Keyring;

/// The keyring of this name, or at this absolute path.
pub(super) fn keyring(name: &str) -> Result<Keyring, CloudError> {
    let unusable = |source| CloudError::Keyring { keyring: name.to_owned(), source };
    if Path::new(name).is_absolute() {
        return Keyring::parse(&fs_err::read(name)?).map_err(unusable);
    }
    let bytes = lookup(KEYRINGS, name).ok_or_else(|| CloudError::NoKeyring { keyring: name.to_owned() })?;
    Keyring::parse(bytes).map_err(unusable)
}

/// The names of the program's keyrings.
pub(super) fn names() -> Vec<&'static str> {
    KEYRINGS.iter().map(|(name, _)| *name).collect()
}
