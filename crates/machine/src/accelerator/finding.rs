//! Findings about an accelerator, as a sentence.

use super::device::HypervisorDevice;
use super::host_virtualization::HostVirtualization;
use super::probe::ProbeOutcome;
use crate::Accelerator;
use std::fmt;

/// Findings about an accelerator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceleratorFinding {
    /// The accelerator.
    pub accelerator: Accelerator,
    /// State of its hypervisor.
    pub device: HypervisorDevice,
    /// Outcome of booting a guest kernel under it; `None` if it was not tried.
    pub outcome: Option<ProbeOutcome>,
    /// Platform that this host runs on.
    pub host: HostVirtualization,
}

impl AcceleratorFinding {
    /// A finding about this host.
    pub fn new(accelerator: Accelerator, device: HypervisorDevice, outcome: Option<ProbeOutcome>) -> Self {
        Self { accelerator, device, outcome, host: HostVirtualization::of_host() }
    }

    /// Returns true if machines can run under it.
    pub fn works(&self) -> bool {
        match (&self.device, &self.outcome) {
            (HypervisorDevice::Usable, Some(outcome)) => matches!(outcome, ProbeOutcome::UserSpace { .. }),
            // Translation always works; an untested device is not trusted.
            (HypervisorDevice::Usable, None) => self.accelerator == Accelerator::Tcg,
            _ => false,
        }
    }

    /// A suggested fix, if there is one.
    pub fn hint(&self) -> Option<String> {
        let hint = match (&self.device, &self.outcome, self.host) {
            (HypervisorDevice::NotPermitted, ..) => {
                "`sudo usermod -aG kvm \"$USER\"`, then log in again: members of group kvm may use it"
            }
            (HypervisorDevice::Missing, _, HostVirtualization::Hypervisor) if self.is_this_systems() => {
                "enable nested virtualisation on the host of this virtual machine"
            }
            (HypervisorDevice::Missing, ..) if self.is_this_systems() => {
                "enable virtualisation in the firmware settings, then `sudo modprobe kvm_intel` or `kvm_amd`"
            }
            (HypervisorDevice::Usable, Some(ProbeOutcome::Hung { .. }), HostVirtualization::Hypervisor) => {
                "nested virtualisation of its host does not work; no fix is available inside this virtual machine"
            }
            (HypervisorDevice::Usable, Some(ProbeOutcome::Hung { .. } | ProbeOutcome::Ended { .. }), _) => {
                "`sudo dmesg` may show the reason; the next probe is in a day"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }

    fn is_this_systems(&self) -> bool {
        self.accelerator == Accelerator::Kvm && cfg!(target_os = "linux")
    }

    fn missing(&self) -> &'static str {
        match self.accelerator {
            Accelerator::Kvm if self.is_this_systems() && self.host == HostVirtualization::Hypervisor => {
                "no /dev/kvm: this host is a virtual machine without nested virtualisation"
            }
            Accelerator::Kvm if self.is_this_systems() => {
                "no /dev/kvm (virtualisation is disabled or unsupported, or module `kvm` is not loaded)"
            }
            Accelerator::Kvm => "only Linux has it",
            Accelerator::Hvf if cfg!(target_os = "macos") => "not supported by this Mac's processor or system",
            Accelerator::Hvf => "only macOS has it",
            Accelerator::Tcg => "this QEMU was built without it",
        }
    }

    /// The device that people know, or a description.
    fn device_word(&self) -> &'static str {
        match self.accelerator {
            Accelerator::Kvm => "/dev/kvm",
            Accelerator::Hvf => "the hypervisor",
            Accelerator::Tcg => "QEMU",
        }
    }
}

