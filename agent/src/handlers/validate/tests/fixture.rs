//! An artifact in the making: a few small programs compiled here, in the places where CPython has its own.

use super::super::validate;
use crate::testing::request;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use vmbuild_cpython::layout::compiled_modules;
use vmbuild_protocol::{Check, Interpreter, Progress, RequestFailure, Validate};
use vmbuild_supervise::{Command, Deadline};

pub(super) const ARTIFACT: &str = "cpython-3.13.5-debian12-build1.tgz";
pub(super) const BINARY: &str = "bin/python3.13";
pub(super) const LIBRARY: &str = "lib/libpython3.13.so.1.0";
/// The interpreter's answers, as a shell script that the compiled one executes. It refuses help in finding libraries.
pub(super) const ANSWERS: &str = r#"#!/bin/sh
here=$(cd "$(dirname "$0")/.." && pwd)
[ -z "$LD_LIBRARY_PATH" ] || exit 9
origin=$here/lib/python3.13/$5.py
base=$here
digest() { printf %s "$1" | sha256sum | cut -c 1-64; }
case "$*" in
--version) echo "Python 3.13.5" ;;
*"-m pip --version") echo "pip 25.1 from $here/lib/python3.13/site-packages/pip (python 3.13)" ;;
*"-c "*) printf '\0%s\0%s\0%s\0%s\0%s' "$(digest "$6")" 3.13.5 "$base" "$origin" "$here/lib/python3.13/zlib.py" ;;
*) exit 2 ;;
esac
"#;
const PROGRAM: &str = "int Py_BytesMain(int n, char **v);\nint main(int n, char **v) { return Py_BytesMain(n, v); }\n";
const RUN: &str = r#"
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int Py_BytesMain(int n, char **v) {
    char place[4096], *args[64] = {"sh", place};
    ssize_t length = readlink("/proc/self/exe", place, 4000);
    if (length < 0 || n > 60) return 3;
    place[length] = 0;
    strcpy(strrchr(place, '/'), "/../lib/answers.sh");
    for (int i = 1; i <= n; i++) args[i + 1] = v[i];
    execv("/bin/sh", args);
    return 3;
}
"#;
const HARDENED: [&str; 3] = ["-O1", "-fstack-protector-all", "-Wl,-z,relro,-z,now,-z,noexecstack"];
/// The modules that are files; the interpreter holds all others.
const FILES: [&str; 3] = ["_ssl", "_ctypes", "zlib"];

/// Where a module is.
pub(super) fn dynload(module: &str) -> String {
    format!("lib/python3.13/lib-dynload/{module}.cpython-313-x86_64-linux-gnu.so")
}

/// Compiled programs, once for all artifacts.
struct Compiled {
    program: Vec<u8>,
    library: Vec<u8>,
    modules: Vec<u8>,
}

impl Compiled {
    async fn get() -> &'static Self {
        static COMPILED: OnceCell<Compiled> = OnceCell::const_new();
        COMPILED.get_or_init(Self::make).await
    }

    async fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (folder, inits) = (folder.path(), |names: &[&str]| -> String {
            let each = names.iter().map(|name| format!("int PyInit_{name}(void) {{ return 0; }}\n"));
            each.collect::<Vec<_>>().concat()
        });
        let all = compiled_modules(&"3.13.5".parse().unwrap());
        let held: Vec<&str> = all.iter().map(String::as_str).filter(|name| !FILES.contains(name)).collect();
        let shared = ["-shared", "-fPIC"];
        let soname = [&shared[..], &["-Wl,-soname,libpython3.13.so.1.0"]].concat();
        let library = compile(folder, "libpython3.13.so", &format!("{RUN}{}", inits(&held)), &soname).await;
        let modules = compile(folder, "modules.so", &inits(&FILES), &shared).await;
        let linked =
            ["-fPIE", "-pie", "-L.", "-l:libpython3.13.so", "-Wl,-rpath,$ORIGIN/../lib", "-Wl,--allow-shlib-undefined"];
        let program = compile(folder, "program", PROGRAM, &linked).await;
        Self { program, library, modules }
    }
}

