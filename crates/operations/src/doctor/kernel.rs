//! Support for virtual machines in the host's kernel.

use std::path::Path;
use vmbuild_core::finding::Finding;
use vmbuild_core::store::Store;
use vmbuild_machine::accelerator::{AcceleratorFinding, HARDWARE, HypervisorDevice, last};
use vmbuild_machine::qemu::on_path;

const SLOWER: &str =
    "builds use the sandbox, at full speed; virtual machines use tcg (software emulation), about twelve times slower";

/// A device that opens proves nothing: on some hosts QEMU starts, firmware runs, and the guest's kernel then hangs
/// for ever. Only the kept result of a real boot settles it.
pub(super) async fn hypervisor(store: &Store) -> Finding {
    let device = HypervisorDevice::of(HARDWARE).await;
    judge(&AcceleratorFinding::new(HARDWARE, device, last(store, HARDWARE)))
}

fn judge(found: &AcceleratorFinding) -> Finding {
    let topic = found.accelerator.to_string();
    let text = found.to_string();
    // The table has a column for the topic.
    let text = text.strip_prefix(&format!("{topic}: ")).unwrap_or(&text);
    match (&found.device, &found.outcome) {
        (HypervisorDevice::Usable, None) => {
            Finding::ok(&topic, format!("{text} yet, and only a real boot proves that it works"))
        }
        _ if found.works() => Finding::ok(&topic, text),
        _ => match found.hint() {
            Some(hint) => Finding::warn(&topic, text, &format!("{hint}; without it {SLOWER}")),
            None => Finding::warn(&topic, text, SLOWER),
        },
    }
}

pub(super) fn vsock() -> Finding {
    if Path::new("/dev/vhost-vsock").exists() {
        Finding::ok("vsock", "/dev/vhost-vsock exists")
    } else if on_path("vhost-device-vsock").is_ok() {
        Finding::ok("vsock", "no vhost_vsock module: vhost-device-vsock serves each machine")
    } else {
        // `sudo modprobe vhost_vsock` or `cargo install --locked vhost-device-vsock` would add it; nothing depends on it.
        Finding::ok("vsock", "no vhost_vsock module and no vhost-device-vsock: virtual machines use virtio-serial only")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmbuild_core::finding::FindingStatus;
    use vmbuild_machine::Accelerator;
    use vmbuild_machine::accelerator::{HostVirtualization, ProbeOutcome};

    fn check(device: HypervisorDevice, outcome: Option<ProbeOutcome>, status: FindingStatus, text: &str, remedy: &str) {
        let found =
            AcceleratorFinding { accelerator: Accelerator::Kvm, device, outcome, host: HostVirtualization::Machine };
        let finding = judge(&found);
        assert_eq!((finding.topic.as_str(), finding.status), ("kvm", status), "{finding:?}");
        assert!(finding.text.contains(text) && !finding.text.starts_with("kvm"), "{finding:?}");
        assert!(finding.remedy.unwrap_or_default().contains(remedy));
    }

    #[test]
    fn only_a_probe_settles_it() {
        check(
            HypervisorDevice::Usable,
            Some(ProbeOutcome::UserSpace { millis: 940 }),
            FindingStatus::Ok,
            "user space in 0.9 s",
            "",
        );
        check(HypervisorDevice::Usable, None, FindingStatus::Ok, "no guest kernel was booted yet", "");
        check(
            HypervisorDevice::Usable,
            Some(ProbeOutcome::Hung { seconds: 5 }),
            FindingStatus::Warn,
            "hung for 5 s",
            "dmesg",
        );
        let ended = ProbeOutcome::Ended { how: "exited with 1".to_owned(), telling: "no rights".to_owned() };
        check(HypervisorDevice::Usable, Some(ended), FindingStatus::Warn, "no rights", SLOWER);
        check(HypervisorDevice::NotPermitted, None, FindingStatus::Warn, "no permission to open", "usermod");
        check(HypervisorDevice::Unusable("busy".to_owned()), None, FindingStatus::Warn, "busy", SLOWER);
    }

    #[test]
    fn the_result_of_a_probe_is_read_and_a_damaged_one_ignored() {
        let temp = tempfile::tempdir().expect("a folder");
        let store = Store::at(temp.path()).expect("a store");
        let file = store.cache().join("accelerator.json");
        fs_err::write(&file, "half a fi").expect("a file");
        assert_eq!(last(&store, Accelerator::Kvm), None);
        let kept = r#"{"schema":1,"entries":[{"key":{"accelerator":"kvm","kernel_release":"6",
            "qemu":{"major":7,"minor":2,"micro":0},"cpu_model":"x"},"outcome":{"outcome":"ended","how":"exited with 1","telling":"why"},
            "probed_unix":1}]}"#;
        fs_err::write(&file, kept).expect("a file");
        assert!(
            matches!(last(&store, Accelerator::Kvm), Some(ProbeOutcome::Ended { telling, .. }) if telling == "why")
        );
    }
}