impl fmt::Display for AcceleratorFinding {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: ", self.accelerator)?;
        let device = self.device_word();
        match (&self.device, &self.outcome) {
            (HypervisorDevice::Missing, _) => to.write_str(self.missing()),
            (HypervisorDevice::NotPermitted, _) => write!(to, "no permission to open {device}"),
            (HypervisorDevice::Unusable(why), _) => write!(to, "{device} cannot be used: {why}"),
            (HypervisorDevice::Usable, None) if self.accelerator == Accelerator::Tcg => {
                to.write_str("works everywhere, about twelve times slower")
            }
            (HypervisorDevice::Usable, None) => write!(to, "{device} opens; no guest kernel was booted"),
            (HypervisorDevice::Usable, Some(ProbeOutcome::UserSpace { millis })) => {
                write!(to, "a guest kernel reached user space in {:.1} s", *millis as f64 / 1000.0)
            }
            (HypervisorDevice::Usable, Some(ProbeOutcome::Hung { seconds })) => {
                write!(to, "{device} opens, but a guest kernel hung for {seconds} s")?;
                match self.host {
                    HostVirtualization::Hypervisor => to.write_str(": this host is itself a virtual machine"),
                    HostVirtualization::Machine => Ok(()),
                }
            }
            (HypervisorDevice::Usable, Some(ProbeOutcome::Ended { how, telling })) if telling.is_empty() => {
                write!(to, "{device} opens, but QEMU {how} before the guest reached user space")
            }
            (HypervisorDevice::Usable, Some(ProbeOutcome::Ended { how, telling })) => {
                write!(to, "{device} opens, but QEMU {how} before the guest reached user space: {telling}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AcceleratorFinding, HostVirtualization, HypervisorDevice, ProbeOutcome};
    use crate::Accelerator;

    fn check(device: HypervisorDevice, outcome: Option<ProbeOutcome>, works: bool, sentence: &str) {
        let finding =
            AcceleratorFinding { accelerator: Accelerator::Kvm, device, outcome, host: HostVirtualization::Machine };
        assert_eq!((finding.works(), finding.to_string().as_str()), (works, sentence));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn each_state_of_kvm_has_its_own_sentence() {
        let missing = "kvm: no /dev/kvm (virtualisation is disabled or unsupported, or module `kvm` is not loaded)";
        check(HypervisorDevice::Missing, None, false, missing);
        check(HypervisorDevice::NotPermitted, None, false, "kvm: no permission to open /dev/kvm");
        check(HypervisorDevice::Unusable("busy".into()), None, false, "kvm: /dev/kvm cannot be used: busy");
        check(HypervisorDevice::Usable, None, false, "kvm: /dev/kvm opens; no guest kernel was booted");
        let works = Some(ProbeOutcome::UserSpace { millis: 870 });
        check(HypervisorDevice::Usable, works.clone(), true, "kvm: a guest kernel reached user space in 0.9 s");
        check(HypervisorDevice::Missing, works, false, missing);
        let hung = Some(ProbeOutcome::Hung { seconds: 5 });
        check(HypervisorDevice::Usable, hung, false, "kvm: /dev/kvm opens, but a guest kernel hung for 5 s");
        let ended = |line: &str| Some(ProbeOutcome::Ended { how: "exited with 1".into(), telling: line.into() });
        let sentence = "kvm: /dev/kvm opens, but QEMU exited with 1 before the guest reached user space";
        check(HypervisorDevice::Usable, ended(""), false, sentence);
        check(HypervisorDevice::Usable, ended("no rights"), false, &format!("{sentence}: no rights"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn each_has_its_own_hint() {
        let hung = || Some(ProbeOutcome::Hung { seconds: 5 });
        let check = |device, outcome, host, expect: Option<&str>| {
            let hint = AcceleratorFinding { accelerator: Accelerator::Kvm, device, outcome, host }.hint();
            assert_eq!(hint.is_some(), expect.is_some(), "{hint:?}");
            assert!(hint.unwrap_or_default().contains(expect.unwrap_or_default()));
        };
        check(HypervisorDevice::NotPermitted, None, HostVirtualization::Machine, Some("group kvm"));
        check(HypervisorDevice::Missing, None, HostVirtualization::Machine, Some("modprobe"));
        check(HypervisorDevice::Missing, None, HostVirtualization::Hypervisor, Some("enable nested"));
        check(HypervisorDevice::Usable, hung(), HostVirtualization::Machine, Some("dmesg"));
        check(HypervisorDevice::Usable, hung(), HostVirtualization::Hypervisor, Some("does not work"));
        check(HypervisorDevice::Usable, None, HostVirtualization::Hypervisor, None);
        check(
            HypervisorDevice::Usable,
            Some(ProbeOutcome::UserSpace { millis: 1 }),
            HostVirtualization::Hypervisor,
            None,
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_host_that_is_a_guest_says_so() {
        let say = |device, outcome| {
            let host = HostVirtualization::Hypervisor;
            AcceleratorFinding { accelerator: Accelerator::Kvm, device, outcome, host }.to_string()
        };
        let missing = "kvm: no /dev/kvm: this host is a virtual machine without nested virtualisation";
        assert_eq!(say(HypervisorDevice::Missing, None), missing);
        let hung = "kvm: /dev/kvm opens, but a guest kernel hung for 5 s: this host is itself a virtual machine";
        assert_eq!(say(HypervisorDevice::Usable, Some(ProbeOutcome::Hung { seconds: 5 })), hung);
    }
}
