//! Which packages a tree has installed, as its dpkg database says.

use super::lock::{Change, LockedPackage};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use vmbuild_protocol::Package;

/// Where dpkg keeps its database, under a root.
const STATUS: &str = "var/lib/dpkg/status";

/// The installed packages of the tree whose uppermost layer that has a database is `layer`, sorted.
pub(super) fn installed_in(layer: &Path) -> io::Result<Vec<Package>> {
    Ok(parse(&fs_err::read_to_string(layer.join(STATUS))?))
}

/// A package's line in a list: `name=version arch`.
pub fn line(package: &Package) -> String {
    format!("{}={} {}", package.name, package.version, package.arch)
}

/// One line a package.
pub(super) fn list(packages: &[Package]) -> String {
    packages.iter().map(|package| line(package) + "\n").collect::<Vec<_>>().concat()
}

/// The packages of such lines.
pub(super) fn parse_list(lines: &str) -> Vec<Package> {
    let package = |line: &str| {
        let (named, arch) = line.split_once(' ')?;
        let (name, version) = named.split_once('=')?;
        Some(Package { name: name.to_owned(), version: version.to_owned(), arch: arch.to_owned() })
    };
    lines.lines().filter_map(package).collect()
}

/// Where what is installed is not what was agreed on.
pub(super) fn differences(agreed: &[&LockedPackage], installed: &[Package]) -> Vec<Change> {
    let agreed: BTreeMap<&str, &str> = agreed.iter().map(|one| (one.name.as_str(), one.version.as_str())).collect();
    let found: BTreeMap<&str, &str> = installed.iter().map(|one| (one.name.as_str(), one.version.as_str())).collect();
    let names: std::collections::BTreeSet<&str> = agreed.keys().chain(found.keys()).copied().collect();
    let version = |map: &BTreeMap<&str, &str>, name: &str| map.get(name).map(|&version| version.to_owned());
    let change = |name: &str| Change { name: name.to_owned(), old: version(&agreed, name), new: version(&found, name) };
    names.into_iter().map(change).filter(|change| change.old != change.new).collect()
}

/// Reads paragraphs of `Field: value` lines. Source: deb-control(5), dpkg(1) for the states.
fn parse(status: &str) -> Vec<Package> {
    let mut packages: Vec<Package> = status.split("\n\n").filter_map(paragraph).collect();
    packages.sort();
    packages
}

fn paragraph(text: &str) -> Option<Package> {
    let field = |name: &str| {
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned);
        text.lines().find_map(value)
    };
    // The third word is the state; `half-configured` and the like are not installed.
    let installed = field("Status")?.split(' ').nth(2) == Some("installed");
    installed.then_some(Package { name: field("Package")?, version: field("Version")?, arch: field("Architecture")? })
}

#[cfg(test)]
mod tests {
    use super::{list, parse, parse_list};

    fn check(status: &str, expect: &str) {
        assert_eq!(list(&parse(status)), expect, "{status:?}");
        assert_eq!(parse_list(expect), parse(status), "{status:?}");
    }

    #[test]
    fn reads_what_is_installed() {
        let zlib = "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2\n";
        let apt = "Package: apt\nStatus: hold ok installed\nVersion: 2.6\nDescription: manager\n Version: 9\nArchitecture: all\n";
        check(&format!("{zlib}\n{apt}"), "apt=2.6 all\nzlib1g=1:1.2 amd64\n");
    }

    #[test]
    fn leaves_out_what_is_not() {
        check("", "");
        check("Package: a\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n", "");
        check("Package: a\nStatus: install ok half-configured\nArchitecture: all\nVersion: 1\n", "");
        check("Package: a\nStatus: install ok installed\nArchitecture: all\n", "");
    }
}
