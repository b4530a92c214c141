//! Finding a source archive in a Debian `Sources` index.
//!
//! The index is some sixty megabytes, of which three fields of a few paragraphs matter, and only until the digest is found.
//! Source: Debian Policy 5.6.24 "Checksums-Sha1 and Checksums-Sha256".

use std::io::{self, BufRead};
use vmbuild_archive::Sha256;
use vmbuild_packages::deb822::{Paragraph, ParagraphReader};

/// A file of the archive's pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PoolFile {
    /// Its path below the archive's address.
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) sha256: Sha256,
}

/// The first file of any `python3.*` source package that has one of `digests`.
pub(super) fn find(index: impl BufRead, digests: &[Sha256]) -> io::Result<Option<PoolFile>> {
    let mut reader = ParagraphReader::new(index);
    while let Some(paragraph) = reader.next_paragraph()? {
        let is_python = paragraph.field("Package").is_some_and(|name| name.starts_with("python3."));
        if let Some(found) = is_python.then(|| matching(&paragraph, digests)).flatten() {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn matching(paragraph: &Paragraph, digests: &[Sha256]) -> Option<PoolFile> {
    let directory = paragraph.field("Directory").unwrap_or_default();
    let mut files = paragraph.continuation("Checksums-Sha256").filter_map(|line| pool_file(directory, line));
    files.find(|file| digests.contains(&file.sha256))
}

/// A line `digest length name`.
fn pool_file(directory: &str, line: &str) -> Option<PoolFile> {
    let mut words = line.split_ascii_whitespace();
    let sha256 = words.next()?.parse().ok()?;
    let bytes = words.next()?.parse().ok()?;
    let path = format!("{directory}/{}", words.next()?);
    is_plain(&path).then_some(PoolFile { path, bytes, sha256 })
}

/// True if a path stays below the archive's address and needs no escaping in a URL.
fn is_plain(path: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._+~-".contains(c))
    };
    path.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::{PoolFile, find};
    use vmbuild_archive::Sha256;

    const ORIG: &str = "93e583f243454e6e9e4588ca2c2662206ad961659863277afcdb96801647d640";
    const DSC: &str = "4be84e20fb902354fa86955e2fbea6e8bdbd158f54833423488308a9b3532662";

    /// Shaped like the real index, cut to what shows the shape.
    fn index(package: &str, directory: &str) -> String {
        format!(
            "Package: other\nChecksums-Sha256:\n {ORIG} 1 decoy.tar.xz\nDirectory: pool/main/o/other\n\n\
             Package: {package}\nBinary: python3.13, python3.13-venv,\n libpython3.13\nVersion: 3.13.5-2+deb13u5\n\
             Files:\n dbaa8833aa736eddbb18a6a6ae0c10fa 22856016 python3.13_3.13.5.orig.tar.xz\n\
             Checksums-Sha256:\n {DSC} 4298 python3.13_3.13.5-2+deb13u5.dsc\n {ORIG} 22856016 python3.13_3.13.5.orig.tar.xz\n\
             Package-List: \n python3.13 deb python optional arch=any\nDirectory: {directory}\nPriority: optional\n"
        )
    }

    fn check(index: &str, digest: &str, expect: Option<(&str, u64)>) {
        let digest: Sha256 = digest.parse().expect("a digest");
        let expect = expect.map(|(path, bytes)| PoolFile { path: path.to_owned(), bytes, sha256: digest });
        assert_eq!(find(index.as_bytes(), &[digest]).expect("reading from memory"), expect, "{index}");
    }

    #[test]
    fn finds_by_digest_in_python_packages_only() {
        let good = index("python3.13", "pool/main/p/python3.13");
        let file = "pool/main/p/python3.13/python3.13_3.13.5.orig.tar.xz";
        check(&good, ORIG, Some((file, 22_856_016)));
        check(&format!("{good}\n"), ORIG, Some((file, 22_856_016)));
        check(&good.replace('\n', "\r\n"), ORIG, Some((file, 22_856_016)));
        check(&good, &"0".repeat(64), None);
        check(&index("unrelated", "pool/main/u/unrelated"), ORIG, None);
        check("", ORIG, None);
    }

    #[test]
    fn refuses_paths_that_leave_the_archive() {
        check(&index("python3.13", "../../etc"), ORIG, None);
        check(&index("python3.13", "/etc"), ORIG, None);
        check(&index("python3.13", "pool/a?b"), ORIG, None);
        check(&index("python3.13", ""), ORIG, None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let digest: Sha256 = ORIG.parse().expect("a digest");
            proptest::prop_assert_eq!(find(bytes.as_slice(), &[digest]).expect("reading from memory"), None);
        }
    }
}
