//! Existence and permissions of the hypervisor.

use crate::Accelerator;
use std::io;
use std::path::Path;

/// KVM's device.
const KVM: &str = "/dev/kvm";

/// State of the system's hypervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HypervisorDevice {
    /// It exists and may be used. That does not mean that it works.
    Usable,
    /// It does not exist.
    Missing,
    /// It exists, and this user may not use it.
    NotPermitted,
    /// It exists, and cannot be used for another reason.
    Unusable(String),
}

impl HypervisorDevice {
    /// Checks an accelerator's hypervisor. Translation needs none.
    pub async fn of(accelerator: Accelerator) -> Self {
        match accelerator {
            Accelerator::Tcg => Self::Usable,
            Accelerator::Kvm if cfg!(target_os = "linux") => Self::of_kvm(Path::new(KVM)),
            Accelerator::Hvf if cfg!(target_os = "macos") => hvf().await,
            Accelerator::Kvm | Accelerator::Hvf => Self::Missing,
        }
    }

    fn of_kvm(device: &Path) -> Self {
        match fs_err::OpenOptions::new().read(true).write(true).open(device) {
            Ok(_) => Self::Usable,
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => Self::Missing,
                io::ErrorKind::PermissionDenied => Self::NotPermitted,
                _ => Self::Unusable(error.to_string()),
            },
        }
    }
}

/// Source: Apple, "Hypervisor": `sysctl kern.hv_support` is 1 where the framework can be used.
async fn hvf() -> HypervisorDevice {
    use vmbuild_supervise::{Command, Deadline};
    let asked = Command::new("sysctl").args(["-n", "kern.hv_support"]);
    let deadline = Deadline::after(std::time::Duration::from_secs(5));
    match asked.output(deadline, &tokio_util::sync::CancellationToken::new()).await {
        Ok(said) if said.trim_ascii() == b"1" => HypervisorDevice::Usable,
        Ok(_) => HypervisorDevice::Missing,
        Err(error) => HypervisorDevice::Unusable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::HypervisorDevice;
    use crate::Accelerator;

    #[test]
    fn what_opens_is_usable_and_what_is_not_there_is_missing() {
        let temp = tempfile::tempdir().unwrap();
        let device = temp.path().join("kvm");
        assert_eq!(HypervisorDevice::of_kvm(&device), HypervisorDevice::Missing);
        fs_err::write(&device, "").unwrap();
        assert_eq!(HypervisorDevice::of_kvm(&device), HypervisorDevice::Usable);
    }

    #[test]
    fn what_may_not_be_opened_is_said_so() {
        if rustix::process::geteuid().is_root() {
            eprintln!("skipped: root may open everything");
            return;
        }
        let temp = tempfile::tempdir().unwrap();
        let device = temp.path().join("kvm");
        fs_err::write(&device, "").unwrap();
        fs_err::set_permissions(&device, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
        assert_eq!(HypervisorDevice::of_kvm(&device), HypervisorDevice::NotPermitted);
    }

    #[test]
    fn what_is_there_and_is_no_file_is_unusable_with_its_reason() {
        let temp = tempfile::tempdir().unwrap();
        let HypervisorDevice::Unusable(why) = HypervisorDevice::of_kvm(temp.path()) else {
            panic!("a folder is no device")
        };
        assert!(why.contains("directory"), "{why}");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn each_system_has_its_own_hypervisor() {
        let foreign = if cfg!(target_os = "macos") { Accelerator::Kvm } else { Accelerator::Hvf };
        assert_eq!(HypervisorDevice::of(foreign).await, HypervisorDevice::Missing);
        assert_eq!(HypervisorDevice::of(Accelerator::Tcg).await, HypervisorDevice::Usable);
    }
}
