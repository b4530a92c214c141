//! What the host's kernel offers virtual machines.

use super::Finding;
use crate::store::Store;
use std::io::ErrorKind;
use std::path::Path;

const SLOWER: &str = "virtual machines use tcg, about twelve times slower; `--backend sandbox` runs at full speed";

/// A device that opens proves nothing: on some hosts QEMU starts, firmware runs, and the guest's kernel then hangs
/// for ever. A kept result of a real boot settles it.
pub(super) fn kvm(store: &Store) -> Finding {
    match opens(Path::new("/dev/kvm")) {
        Err(ErrorKind::PermissionDenied) => {
            Finding::warn("kvm", "/dev/kvm is not yours to open", "sudo usermod --append --groups kvm $USER")
        }
        Err(_) => Finding::warn("kvm", "no /dev/kvm on this host", SLOWER),
        Ok(()) => match probed(&store.cache().join("accelerator.json")) {
            Some(result) => Finding::ok("kvm", format!("/dev/kvm opens; last probe: {result}")),
            None => Finding::ok("kvm", "/dev/kvm opens; believed only after a guest kernel has run under it"),
        },
    }
}

fn opens(device: &Path) -> Result<(), ErrorKind> {
    let opened = fs_err::OpenOptions::new().read(true).write(true).open(device);
    opened.map(drop).map_err(|error| error.kind())
}

/// What `auto` found when it last booted a kernel, as it was written.
fn probed(file: &Path) -> Option<String> {
    let text = fs_err::read_to_string(file).ok()?;
    let value: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(value.to_string())
}

pub(super) fn vsock() -> Finding {
    if Path::new("/dev/vhost-vsock").exists() {
        Finding::ok("vsock", "/dev/vhost-vsock is there; virtio-serial is used all the same")
    } else {
        Finding::ok("vsock", "no vhost_vsock module: virtio-serial is used")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(opens(&folder.path().join("kvm")), Err(ErrorKind::NotFound));
        assert_eq!(opens(Path::new("/dev/null")), Ok(()));
    }

    #[test]
    fn an_unreadable_probe_result_is_none() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("accelerator.json");
        assert_eq!(probed(&file), None);
        fs_err::write(&file, "half a fi").expect("a file");
        assert_eq!(probed(&file), None);
        fs_err::write(&file, r#"{"kvm": "hung"}"#).expect("a file");
        assert_eq!(probed(&file).as_deref(), Some(r#"{"kvm":"hung"}"#));
    }
}
