//! The identity of a golden machine: a digest over everything it is made from.

use super::{EPOCH, GoldenRole};
use crate::{Image, ImageError};
use sha2::{Digest, Sha256};
use vmbuild_protocol::Package;

/// Raised whenever the steps that build a golden machine change in a way that its data does not show.
const VERSION: &str = "3";

/// Everything that is known before a golden machine is built. The agent is not part of it: it is bound into the
/// sandbox and carried by the initramfs, so a new agent needs no new machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GoldenRecipe {
    sha256: String,
}

impl GoldenRecipe {
    /// The recipe of `image` for the processor this program runs on. A required lock is part of it, so
    /// that a machine built without one is not used in its place.
    pub(crate) fn of(image: &Image, lock: Option<&str>) -> Self {
        let parts = [VERSION, std::env::consts::ARCH, EPOCH, image.text(), image.lists_text()];
        let parts: Vec<&str> = parts.into_iter().chain(lock).collect();
        Self { sha256: digest(&parts) }
    }

    /// The name of the golden machine's folder.
    pub(crate) fn key(&self) -> &str {
        &self.sha256[..16]
    }

    /// The identity of the machine for `role`, once the installed packages are known.
    pub(crate) fn identity(&self, role: GoldenRole, packages: &[Package]) -> String {
        digest(&[&self.sha256, role.as_str(), &vmbuild_packages::format_packages(packages)])
    }
}

/// SHA-256 in hex over parts and their lengths: no two lists of parts look the same.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// A UUID that is the same for the same identity: its first 16 bytes, marked as a custom UUID (RFC 9562, 5.8).
pub(crate) fn uuid(digest: &str) -> Result<String, ImageError> {
    let mut bytes = [0u8; 16];
    let start = digest.get(..32).unwrap_or_default();
    hex::decode_to_slice(start, &mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex::encode(bytes);
    Ok([&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-"))
}

#[cfg(test)]
mod tests {
    use super::{GoldenRecipe, digest, uuid};
    use crate::{GoldenRole, Image};
    use vmbuild_protocol::Package;

    #[test]
    fn parts_cannot_be_mistaken_for_each_other() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["a"]), digest(&["a", ""]));
    }

    #[test]
    fn role_and_packages_are_part_of_the_identity() {
        let image = Image::find("debian-12").expect("an image");
        let recipe = GoldenRecipe::of(&image, None);
        assert_ne!(recipe, GoldenRecipe::of(&image, Some("a lock")));
        let zlib = Package { name: "zlib1g".to_owned(), version: "1".to_owned(), arch: "amd64".to_owned() };
        let newer = Package { version: "2".to_owned(), ..zlib.clone() };
        let made = |role, package: &Package| recipe.identity(role, std::slice::from_ref(package));
        assert_eq!(made(GoldenRole::Build, &zlib), made(GoldenRole::Build, &zlib));
        assert_ne!(made(GoldenRole::Build, &zlib), made(GoldenRole::Clean, &zlib));
        assert_ne!(made(GoldenRole::Build, &zlib), made(GoldenRole::Build, &newer));
        assert_eq!(recipe.key().len(), 16);
    }

    #[test]
    fn uuids_are_marked_as_custom() {
        assert_eq!(uuid(&"ff".repeat(32)).expect("a digest"), "ffffffff-ffff-8fff-bfff-ffffffffffff");
        assert!(uuid("short").is_err());
    }
}