async fn compile(folder: &Path, name: &str, source: &str, args: &[&str]) -> Vec<u8> {
    let code = format!("{name}.c");
    fs_err::write(folder.join(&code), source).unwrap();
    let command = Command::new("cc").current_dir(folder).args(["-o", name, &code]).args(HARDENED).args(args);
    // Rust links by it, so whoever compiled this test has it.
    command.output(Deadline::after(Duration::from_mins(2)), &CancellationToken::new()).await.expect("a C compiler");
    fs_err::read(folder.join(name)).unwrap()
}

/// An artifact in the making.
pub(super) struct Artifact {
    pub(super) folder: tempfile::TempDir,
    pub(super) tree: tempfile::TempDir,
    packed: bool,
    pub(super) order: Validate,
}

impl Artifact {
    pub(super) async fn sound() -> Self {
        let (folder, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let order = Validate {
            folder: folder.path().to_str().unwrap().to_owned(),
            artifact: ARTIFACT.to_owned(),
            interpreter: Interpreter {
                version: "3.13.5".to_owned(),
                prefix: "opt/python-3.13.5".to_owned(),
                binary: "python3.13".to_owned(),
                pip: "pip3.13".to_owned(),
            },
            min_bytes: 1,
            max_bytes: 100_000,
            strict: false,
            modules: ["ssl", "_ctypes", "zlib"].map(str::to_owned).to_vec(),
            timeout_ms: 30_000,
        };
        let artifact = Self { folder, tree, packed: false, order };
        let compiled = Compiled::get().await;
        artifact.write(BINARY, &compiled.program, 0o755);
        artifact.write(LIBRARY, &compiled.library, 0o755);
        for module in FILES {
            artifact.write(&dynload(module), &compiled.modules, 0o755);
        }
        for module in &artifact.order.modules {
            artifact.write(&format!("lib/python3.13/{module}.py"), "", 0o644);
        }
        artifact.write("lib/answers.sh", ANSWERS, 0o644);
        artifact.write("bin/pip3.13", "#!/opt/python-3.13.5/bin/python3.13\n", 0o755);
        artifact.write("lib/python3.13/site-packages/pip/__init__.py", "", 0o644);
        artifact.write(".build-info", r#"{"schema": 1, "version": "3.13.5"}"#, 0o644);
        artifact.write("LICENSE", "A. HISTORY OF THE SOFTWARE\n", 0o644);
        artifact
    }

    /// A file in the tree, before it is packed.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.tree.path().join("opt/python-3.13.5").join(name)
    }

    pub(super) fn write(&self, name: &str, contents: impl AsRef<[u8]>, mode: u32) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, contents.as_ref()).unwrap();
        fs_err::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    }

    /// Changes what the interpreter says.
    pub(super) fn python(&self, from: &str, to: &str) {
        assert!(ANSWERS.contains(from));
        self.write("lib/answers.sh", ANSWERS.replace(from, to), 0o644);
    }

    /// Changes a file's bytes.
    pub(super) fn edit(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs_err::read(self.path(name)).unwrap();
        change(&mut bytes);
        fs_err::write(self.path(name), bytes).unwrap();
    }

    pub(super) fn remove(&self, name: &str) {
        fs_err::remove_file(self.path(name)).unwrap();
    }

    /// Packs the tree; returns the archive and its checksum file.
    pub(super) fn pack(&mut self) -> (PathBuf, PathBuf) {
        let archive = self.folder.path().join(ARTIFACT);
        let checksum = self.folder.path().join(format!("{ARTIFACT}.sha256"));
        if !std::mem::replace(&mut self.packed, true) {
            let summary = vmbuild_archive::pack_tree(self.tree.path(), &archive, 0).unwrap();
            fs_err::write(&checksum, format!("{}  {ARTIFACT}\n", hex::encode(summary.sha256))).unwrap();
        }
        (archive, checksum)
    }

    pub(super) async fn validate(mut self) -> Result<(Vec<Check>, Vec<Progress>), RequestFailure> {
        self.pack();
        let before = self.listing();
        let (request, heard) = request();
        let checks = validate(&request, self.order.clone()).await;
        assert_eq!(self.listing(), before, "something was left behind");
        drop(request);
        Ok((checks?, heard.progress().await))
    }

    pub(super) fn listing(&self) -> Vec<String> {
        let entries = fs_err::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
