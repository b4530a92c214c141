//! apt's output: simulated installations and paragraphs of a package index.

use crate::deb822::{Paragraph, paragraphs};
use vmbuild_protocol::Offered;

/// The package that a line of a simulated installation installs, as `name=version`:
/// `Inst libc6 (2.36-9 Debian:12.11/stable [amd64])`. Source: apt 2.6, `apt-pkg/algorithms.cc`.
pub fn simulated_install(line: &str) -> Option<String> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let version = rest.split_once('(')?.1.split(' ').next()?;
    Some(format!("{name}={version}"))
}

/// The packages of an index, sorted, each once; or the first line of a paragraph that lacks a field.
/// Source: deb-control(5), and the Debian wiki's description of the repository format.
pub fn read_index(index: &str) -> Result<Vec<Offered>, String> {
    let read = |paragraph: Paragraph| offered(&paragraph).ok_or_else(|| paragraph.first_line().to_owned());
    let mut packages = paragraphs(index).into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    packages.sort();
    packages.dedup();
    Ok(packages)
}

fn offered(paragraph: &Paragraph) -> Option<Offered> {
    let field = |name| paragraph.field(name).map(str::to_owned);
    Some(Offered {
        name: field("Package")?,
        version: field("Version")?,
        arch: field("Architecture")?,
        size: field("Size")?.parse().ok()?,
        sha256: field("SHA256")?,
        file: field("Filename")?,
    })
}

#[cfg(test)]
mod tests {
    use super::{read_index, simulated_install};

    fn check(line: &str, expect: Option<&str>) {
        assert_eq!(simulated_install(line).as_deref(), expect, "{line}");
    }

    #[test]
    fn reads_simulated_installations() {
        check("Inst libc6 (2.36-9+deb12u14 Debian:12.15/oldstable [amd64]) []", Some("libc6=2.36-9+deb12u14"));
        check("Inst a [1.0] (2:1.1 x [all])", Some("a=2:1.1"));
        check("Conf libc6 (2.36-9 Debian [amd64])", None);
        check("Inst broken", None);
    }

    #[test]
    fn reads_an_index() {
        let zlib = "Package: zlib1g\nVersion: 1:1.2\nArchitecture: all\nFilename: pool/z.deb\nSize: 7\nSHA256: aa\n";
        let read = read_index(&format!("{zlib}\n{zlib}\n")).expect("an index");
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].version.as_str(), read[0].size), ("1:1.2", 7));
        for (from, to) in [("Size: 7", "Size: x"), ("SHA256", "MD5sum"), ("Version", "Versions")] {
            assert_eq!(read_index(&zlib.replace(from, to)), Err("Package: zlib1g".to_owned()), "{to}");
        }
    }
}
