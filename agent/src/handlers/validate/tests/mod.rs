//! Every check is shown to pass on a sound artifact and to notice its own kind of damage.

mod fixture;

use super::validate;
use crate::testing::request;
use fixture::{ANSWERS, Artifact, BINARY, LIBRARY, dynload};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use vmbuild_cpython::CHECKS;
use vmbuild_protocol::{Check, FailureKind, Progress, Validate, Verdict};

#[tokio::test(flavor = "current_thread")]
async fn a_sound_artifact_passes_every_check() {
    let (checks, progress) = Artifact::sound().await.validate().await.unwrap();
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
    11 Pass license
    ");
    let all = vmbuild_cpython::layout::compiled_modules(&"3.13.5".parse().unwrap()).len();
    let evidence = format!("bin/python3.13, executable; 5 hardened files; {all} compiled modules");
    assert_eq!(checks[5].evidence, evidence);
    assert_eq!(checks[6].evidence, "Python 3.13.5");
    assert_eq!(checks[7].evidence, "all 3 import, from the artifact alone");
    assert_eq!(checks[8].evidence, "pip 25.1 from opt/python-3.13.5/lib/python3.13/site-packages/pip");
    let streamed: Vec<Progress> = checks.into_iter().map(Progress::Checked).collect();
    assert_eq!(progress, streamed, "each check is reported as it ends");
}

/// A name, the damage done to the artifact, the checks that notice it, and a part of the first one's evidence.
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
    ("not in opt", move_to_usr, &[5], "usr/python-3.13.5 is not opt/python-3.13.5"),
    ("no binary", |a| a.remove(BINARY), &[6, 7, 8, 9], "no bin/python3.13"),
    (
        "binary not executable",
        |a| fs_err::set_permissions(a.path(BINARY), PermissionsExt::from_mode(0o644)).unwrap(),
        &[6, 7, 8, 9],
        "is not executable",
    ),
    (
        "another version",
        |a| a.python("Python 3.13.5", "Python 3.13.4"),
        &[7],
        "bin/python3.13 says 3.13.4, file name says 3.13.5",
    ),
    ("longer version", |a| a.python("Python 3.13.5", "Python 3.13.50"), &[7], "says 3.13.50"),
    (
        "missing library",
        |a| a.python("case \"", "echo 'libpython3.13.so.1.0: cannot open' >&2; exit 127; case \""),
        &[7, 8, 9],
        "bin/python3.13 --version: libpython3.13.so.1.0: cannot open",
    ),
    (
        "broken module",
        |a| {
            a.python(
                "*\"-c \"*)",
                "*\" _ctypes \"*) echo Traceback; echo 'ImportError: libffi.so.8' >&2; exit 1 ;; *\"-c \"*)",
            );
        },
        &[8],
        "1 of 3 do not import: _ctypes: ImportError: libffi.so.8",
    ),
    (
        "crashing modules",
        |a| a.python("*\"-c \"*)", "*\" ssl \"* | *\" zlib \"*) kill -SEGV $$ ;; *\"-c \"*)"),
        &[8],
        "2 of 3 do not import: ssl: was killed by signal 11; zlib: was killed by signal 11",
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
        |a| a.python("$here/lib/python3.13/site-packages/pip", "/usr"),
        &[9],
        "is from /usr, outside the artifact",
    ),
    (
        "hung interpreter",
        |a| {
            a.python("echo \"Python", "exec sleep 60; echo \"Python");
            a.order.timeout_ms = 3000;
        },
        &[7],
        "bin/python3.13 --version: ",
    ),
];

