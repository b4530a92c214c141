//! Hardening of programs and libraries: as distributions harden theirs.
//!
//! A compiler that was not asked to harden says nothing, and a flag that a stage of the build lost shows nowhere: the
//! interpreter works all the same. So every file that the loader takes is inspected. Required: position-independent code,
//! relocations that are read-only after the start (RELRO, `BIND_NOW`), a stack that is not executable, library folders that
//! are in the artifact and exist; in the interpreter also stack protectors and, where the build asked for them, the C
//! library's checking functions. docs/artifact.md gives the reason for each.

use super::elf::{self, ElfFindings, MAGIC};
use super::tree::UnpackedArtifact;
use crate::blocking::run_blocking;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use vmbuild_cpython::configure::FORTIFIES;
use vmbuild_cpython::layout::BUILD_INFO;

/// The folder with the compiled modules.
const MODULES: &str = "lib-dynload";

/// Findings in all programs and libraries.
#[derive(Debug, Default)]
pub(super) struct TreeFindings {
    /// Number of programs and libraries.
    pub(super) count: usize,
    /// Flaws: fragments that name the file.
    pub(super) flaws: Vec<String>,
    /// Set if one of them holds the interpreter.
    pub(super) has_interpreter: bool,
    /// The compiled modules: files in `lib-dynload`, and those built into the interpreter.
    pub(super) modules: BTreeSet<String>,
}

/// Inspects every program and library.
pub(super) async fn inspect_tree(tree: &UnpackedArtifact) -> Result<TreeFindings, String> {
    let (prefix, fortifies) = (tree.prefix().to_owned(), fortifies(tree));
    run_blocking(move || inspect_all(&prefix, fortifies)).await
}

/// Returns whether the build info asks for fortification. An artifact without build info fails another check.
fn fortifies(tree: &UnpackedArtifact) -> bool {
    let text = fs_err::read_to_string(tree.prefix().join(BUILD_INFO)).unwrap_or_default();
    let info: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    info["configure_line"].as_str().is_some_and(|line| line.contains(FORTIFIES))
}

fn inspect_all(prefix: &Path, fortifies: bool) -> Result<TreeFindings, String> {
    let mut findings = TreeFindings::default();
    for path in files(prefix)? {
        let name = path.strip_prefix(prefix).unwrap_or(&path).display().to_string();
        match inspect_file(&path) {
            Ok(Some(found)) => findings.add(&path, &name, found, fortifies),
            Ok(None) => {}
            Err(flaw) => findings.flaws.push(format!("{name} {flaw}")),
        }
    }
    Ok(findings)
}

impl TreeFindings {
    fn add(&mut self, path: &Path, name: &str, found: ElfFindings, fortifies: bool) {
        self.count += 1;
        self.flaws.extend(found.flaws.iter().map(|flaw| format!("{name} {flaw}")));
        if fortifies && found.is_interpreter && !found.fortified {
            self.flaws.push(format!("{name} is not fortified, although its build asked for it"));
        }
        if found.is_interpreter {
            self.has_interpreter = true;
            self.modules.extend(found.modules);
        } else if let Some(module) = module_of(path).filter(|&module| found.modules.contains(module)) {
            self.modules.insert(module.to_owned());
        }
    }
}

/// The module that a file in `lib-dynload` is named after: `_ssl.cpython-313-x86_64-linux-gnu.so` is `_ssl`.
fn module_of(path: &Path) -> Option<&str> {
    path.parent()?.ends_with(MODULES).then_some(())?;
    Some(path.file_name()?.to_str()?.split_once('.')?.0)
}

/// Returns whether a file has the name of a shared library, which nothing else may have.
fn is_library(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let numbered = |rest: &str| rest.chars().all(|c| c.is_ascii_digit() || c == '.');
    name.rsplit_once(".so").is_some_and(|(_, rest)| numbered(rest))
}

