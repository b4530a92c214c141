//! Two artifacts explained: not which bytes differ, but what of it somebody would notice.

use super::elf::{Linkage, linkage};
use super::sysconfig::{is_sysconfig, variables};
use super::{LONGEST, What, what};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use vmbuild_archive::{ArchiveError, Content, ContentKind, contents, read_files};
use vmbuild_cpython::{BuildInfo, Version, layout};

/// Something that has a value in one or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Its name.
    pub name: String,
    /// Its value in the first artifact, if it is there.
    pub was: Option<String>,
    /// Its value in the second.
    pub is: Option<String>,
}

/// A file that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its path below the prefix.
    pub path: String,
    /// In what it differs.
    pub what: What,
    /// Its length in the first artifact, in bytes.
    pub was_bytes: Option<u64>,
    /// Its length in the second.
    pub is_bytes: Option<u64>,
}

/// What differs between two artifacts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Packages of the machines they were compiled in.
    pub packages: Vec<Changed>,
    /// Words of configure's command line.
    pub flags: Vec<Changed>,
    /// Modules of the standard library, in C or Python.
    pub modules: Vec<Changed>,
    /// Libraries that a file links: the name is `file: library`.
    pub libraries: Vec<Changed>,
    /// Symbols that a file offers: the name is `file: symbol`.
    pub symbols: Vec<Changed>,
    /// Variables of sysconfig.
    pub sysconfig: Vec<Changed>,
    /// Files.
    pub files: Vec<FileChange>,
}

/// One artifact, as far as it is compared.
struct Side {
    contents: BTreeMap<String, Content>,
    prefix: String,
}

impl Side {
    fn open(archive: &Path, version: &Version) -> Result<Self, ArchiveError> {
        let prefix = format!("{}/", layout::entry_prefix(version));
        let inside = |(path, content): (String, Content)| {
            let path = path.strip_prefix(&prefix).filter(|path| !path.is_empty())?.to_owned();
            Some((path, content))
        };
        Ok(Self { contents: contents(archive)?.into_iter().filter_map(inside).collect(), prefix })
    }

    fn read(&self, archive: &Path, wanted: &BTreeSet<&String>) -> Result<BTreeMap<String, Vec<u8>>, ArchiveError> {
        let inside = |path: &str| path.strip_prefix(&self.prefix).map(str::to_owned);
        let read = read_files(archive, |path| inside(path).is_some_and(|path| wanted.contains(&path)), LONGEST)?;
        Ok(read.into_iter().filter_map(|(path, bytes)| Some((inside(&path)?, bytes))).collect())
    }

    fn bytes(&self, path: &str) -> Option<u64> {
        match self.contents.get(path)?.kind {
            ContentKind::File { bytes, .. } => Some(bytes),
            _ => None,
        }
    }
}

/// Compares two artifacts whose `.build-info` has been read. Blocks.
pub fn explain(one: (&Path, &BuildInfo), other: (&Path, &BuildInfo)) -> Result<Explanation, ArchiveError> {
    let (a, b) = (Side::open(one.0, &one.1.version)?, Side::open(other.0, &other.1.version)?);
    let paths: BTreeSet<&String> = a.contents.keys().chain(b.contents.keys()).collect();
    let differing = |path: &&String| Some(((*path).clone(), what(a.contents.get(*path), b.contents.get(*path))?));
    let found: Vec<(String, What)> = paths.iter().filter_map(differing).collect();
    let changed: BTreeSet<&String> =
        found.iter().filter(|(_, what)| *what == What::Contents).map(|(path, _)| path).collect();
    let (was, is) = (a.read(one.0, &changed)?, b.read(other.0, &changed)?);
    let mut explained = Explanation {
        packages: compare(&packages(one.1), &packages(other.1)),
        flags: compare(&flags(one.1), &flags(other.1)),
        modules: compare(&modules(&a), &modules(&b)),
        ..Explanation::default()
    };
    for path in changed {
        let (Some(was), Some(is)) = (was.get(path), is.get(path)) else { continue };
        explained.look_into(path, was, is);
    }
    let file = |(path, what): (String, What)| {
        let (was_bytes, is_bytes) = (a.bytes(&path), b.bytes(&path));
        FileChange { path, what, was_bytes, is_bytes }
    };
    explained.files = found.into_iter().map(file).collect();
    Ok(explained)
}

impl Explanation {
    fn look_into(&mut self, path: &str, was: &[u8], is: &[u8]) {
        if is_sysconfig(path) {
            let read = |bytes: &[u8]| variables(&String::from_utf8_lossy(bytes));
            self.sysconfig.extend(compare(&read(was), &read(is)));
        }
        let (Some(was), Some(is)) = (linkage(was), linkage(is)) else { return };
        let named =
            |names: &BTreeSet<String>| names.iter().map(|name| (format!("{path}: {name}"), "yes".to_owned())).collect();
        let sets = |of: fn(&Linkage) -> &BTreeSet<String>| compare(&named(of(&was)), &named(of(&is)));
        self.libraries.extend(sets(|linkage| &linkage.libraries));
        self.symbols.extend(sets(|linkage| &linkage.symbols));
    }
}

fn compare(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> Vec<Changed> {
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let differing = names.into_iter().filter(|name| was.get(*name) != is.get(*name));
    let changed =
        |name: &String| Changed { name: name.clone(), was: was.get(name).cloned(), is: is.get(name).cloned() };
    differing.map(changed).collect()
}

fn packages(info: &BuildInfo) -> BTreeMap<String, String> {
    info.packages
        .iter()
        .map(|package| (format!("{} {}", package.name, package.arch), package.version.clone()))
        .collect()
}

/// The words of configure's line; of an option with a value, the value apart from its name.
fn flags(info: &BuildInfo) -> BTreeMap<String, String> {
    let words = info.plan.steps.steps.iter().find(|step| step.name == "configure").map(|step| match &step.action {
        vmbuild_protocol::Action::Run { command, .. } => command.argv.clone(),
        _ => Vec::new(),
    });
    let pair = |word: String| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (word, "yes".to_owned()),
    };
    words.unwrap_or_default().into_iter().map(pair).collect()
}

/// Modules by name: what lies in the library's own folder, and the compiled ones.
fn modules(side: &Side) -> BTreeMap<String, String> {
    side.contents.keys().filter_map(|path| module(path)).map(|(name, kind)| (name, kind.to_owned())).collect()
}

fn module(path: &str) -> Option<(String, &'static str)> {
    let (_, below) = path.strip_prefix("lib/python").and_then(|rest| rest.split_once('/'))?;
    if let Some(file) = below.strip_prefix("lib-dynload/") {
        return Some((file.split('.').next()?.to_owned(), "compiled"));
    }
    let name = below.strip_suffix("/__init__.py").or(below.strip_suffix(".py"))?;
    (!name.contains('/')).then(|| (name.to_owned(), "Python"))
}

#[cfg(test)]
mod tests {
    use super::module;

    fn check(path: &str, expect: Option<(&str, &'static str)>) {
        assert_eq!(module(path), expect.map(|(name, kind)| (name.to_owned(), kind)), "{path}");
    }

    #[test]
    fn modules_are_known_by_their_place() {
        check("lib/python3.13/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so", Some(("_ssl", "compiled")));
        check("lib/python3.13/json/__init__.py", Some(("json", "Python")));
        check("lib/python3.13/this.py", Some(("this", "Python")));
        check("lib/python3.13/json/decoder.py", None);
        check("bin/python3.13", None);
    }
}
