//! Every check is shown to pass on a sound artifact and to notice its own kind of damage.

use super::validate;
use crate::handlers::testing::request;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use vmbuild_protocol::{Check, Failure, FailureKind, Interpreter, Progress, Validate, Verdict};

const ARTIFACT: &str = "cpython-3.13.5-debian12-build1.tgz";
/// A shell script in the interpreter's place. It refuses help in finding libraries.
const PYTHON: &str = r#"#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
[ -z "$LD_LIBRARY_PATH" ] || exit 9
case "$*" in
--version) echo "Python 3.13.5" ;;
*"-m pip --version") echo "pip 25.1 from $here/../lib/python3.13/site-packages/pip (python 3.13)" ;;
*"-c import "*) ;;
*) exit 2 ;;
esac
"#;

/// An artifact in the making.
struct Artifact {
    folder: tempfile::TempDir,
    tree: tempfile::TempDir,
    packed: bool,
    ask: Validate,
}

impl Artifact {
    fn sound() -> Self {
        let (folder, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ask = Validate {
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
        let artifact = Self { folder, tree, packed: false, ask };
        artifact.write("bin/python3.13", PYTHON, 0o755);
        artifact.write("bin/pip3.13", "#!/opt/python-3.13.5/bin/python3.13\n", 0o755);
        artifact.write("lib/python3.13/site-packages/pip/__init__.py", "", 0o644);
        artifact.write(".build-info", r#"{"schema": 1, "version": "3.13.5"}"#, 0o644);
        artifact.write("LICENSE", "A. HISTORY OF THE SOFTWARE\n", 0o644);
        artifact
    }

    /// A file in the tree, before it is packed.
    fn path(&self, name: &str) -> PathBuf {
        self.tree.path().join("opt/python-3.13.5").join(name)
    }

    fn write(&self, name: &str, contents: &str, mode: u32) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, contents).unwrap();
        fs_err::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    }

    fn python(&self, from: &str, to: &str) {
        assert!(PYTHON.contains(from));
        self.write("bin/python3.13", &PYTHON.replace(from, to), 0o755);
    }

    fn remove(&self, name: &str) {
        fs_err::remove_file(self.path(name)).unwrap();
    }

    /// Packs the tree; returns the archive and its checksum file.
    fn pack(&mut self) -> (PathBuf, PathBuf) {
        let archive = self.folder.path().join(ARTIFACT);
        let checksum = self.folder.path().join(format!("{ARTIFACT}.sha256"));
        if !std::mem::replace(&mut self.packed, true) {
            let summary = vmbuild_archive::pack_tree(self.tree.path(), &archive, 0).unwrap();
            fs_err::write(&checksum, format!("{}  {ARTIFACT}\n", hex::encode(summary.sha256))).unwrap();
        }
        (archive, checksum)
    }

    async fn validate(mut self) -> Result<(Vec<Check>, Vec<Progress>), Failure> {
        self.pack();
        let before = self.listing();
        let (request, heard) = request();
        let checks = validate(&request, self.ask.clone()).await;
        assert_eq!(self.listing(), before, "something was left behind");
        drop(request);
        Ok((checks?, heard.progress().await))
    }

    fn listing(&self) -> Vec<String> {
        let entries = fs_err::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_sound_artifact_passes_every_check() {
    let (checks, progress) = Artifact::sound().validate().await.unwrap();
    let lines: Vec<String> =
        checks.iter().map(|check| format!("{:2} {:?} {}", check.number, check.verdict, check.name)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
     1 Pass artifact exists
     2 Pass checksum file
     3 Pass sha256
     4 Pass size
     5 Pass structure
     6 Pass binaries
     7 Pass version
     8 Pass native modules
     9 Pass pip
    10 Pass build info
    11 Pass licence
    ");
    assert_eq!(checks[6].evidence, "Python 3.13.5");
    assert_eq!(checks[7].evidence, "all 3 import");
    assert_eq!(checks[8].evidence, "pip 25.1 from opt/python-3.13.5/lib/python3.13/site-packages/pip");
    let streamed: Vec<Progress> = checks.into_iter().map(Progress::Checked).collect();
    assert_eq!(progress, streamed, "each check is told as it ends");
}

/// What was done to the artifact, which checks notice, and what the first of them says (in part).
type Damage = (&'static str, fn(&mut Artifact), &'static [u8], &'static str);

const FAILURES: &[Damage] = &[
    ("no artifact", |a| fs_err::remove_file(a.pack().0).unwrap(), &[1, 3, 4, 5, 6, 7, 8, 9, 10, 11], "No such file"),
    ("no checksum file", |a| fs_err::remove_file(a.pack().1).unwrap(), &[2, 3], "No such file"),
    ("empty checksum file", |a| fs_err::write(a.pack().1, "").unwrap(), &[2, 3], "0 lines, one expected"),
    ("garbled checksum file", |a| fs_err::write(a.pack().1, "hello\n").unwrap(), &[2, 3], "no checksum and name"),
    ("two checksums", |a| edit(&a.pack().1, |text| text.repeat(2)), &[2, 3], "2 lines, one expected"),
    (
        "another's checksum",
        |a| edit(&a.pack().1, |text| text.replace("build1", "build2")),
        &[2],
        "names cpython-3.13.5-debian12-build2.tgz",
    ),
    ("wrong checksum", |a| edit(&a.pack().1, |text| "0".repeat(64) + &text[64..]), &[3], "the checksum file says 0000"),
    ("cut archive", |a| cut(&a.pack().0), &[3, 5, 6, 7, 8, 9, 10, 11], "the checksum file says"),
    (
        "file elsewhere",
        |a| fs_err::write(a.tree.path().join("etc"), "").unwrap(),
        &[5],
        "etc is not under opt/python-3.13.5",
    ),
    ("not in opt", move_to_usr, &[5], "usr/python-3.13.5 is not in opt"),
    ("no binary", |a| a.remove("bin/python3.13"), &[6, 7, 8, 9], "no bin/python3.13"),
    ("binary not executable", |a| a.write("bin/python3.13", PYTHON, 0o644), &[6, 7, 8, 9], "is not executable"),
    ("another version", |a| a.python("3.13.5", "3.13.4"), &[7], "bin/python3.13 says 3.13.4, file name says 3.13.5"),
    ("longer version", |a| a.python("3.13.5", "3.13.50"), &[7], "says 3.13.50"),
    (
        "missing library",
        |a| a.python("case", "echo 'libpython3.13.so.1.0: cannot open' >&2; exit 127; case"),
        &[7, 8, 9],
        "bin/python3.13 --version: libpython3.13.so.1.0: cannot open",
    ),
    (
        "broken module",
        |a| {
            a.python(
                "*\"-c import \"*)",
                "*_ctypes) echo Traceback; echo 'ImportError: libffi.so.8' >&2; exit 1 ;; *\"-c import \"*)",
            );
        },
        &[8],
        "1 of 3 do not import: _ctypes: ImportError: libffi.so.8",
    ),
    (
        "crashing modules",
        |a| a.python("*\"-c import \"*)", "*ssl | *zlib) kill -SEGV $$ ;; *\"-c import \"*)"),
        &[8],
        "2 of 3 do not import: ssl: was ended by signal 11; zlib: was ended by signal 11",
    ),
    (
        "no pip",
        |a| a.python("echo \"pip", "echo 'No module named pip' >&2; exit 1; echo \"pip"),
        &[9],
        "No module named pip",
    ),
    ("no pip command", |a| a.remove("bin/pip3.13"), &[9], "no bin/pip3.13"),
    (
        "another's pip",
        |a| a.python("$here/../lib/python3.13/site-packages/pip", "/usr"),
        &[9],
        "is from /usr, outside the artifact",
    ),
    (
        "hung interpreter",
        |a| {
            a.python("echo \"Python", "exec sleep 60; echo \"Python");
            a.ask.timeout_ms = 3000;
        },
        &[7],
        "bin/python3.13 --version: ",
    ),
];

const WARNINGS: &[Damage] = &[
    ("too small", |a| a.ask.min_bytes = 50_000, &[4], "50.0 kB to 100.0 kB expected"),
    ("too large", |a| a.ask.max_bytes = 10, &[4], "1 bytes to 10 bytes expected"),
    ("no build info", |a| a.remove(".build-info"), &[10], "no .build-info"),
    ("garbled build info", |a| a.write(".build-info", "Version: 3.13.5", 0o644), &[10], "is not JSON"),
    ("build info without version", |a| a.write(".build-info", "{}", 0o644), &[10], "says no version"),
    (
        "another's build info",
        |a| a.write(".build-info", r#"{"version": "3.13.4"}"#, 0o644),
        &[10],
        "says 3.13.4, file name says 3.13.5",
    ),
    ("no license", |a| a.remove("LICENSE"), &[11], "no LICENSE"),
    ("empty license", |a| a.write("LICENSE", "", 0o644), &[11], "LICENSE is empty"),
];

fn edit(path: &PathBuf, change: impl FnOnce(&str) -> String) {
    let text = fs_err::read_to_string(path).unwrap();
    fs_err::write(path, change(&text)).unwrap();
}

fn move_to_usr(artifact: &mut Artifact) {
    let tree = artifact.tree.path();
    fs_err::rename(tree.join("opt"), tree.join("usr")).unwrap();
    artifact.ask.interpreter.prefix = "usr/python-3.13.5".to_owned();
}

fn cut(path: &PathBuf) {
    let bytes = fs_err::read(path).unwrap();
    fs_err::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

async fn check(damages: &[Damage], strict: bool, verdict: Verdict) {
    for (what, damage, numbers, evidence) in damages {
        let mut artifact = Artifact::sound();
        artifact.ask.strict = strict;
        damage(&mut artifact);
        let (checks, _) = artifact.validate().await.unwrap();
        assert_eq!(checks.len(), 11, "{what}: all checks always run");
        let noticed: Vec<&Check> = checks.iter().filter(|check| check.verdict != Verdict::Pass).collect();
        assert_eq!(noticed.iter().map(|check| check.number).collect::<Vec<_>>(), *numbers, "{what}: {noticed:#?}");
        assert!(noticed.iter().all(|check| check.verdict == verdict), "{what}: {noticed:#?}");
        assert!(noticed[0].evidence.contains(evidence), "{what}: {}", noticed[0].evidence);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn damage_is_noticed_by_its_own_check() {
    check(FAILURES, false, Verdict::Fail).await;
}

#[tokio::test(flavor = "current_thread")]
async fn small_flaws_warn_or_fail_as_asked() {
    check(WARNINGS, false, Verdict::Warn).await;
    check(WARNINGS, true, Verdict::Fail).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_cancelled_request_leaves_nothing_behind() {
    let mut artifact = Artifact::sound();
    artifact.pack();
    let (request, _heard) = request();
    request.cancel.cancel();
    let failure = validate(&request, artifact.ask.clone()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Cancelled);
    assert_eq!(artifact.listing().len(), 2);
}

#[tokio::test(flavor = "current_thread")]
async fn a_request_that_leads_elsewhere_is_refused() {
    let damages: [fn(&mut Validate); 4] = [
        |ask| ask.artifact = "../x.tgz".to_owned(),
        |ask| ask.folder = "relative".to_owned(),
        |ask| ask.interpreter.prefix = "opt/../..".to_owned(),
        |ask| ask.modules.push("os; evil()".to_owned()),
    ];
    for damage in damages {
        let mut artifact = Artifact::sound();
        damage(&mut artifact.ask);
        let (request, _heard) = request();
        assert_eq!(validate(&request, artifact.ask).await.unwrap_err().kind, FailureKind::Invalid);
    }
}
