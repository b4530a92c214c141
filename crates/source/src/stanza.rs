//! Reading a Debian `Sources` index as a stream.
//!
//! The index is some sixty megabytes of stanzas in the style of RFC 822: `Field: value` lines, continued by lines that
//! begin with a space, ended by an empty line. Only three fields matter here, and only until the digest is found.
//! Source: Debian Policy 5.1 "Syntax of control files"; 5.6.24 "Checksums-Sha1 and Checksums-Sha256".

use std::io::{self, BufRead};
use vmbuild_archive::Sha256;

/// Longest line that is read; the longest real ones are `Package-List` values of some kilobytes.
const LONGEST_LINE: u64 = 1 << 20;

/// A file of the archive's pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PoolFile {
    /// Its path below the archive's address.
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) sha256: Sha256,
}

/// The first file of any `python3.*` source package that has one of `digests`.
pub(super) fn find(mut index: impl BufRead, digests: &[Sha256]) -> io::Result<Option<PoolFile>> {
    let (mut stanza, mut line) = (Stanza::default(), Vec::new());
    loop {
        line.clear();
        let count = io::Read::take(&mut index, LONGEST_LINE).read_until(b'\n', &mut line)?;
        if !line.trim_ascii_end().is_empty() {
            stanza.push(&line);
            continue;
        }
        if let Some(found) = std::mem::take(&mut stanza).matching(digests) {
            return Ok(Some(found));
        }
        if count == 0 {
            return Ok(None);
        }
    }
}

/// The fields that matter of the stanza being read.
#[derive(Debug, Default)]
struct Stanza {
    package: String,
    directory: String,
    checksums: Vec<String>,
    in_checksums: bool,
}

impl Stanza {
    /// Takes a line. Of another package's stanza nothing is kept: those are nearly all of the sixty megabytes.
    fn push(&mut self, line: &[u8]) {
        if !self.package.is_empty() && !self.is_python() {
            return;
        }
        let line = String::from_utf8_lossy(line);
        if line.starts_with([' ', '\t']) {
            if self.in_checksums {
                self.checksums.push(line.trim().to_owned());
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        self.in_checksums = field == "Checksums-Sha256";
        match field {
            "Package" => value.trim().clone_into(&mut self.package),
            "Directory" => value.trim().clone_into(&mut self.directory),
            _ => {}
        }
    }

    fn is_python(&self) -> bool {
        self.package.starts_with("python3.")
    }

    fn matching(&self, digests: &[Sha256]) -> Option<PoolFile> {
        let mut files = self.checksums.iter().filter_map(|line| self.file(line)).filter(|_| self.is_python());
        files.find(|file| digests.contains(&file.sha256))
    }

    /// A line `digest length name`.
    fn file(&self, line: &str) -> Option<PoolFile> {
        let mut words = line.split_ascii_whitespace();
        let sha256 = words.next()?.parse().ok()?;
        let bytes = words.next()?.parse().ok()?;
        let path = format!("{}/{}", self.directory, words.next()?);
        is_plain(&path).then_some(PoolFile { path, bytes, sha256 })
    }
}

/// Whether a path stays below the archive's address and needs no escaping in a URL.
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
