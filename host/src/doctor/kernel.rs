//! What the host's kernel offers virtual machines.

use super::Finding;
use crate::machine::qemu::on_path;
use crate::store::Store;
use serde::Deserialize;
use std::io::ErrorKind;
use std::path::Path;

const SLOWER: &str = "builds use the sandbox, at full speed; virtual machines use tcg, about twelve times slower";

/// A device that opens proves nothing: on some hosts QEMU starts, firmware runs, and the guest's kernel then hangs
/// for ever. Only the kept result of a real boot settles it.
pub(super) fn kvm(store: &Store) -> Finding {
    match opens(Path::new("/dev/kvm")) {
        Err(ErrorKind::PermissionDenied) => Finding::warn(
            "kvm",
            "/dev/kvm is not yours to open",
            "`sudo usermod --append --groups kvm \"$USER\"`, then log in again",
        ),
        Err(_) => Finding::warn("kvm", "no /dev/kvm on this host", SLOWER),
        Ok(()) => believed(probed(&store.cache().join("accelerator.json"), "kvm")),
    }
}

fn opens(device: &Path) -> Result<(), ErrorKind> {
    let opened = fs_err::OpenOptions::new().read(true).write(true).open(device);
    opened.map(drop).map_err(|error| error.kind())
}

fn believed(probe: Option<Probe>) -> Finding {
    match probe {
        None => Finding::ok("kvm", "/dev/kvm opens; believed only after a guest kernel has run under it"),
        Some(Probe::UserSpace { millis }) => {
            Finding::ok("kvm", format!("guest reached user space in {:.1} s", millis as f64 / 1000.0))
        }
        Some(Probe::Hung { seconds }) => {
            let text = format!("/dev/kvm opens, but a guest kernel hung for {seconds} s (nested or paravirtual host?)");
            Finding::warn("kvm", text, SLOWER)
        }
        Some(Probe::Ended { how, last_line }) => {
            let text = format!("/dev/kvm opens, but QEMU {how}: {last_line}");
            Finding::warn("kvm", text.trim_end_matches(": "), SLOWER)
        }
    }
}

/// What came of a guest kernel, as `machine::accelerator` keeps it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
enum Probe {
    UserSpace { millis: u64 },
    Hung { seconds: u64 },
    Ended { how: String, last_line: String },
}

#[derive(Deserialize)]
struct Kept {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    key: Key,
    outcome: Probe,
}

#[derive(Deserialize)]
struct Key {
    accelerator: String,
}

/// A cache may be of another version or damaged: then nothing is known.
fn probed(file: &Path, accelerator: &str) -> Option<Probe> {
    let kept: Kept = serde_json::from_slice(&fs_err::read(file).ok()?).ok()?;
    kept.entries.into_iter().find(|entry| entry.key.accelerator == accelerator).map(|entry| entry.outcome)
}

pub(super) fn vsock() -> Finding {
    if Path::new("/dev/vhost-vsock").exists() {
        Finding::ok("vsock", "/dev/vhost-vsock is there")
    } else if on_path("vhost-device-vsock").is_ok() {
        Finding::ok("vsock", "no vhost_vsock module: vhost-device-vsock serves each machine")
    } else {
        // `sudo modprobe vhost_vsock` or `cargo install --locked vhost-device-vsock` would add it; nothing depends on it.
        Finding::ok("vsock", "no vhost_vsock module and no vhost-device-vsock: virtio-serial alone is used")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn devices() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(opens(&folder.path().join("kvm")), Err(ErrorKind::NotFound));
        assert_eq!(opens(Path::new("/dev/null")), Ok(()));
    }

    fn check(text: &str, status: Status, expect: &str) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("accelerator.json");
        fs_err::write(&file, text).expect("a file");
        let finding = believed(probed(&file, "kvm"));
        assert_eq!((finding.status, finding.text.contains(expect)), (status, true), "{finding:?}");
    }

    #[test]
    fn only_a_probe_settles_it() {
        let kept = |outcome: &str| {
            format!(
                r#"{{"schema":1,"entries":[{{"key":{{"accelerator":"kvm","kernel_release":"6"}},"outcome":{outcome},"probed_unix":1}}]}}"#
            )
        };
        check(&kept(r#"{"outcome":"user-space","millis":940}"#), Status::Ok, "user space in 0.9 s");
        check(&kept(r#"{"outcome":"hung","seconds":5}"#), Status::Warn, "hung for 5 s");
        check(&kept(r#"{"outcome":"ended","how":"exited with 1","last_line":""}"#), Status::Warn, "QEMU exited with 1");
        check(r#"{"schema":1,"entries":[]}"#, Status::Ok, "believed only after");
        check("half a fi", Status::Ok, "believed only after");
    }
}
