//! The publishers' keys that are part of the program, and those a user names.

use super::CloudError;
use crate::signature::Keyring;
use std::path::Path;

const KEYRINGS: [(&str, &[u8]); 2] = [
    ("fedora-44", include_bytes!("../../../../images/keyrings/fedora-44.asc")),
    ("ubuntu-cloud-images", include_bytes!("../../../../images/keyrings/ubuntu-cloud-images.asc")),
];

/// The keyring of this name, or at this absolute path.
pub(super) fn keyring(name: &str) -> Result<Keyring, CloudError> {
    let unusable = |source| CloudError::Keyring { keyring: name.to_owned(), source };
    if Path::new(name).is_absolute() {
        return Keyring::parse(&fs_err::read(name)?).map_err(unusable);
    }
    let known = KEYRINGS.iter().find(|(known, _)| *known == name);
    let (_, bytes) = known.ok_or_else(|| CloudError::NoKeyring { keyring: name.to_owned() })?;
    Keyring::parse(bytes).map_err(unusable)
}

/// The names there are.
pub(super) fn names() -> Vec<&'static str> {
    KEYRINGS.iter().map(|(name, _)| *name).collect()
}
