//! A package that an archive offers, and how apt describes it. Host and guest both ask apt.

use serde::{Deserialize, Serialize};

/// A package of an archive, as the archive's signed index describes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Offered {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture, such as `amd64` or `all`.
    pub arch: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// Its place in the archive.
    pub file: String,
}

impl Offered {
    /// What a line of a simulated installation installs, as `name=version`:
    /// `Inst libc6 (2.36-9 Debian:12.11/stable [amd64])`. Source: apt 2.6, `apt-pkg/algorithms.cc`.
    pub fn simulated(line: &str) -> Option<String> {
        let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
        let version = rest.split_once('(')?.1.split(' ').next()?;
        Some(format!("{name}={version}"))
    }

    /// The paragraphs of an index, sorted, each once; or the first line of one that lacks something.
    /// Source: deb-control(5), and the Debian wiki's description of the repository format.
    pub fn read_index(index: &str) -> Result<Vec<Self>, String> {
        let paragraphs = index.split("\n\n").filter(|text| !text.trim().is_empty());
        let read = |text: &str| Self::read(text).ok_or_else(|| text.lines().take(1).collect::<String>());
        let mut offered = paragraphs.map(read).collect::<Result<Vec<_>, _>>()?;
        offered.sort();
        offered.dedup();
        Ok(offered)
    }

    fn read(paragraph: &str) -> Option<Self> {
        let field = |name: &str| {
            let value = |line: &str| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned);
            paragraph.lines().find_map(value)
        };
        Some(Self {
            name: field("Package")?,
            version: field("Version")?,
            arch: field("Architecture")?,
            size: field("Size")?.parse().ok()?,
            sha256: field("SHA256")?,
            file: field("Filename")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Offered;

    fn check(line: &str, expect: Option<&str>) {
        assert_eq!(Offered::simulated(line).as_deref(), expect, "{line}");
    }

    #[test]
    fn reads_what_a_simulation_says() {
        check("Inst libc6 (2.36-9+deb12u14 Debian:12.15/oldstable [amd64]) []", Some("libc6=2.36-9+deb12u14"));
        check("Inst a [1.0] (2:1.1 x [all])", Some("a=2:1.1"));
        check("Conf libc6 (2.36-9 Debian [amd64])", None);
        check("Inst broken", None);
    }

    #[test]
    fn reads_an_index() {
        let zlib = "Package: zlib1g\nVersion: 1:1.2\nArchitecture: all\nFilename: pool/z.deb\nSize: 7\nSHA256: aa\n";
        let read = Offered::read_index(&format!("{zlib}\n{zlib}\n")).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].version.as_str(), read[0].size), ("1:1.2", 7));
        for (from, to) in [("Size: 7", "Size: x"), ("SHA256", "MD5sum"), ("Version", "Versions")] {
            assert_eq!(Offered::read_index(&zlib.replace(from, to)), Err("Package: zlib1g".to_owned()), "{to}");
        }
    }
}
