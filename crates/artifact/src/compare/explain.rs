//! Two artifacts explained: not which bytes differ, but what of it somebody would notice.

use super::elf::{ElfLinkage, linkage};
use super::sysconfig::{is_sysconfig, variables};
use super::{LONGEST, What, what};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use vmbuild_archive::{ArchiveError, ContentKind, EntryContent, contents, read_files};
use vmbuild_cpython::{BuildInfo, Version, layout};

/// Something that has a value in one or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedValue {
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

/// Differences between two artifacts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ArtifactExplanation {
    /// Packages of the machines they were compiled in.
    pub packages: Vec<ChangedValue>,
    /// Words of configure's command line.
    pub flags: Vec<ChangedValue>,
    /// Modules of the standard library, in C or Python.
    pub modules: Vec<ChangedValue>,
    /// Libraries that a file links: the name is `file: library`.
    pub libraries: Vec<ChangedValue>,
    /// Symbols that a file offers: the name is `file: symbol`.
    pub symbols: Vec<ChangedValue>,
    /// Variables of sysconfig.
    pub sysconfig: Vec<ChangedValue>,
    /// Files.
    pub files: Vec<FileChange>,
}

/// One artifact, as far as it is compared.
struct ComparedSide {
    contents: BTreeMap<String, EntryContent>,
    prefix: String,
}

impl ComparedSide {
    fn open(archive: &Path, version: &Version) -> Result<Self, ArchiveError> {
        let prefix = format!("{}/", layout::entry_prefix(version));
        let inside = |(path, content): (String, EntryContent)| {
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
pub fn explain(one: (&Path, &BuildInfo), other: (&Path, &BuildInfo)) -> Result<ArtifactExplanation, ArchiveError> {
    let (a, b) = (ComparedSide::open(one.0, &one.1.version)?, ComparedSide::open(other.0, &other.1.version)?);
    let paths: BTreeSet<&String> = a.contents.keys().chain(b.contents.keys()).collect();
    let differing = |path: &&String| Some(((*path).clone(), what(a.contents.get(*path), b.contents.get(*path))?));
    let found: Vec<(String, What)> = paths.iter().filter_map(differing).collect();
    let changed: BTreeSet<&String> =
        found.iter().filter(|(_, what)| *what == What::Contents).map(|(path, _)| path).collect();
    let (was, is) = (a.read(one.0, &changed)?, b.read(other.0, &changed)?);
    let mut explained = ArtifactExplanation {
        packages: compare(&packages(one.1), &packages(other.1)),
        flags: compare(&flags(one.1), &flags(other.1)),
        modules: compare(&modules(&a), &modules(&b)),
        ..ArtifactExplanation::default()
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

impl ArtifactExplanation {
    fn look_into(&mut self, path: &str, was: &[u8], is: &[u8]) {
        if is_sysconfig(path) {
            let read = |bytes: &[u8]| variables(&String::from_utf8_lossy(bytes));
            self.sysconfig.extend(compare(&read(was), &read(is)));
        }
        let (Some(was), Some(is)) = (linkage(was), linkage(is)) else { return };
        let named =
            |names: &BTreeSet<String>| names.iter().map(|name| (format!("{path}: {name}"), "yes".to_owned())).collect();
        let sets = |of: fn(&ElfLinkage) -> &BTreeSet<String>| compare(&named(of(&was)), &named(of(&is)));
        self.libraries.extend(sets(|linkage| &linkage.libraries));
        self.symbols.extend(sets(|linkage| &linkage.symbols));
    }
}

fn compare(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> Vec<ChangedValue> {
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let differing = names.into_iter().filter(|name| was.get(*name) != is.get(*name));
    let changed =
        |name: &String| ChangedValue { name: name.clone(), was: was.get(name).cloned(), is: is.get(name).cloned() };
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
fn modules(side: &ComparedSide) -> BTreeMap<String, String> {
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
    use super::*;
    use crate::cache::tests::info;
    use vmbuild_archive::Sha256;
    use vmbuild_protocol::Package;

    /// An archive with this program as a module, these packages, and these files.
    fn side(folder: &Path, program: &str, package: &str, files: &[(&str, &str)]) -> (std::path::PathBuf, BuildInfo) {
        let lib = folder.join("tree/opt/python-3.13.5/lib/python3.13");
        fs_err::create_dir_all(lib.join("lib-dynload")).expect("a folder");
        fs_err::copy(program, lib.join("lib-dynload/_x.cpython-313-x86_64-linux-gnu.so")).expect("copying");
        for (name, contents) in files {
            fs_err::write(lib.join(name), contents).expect("writing");
        }
        let archive = folder.join("a.tgz");
        vmbuild_archive::pack_tree(&folder.join("tree"), &archive, 7).expect("packing");
        let mut info = info(Sha256([1; 32]));
        let (name, arch) = ("gcc-12".to_owned(), "amd64".to_owned());
        info.packages = vec![Package { name, version: package.to_owned(), arch }];
        (archive, info)
    }

    #[test]
    fn what_somebody_would_notice_is_named() {
        let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let sysconfig = "_sysconfigdata__linux_.py";
        let files = [("gone.py", ""), (sysconfig, "build_time_vars = {'OPT': '-O0',\n 'CC': 'gcc'}\n")];
        let a = side(one.path(), "/bin/ls", "12.2.0-14", &files);
        let files = [("new.py", ""), (sysconfig, "build_time_vars = {'OPT': '-O2',\n 'CC': 'gcc'}\n")];
        let b = side(other.path(), "/bin/true", "12.2.0-15", &files);
        let found = explain((&a.0, &a.1), (&b.0, &b.1)).expect("two archives");
        let shown = |changes: &[ChangedValue]| {
            let value = |value: &Option<String>| value.clone().unwrap_or_default();
            changes.iter().map(|one| format!("{} {}>{}", one.name, value(&one.was), value(&one.is))).collect::<Vec<_>>()
        };
        assert_eq!(shown(&found.packages), ["gcc-12 amd64 12.2.0-14>12.2.0-15"]);
        assert_eq!(shown(&found.modules), ["gone Python>", "new >Python"]);
        assert_eq!(shown(&found.sysconfig), ["OPT '-O0'>'-O2'"]);
        assert_eq!(found.flags, []);
        assert!(shown(&found.libraries).iter().any(|line| line.contains("_x.") && line.ends_with("yes>")), "{found:?}");
        let paths: Vec<&str> =
            found.files.iter().map(|file| file.path.rsplit('/').next().unwrap_or_default()).collect();
        assert_eq!(paths, [sysconfig, "gone.py", "_x.cpython-313-x86_64-linux-gnu.so", "new.py"]);
        assert_eq!(explain((&a.0, &a.1), (&a.0, &a.1)).expect("an archive"), ArtifactExplanation::default());
    }

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