/// As [`FAILURES`], with files that are not what their names say.
const IMPOSTORS: &[Damage] = &[
    ("script", |a| a.write(BINARY, ANSWERS, 0o755), &[6, 7, 8, 9], "bin/python3.13 is a script, not an ELF file"),
    ("empty binary", |a| a.write(BINARY, "", 0o755), &[6, 7, 8, 9], "bin/python3.13 is not an ELF file"),
    (
        "another machine's binary",
        |a| a.edit(BINARY, |bytes| of_another_machine(bytes)),
        &[6, 7, 8, 9],
        "bin/python3.13 is for machine 243, this machine is ",
    ),
    (
        "another machine's module",
        |a| a.edit(&dynload("_ssl"), |bytes| of_another_machine(bytes)),
        &[6],
        "_ssl.cpython-313-x86_64-linux-gnu.so is for machine 243, this machine is ",
    ),
    ("cut module", |a| a.edit(&dynload("zlib"), |bytes| bytes.truncate(bytes.len() - 1)), &[6], "cut short"),
    ("cut program", |a| a.edit(BINARY, |bytes| bytes.truncate(10)), &[6, 7, 8, 9], "bin/python3.13 is cut short"),
    (
        "object file as a binary",
        |a| a.edit(BINARY, |bytes| object(bytes)),
        &[6, 7, 8, 9],
        "bin/python3.13 is not a program or shared",
    ),
    (
        "object file as a module",
        |a| a.edit(&dynload("zlib"), |bytes| object(bytes)),
        &[6],
        "so is not a program or shared library",
    ),
    ("text as a module", |a| a.write(&dynload("zlib"), "hello", 0o755), &[6], "so is not an ELF file"),
    ("script as a library", |a| a.write(LIBRARY, ANSWERS, 0o755), &[6, 7, 8, 9], "so.1.0 is a script, not an ELF file"),
    ("no library", |a| a.remove(LIBRARY), &[6, 7, 8, 9], "no program or library in it holds the interpreter"),
    ("missing module", |a| a.remove(&dynload("_ssl")), &[6], "compiled modules are missing: _ssl"),
    (
        "a module under another's name",
        |a| fs_err::rename(a.path(&dynload("_ssl")), a.path(&dynload("_tls"))).unwrap(),
        &[6],
        "compiled modules are missing: _ssl",
    ),
    (
        "canned digest",
        |a| a.python("$(digest \"$6\")", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        &[8],
        "3 of 3 do not import: ssl: is answered without the digest that was asked for",
    ),
    ("silent imports", |a| a.python("*\"-c \"*)", "*\"-c \"*) ;; never)"), &[8], "ssl: is answered by ``"),
    (
        "module of elsewhere",
        |a| a.python("$here/lib/python3.13/$5.py", "/proc/version"),
        &[8],
        "ssl: is from /proc/version",
    ),
    (
        "library of elsewhere",
        |a| a.python("$here/lib/python3.13/zlib.py", "/proc/version"),
        &[8],
        "loads /proc/version",
    ),
    ("base of elsewhere", |a| a.python("base=$here", "base=/usr"), &[8], "sys.base_prefix /usr, outside the artifact"),
    ("no modules asked for", |a| a.order.modules.clear(), &[8], "no module to import was named"),
];

/// Says in an ELF header that it is for RISC-V.
fn of_another_machine(bytes: &mut [u8]) {
    bytes[18..20].copy_from_slice(&243_u16.to_le_bytes());
}

/// Says in an ELF header that it is an object file, to be linked.
fn object(bytes: &mut [u8]) {
    bytes[16..18].copy_from_slice(&1_u16.to_le_bytes());
}

const WARNINGS: &[Damage] = &[
    ("too small", |a| a.order.min_bytes = 50_000, &[4], "50.0 kB to 100.0 kB expected"),
    ("too large", |a| a.order.max_bytes = 10, &[4], "1 bytes to 10 bytes expected"),
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
    artifact.order.interpreter.prefix = "usr/python-3.13.5".to_owned();
}

fn cut(path: &PathBuf) {
    let bytes = fs_err::read(path).unwrap();
    fs_err::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

async fn check(damages: &[Damage], strict: bool, verdict: Verdict) {
    for (what, damage, numbers, evidence) in damages {
        let mut artifact = Artifact::sound().await;
        artifact.order.strict = strict;
        damage(&mut artifact);
        let (checks, _) = artifact.validate().await.unwrap();
        assert_eq!(checks.len(), CHECKS.len(), "{what}: all checks always run");
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
async fn impostors_are_noticed() {
    check(IMPOSTORS, false, Verdict::Fail).await;
}

/// A tarball of scripts alone, which answers everything right.
#[tokio::test(flavor = "current_thread")]
async fn a_script_does_not_pass_as_an_interpreter() {
    let artifact = Artifact::sound().await;
    fs_err::remove_dir_all(artifact.path("lib/python3.13/lib-dynload")).unwrap();
    artifact.remove(LIBRARY);
    artifact.write(BINARY, ANSWERS, 0o755);
    let (checks, _) = artifact.validate().await.unwrap();
    let said =
        |number: usize| (checks[number - 1].name.as_str(), checks[number - 1].verdict, &checks[number - 1].evidence);
    let (name, verdict, evidence) = said(6);
    assert_eq!((name, verdict), ("binaries", Verdict::Fail));
    for part in ["bin/python3.13 is a script", "holds the interpreter", "modules are missing: _asyncio, "] {
        assert!(evidence.contains(part), "{evidence}");
    }
    let (name, verdict, evidence) = said(8);
    assert_eq!((name, verdict), ("native modules", Verdict::Fail));
    assert_eq!(evidence, "bin/python3.13 is a script, not an ELF file");
}

#[tokio::test(flavor = "current_thread")]
async fn small_flaws_warn_or_fail_as_asked() {
    check(WARNINGS, false, Verdict::Warn).await;
    check(WARNINGS, true, Verdict::Fail).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_cancelled_request_leaves_nothing_behind() {
    let mut artifact = Artifact::sound().await;
    artifact.pack();
    let (request, _heard) = request();
    request.cancel.cancel();
    let failure = validate(&request, artifact.order.clone()).await.unwrap_err();
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
        let mut artifact = Artifact::sound().await;
        damage(&mut artifact.order);
        let (request, _heard) = request();
        assert_eq!(validate(&request, artifact.order).await.unwrap_err().kind, FailureKind::Invalid);
    }
}