fn inspect_file(path: &Path) -> Result<Option<ElfFindings>, String> {
    let said = |error: std::io::Error| error.to_string();
    let mut file = fs_err::File::open(path).map_err(said)?;
    let mut bytes = Vec::new();
    (&mut file).take(elf::START as u64).read_to_end(&mut bytes).map_err(said)?;
    if is_library(path) {
        elf::loadable(&bytes)?;
    }
    if !bytes.starts_with(MAGIC) {
        return Ok(None);
    }
    file.read_to_end(&mut bytes).map_err(said)?;
    elf::inspect(&bytes, path.parent().unwrap_or(path))
}

/// Every regular file, in a fixed order. Links are not followed: their targets in here are listed themselves.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let said = |error: std::io::Error| error.to_string();
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(said)? {
        let entry = entry.map_err(said)?;
        let kind = entry.file_type().map_err(said)?;
        if kind.is_dir() {
            found.extend(files(&entry.path())?);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{inspect_all, is_library};
    use std::path::Path;
    use std::time::Duration;
    use tokio_util::sync::CancellationToken;
    use vmbuild_supervise::{Command, Deadline};

    const SOURCE: &str = "#include <string.h>\n#include <stdio.h>\n\
        int Py_BytesMain(int n, char **v) { char s[64]; strcpy(s, v[0]); return printf(\"%s\", s) + n; }\n\
        int main(int n, char **v) { return Py_BytesMain(n, v); }\n";
    const SOUND: &[&str] = &[
        "-O2",
        "-fPIE",
        "-pie",
        "-rdynamic",
        "-fstack-protector-strong",
        "-U_FORTIFY_SOURCE",
        "-D_FORTIFY_SOURCE=2",
        "-Wl,-z,relro,-z,now,-z,noexecstack",
        "-Wl,-rpath,$ORIGIN/../lib",
    ];

    #[test]
    fn libraries_are_told_by_their_names() {
        for name in ["libpython3.so", "libpython3.13.so.1.0", "_ssl.cpython-313-x86_64-linux-gnu.so"] {
            assert!(is_library(Path::new(name)), "{name}");
        }
        for name in ["os.py", "x.so.txt", "a.sort", "libpython3.13.a", "so"] {
            assert!(!is_library(Path::new(name)), "{name}");
        }
    }

    /// Compiles a program with the sound flags and these after them, and inspects it.
    async fn check(more: &[&str]) -> Option<Result<usize, String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["bin", "lib"] {
            fs_err::create_dir(path(name)).unwrap();
        }
        fs_err::write(path("a.c"), SOURCE).unwrap();
        let command = Command::new("gcc").arg("-o").arg(path("bin/a")).arg(path("a.c")).args(SOUND).args(more);
        let ran = command.output(Deadline::after(Duration::from_mins(1)), &CancellationToken::new()).await;
        ran.ok().map(|_| {
            let findings = inspect_all(folder.path(), true)?;
            assert!(findings.has_interpreter);
            if findings.flaws.is_empty() { Ok(findings.count) } else { Err(findings.flaws.join("; ")) }
        })
    }

    #[tokio::test(flavor = "current_thread")]
    async fn each_property_is_missed() {
        if check(&[]).await.is_none() {
            use std::io::Write as _;
            let _ =
                writeln!(std::io::stdout(), "skipped: each_property_is_missed: no gcc that compiles hardened programs");
            return;
        }
        let cases: [(&[&str], Result<usize, &str>); 8] = [
            (&[], Ok(1)),
            (&["-fno-pie", "-no-pie"], Err("bin/a is not position-independent")),
            (&["-Wl,-z,norelro"], Err("bin/a has no RELRO")),
            (&["-Wl,-z,lazy"], Err("bin/a is not bound at start (BIND_NOW)")),
            (&["-Wl,-z,execstack"], Err("bin/a has an executable stack")),
            (&["-fno-stack-protector"], Err("bin/a has no stack protector")),
            (&["-U_FORTIFY_SOURCE"], Err("bin/a is not fortified, although its build asked for it")),
            (&["-Wl,-rpath,/build/src"], Err("bin/a looks for libraries in `/build/src`")),
        ];
        for (more, expect) in cases {
            let got = check(more).await.unwrap();
            assert_eq!(got.as_ref().copied().map_err(String::as_str), expect, "{more:?}");
        }
    }
}
