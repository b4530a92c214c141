//! Installed packages: dpkg's database, and the package lists of golden machines.

use crate::deb822::{Paragraph, paragraphs};
use std::io;
use std::path::Path;
use vmbuild_protocol::Package;

/// dpkg's database, under a root.
const STATUS: &str = "var/lib/dpkg/status";

/// The installed packages of the tree whose uppermost layer with a database is `layer`, sorted.
pub fn installed_packages(layer: &Path) -> io::Result<Vec<Package>> {
    Ok(parse(&fs_err::read_to_string(layer.join(STATUS))?))
}

/// A package's line in a list: `name=version arch`.
pub fn format_package(package: &Package) -> String {
    format!("{}={} {}", package.name, package.version, package.arch)
}

/// A list of packages, one line each.
pub fn format_packages(packages: &[Package]) -> String {
    packages.iter().map(|package| format_package(package) + "\n").collect::<Vec<_>>().concat()
}

/// The packages of such a list.
pub fn parse_packages(lines: &str) -> Vec<Package> {
    let package = |line: &str| {
        let (named, arch) = line.split_once(' ')?;
        let (name, version) = named.split_once('=')?;
        Some(Package { name: name.to_owned(), version: version.to_owned(), arch: arch.to_owned() })
    };
    lines.lines().filter_map(package).collect()
}

/// Source: deb-control(5), dpkg(1) for the states.
fn parse(status: &str) -> Vec<Package> {
    let mut packages: Vec<Package> = paragraphs(status).iter().filter_map(package).collect();
    packages.sort();
    packages
}

fn package(paragraph: &Paragraph) -> Option<Package> {
    let field = |name| paragraph.field(name).map(str::to_owned);
    // The third word is the state; `half-configured` and the like are not installed.
    let installed = paragraph.field("Status")?.split(' ').nth(2) == Some("installed");
    installed.then_some(Package { name: field("Package")?, version: field("Version")?, arch: field("Architecture")? })
}

#[cfg(test)]
mod tests {
    use super::{format_packages, parse, parse_packages};

    fn check(status: &str, expect: &str) {
        assert_eq!(format_packages(&parse(status)), expect, "{status:?}");
        assert_eq!(parse_packages(expect), parse(status), "{status:?}");
    }

    #[test]
    fn reads_installed_packages() {
        let zlib = "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2\n";
        let apt = "Package: apt\nStatus: hold ok installed\nVersion: 2.6\nDescription: manager\n Version: 9\nArchitecture: all\n";
        check(&format!("{zlib}\n{apt}"), "apt=2.6 all\nzlib1g=1:1.2 amd64\n");
    }

    #[test]
    fn leaves_out_other_packages() {
        check("", "");
        check("Package: a\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n", "");
        check("Package: a\nStatus: install ok half-configured\nArchitecture: all\nVersion: 1\n", "");
        check("Package: a\nStatus: install ok installed\nArchitecture: all\n", "");
    }
}
