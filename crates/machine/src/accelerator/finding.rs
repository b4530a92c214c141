//! What is known about an accelerator, in a sentence for people.

use super::device::Device;
use super::ground::Ground;
use super::probe::Outcome;
use crate::Accelerator;
use std::fmt;

/// What is known about an accelerator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub accelerator: Accelerator,
    /// What its hypervisor's device says.
    pub device: Device,
    /// What came of a guest kernel under it; `None` if none was started.
    pub outcome: Option<Outcome>,
    /// What this host itself runs on.
    pub ground: Ground,
}

impl Finding {
    /// On this host.
    pub fn new(accelerator: Accelerator, device: Device, outcome: Option<Outcome>) -> Self {
        Self { accelerator, device, outcome, ground: Ground::of_host() }
    }

    /// Whether machines can be run under it.
    pub fn works(&self) -> bool {
        match (&self.device, &self.outcome) {
            (Device::Usable, Some(outcome)) => matches!(outcome, Outcome::UserSpace { .. }),
            // Translation is a program like any other; a device nobody tried is not believed.
            (Device::Usable, None) => self.accelerator == Accelerator::Tcg,
            _ => false,
        }
    }

    /// What to do about it, if there is something.
    pub fn hint(&self) -> Option<String> {
        let hint = match (&self.device, &self.outcome, self.ground) {
            (Device::NotPermitted, ..) => {
                "`sudo usermod -aG kvm \"$USER\"`, then log in again: members of group kvm may use it"
            }
            (Device::Missing, _, Ground::Hypervisor) if self.is_this_systems() => {
                "whoever runs this virtual machine has to offer it nested virtualisation"
            }
            (Device::Missing, ..) if self.is_this_systems() => {
                "turn virtualisation on in the firmware's settings, then `sudo modprobe kvm_intel` or `kvm_amd`"
            }
            (Device::Usable, Some(Outcome::Hung { .. }), Ground::Hypervisor) => {
                "its host's nested virtualisation does not work, and nothing in here mends that"
            }
            (Device::Usable, Some(Outcome::Hung { .. } | Outcome::Ended { .. }), _) => {
                "`sudo dmesg` may say why; it is tried again after a day"
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
            Accelerator::Kvm if self.is_this_systems() && self.ground == Ground::Hypervisor => {
                "no /dev/kvm: this host is a virtual machine, and gets no nested virtualisation"
            }
            Accelerator::Kvm if self.is_this_systems() => {
                "no /dev/kvm (virtualisation is off or not offered, or module kvm is not loaded)"
            }
            Accelerator::Kvm => "only Linux has it",
            Accelerator::Hvf if cfg!(target_os = "macos") => "this Mac's processor or system does not offer it",
            Accelerator::Hvf => "only macOS has it",
            Accelerator::Tcg => "this QEMU was built without it",
        }
    }

    /// What of it could be used: the device people know, or the thing itself.
    fn device_word(&self) -> &'static str {
        match self.accelerator {
            Accelerator::Kvm => "/dev/kvm",
            Accelerator::Hvf => "the hypervisor",
            Accelerator::Tcg => "QEMU",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: ", self.accelerator)?;
        let device = self.device_word();
        match (&self.device, &self.outcome) {
            (Device::Missing, _) => to.write_str(self.missing()),
            (Device::NotPermitted, _) => write!(to, "{device} is there, but this user may not open it"),
            (Device::Unusable(why), _) => write!(to, "{device} cannot be used: {why}"),
            (Device::Usable, None) if self.accelerator == Accelerator::Tcg => {
                to.write_str("works everywhere, about twelve times slower")
            }
            (Device::Usable, None) => write!(to, "{device} opens; no guest kernel was tried"),
            (Device::Usable, Some(Outcome::UserSpace { millis })) => {
                write!(to, "a guest kernel reached user space in {:.1} s", *millis as f64 / 1000.0)
            }
            (Device::Usable, Some(Outcome::Hung { seconds })) => {
                write!(to, "{device} opens, but a guest kernel hung for {seconds} s")?;
                match self.ground {
                    Ground::Hypervisor => to.write_str(": this host is a virtual machine itself"),
                    Ground::Machine => Ok(()),
                }
            }
            (Device::Usable, Some(Outcome::Ended { how, telling })) if telling.is_empty() => {
                write!(to, "{device} opens, but QEMU {how} before the guest reached user space")
            }
            (Device::Usable, Some(Outcome::Ended { how, telling })) => {
                write!(to, "{device} opens, but QEMU {how} before the guest reached user space: {telling}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Device, Finding, Ground, Outcome};
    use crate::Accelerator;

    fn check(device: Device, outcome: Option<Outcome>, works: bool, sentence: &str) {
        let finding = Finding { accelerator: Accelerator::Kvm, device, outcome, ground: Ground::Machine };
        assert_eq!((finding.works(), finding.to_string().as_str()), (works, sentence));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn each_state_of_kvm_has_its_own_sentence() {
        let missing = "kvm: no /dev/kvm (virtualisation is off or not offered, or module kvm is not loaded)";
        check(Device::Missing, None, false, missing);
        check(Device::NotPermitted, None, false, "kvm: /dev/kvm is there, but this user may not open it");
        check(Device::Unusable("busy".into()), None, false, "kvm: /dev/kvm cannot be used: busy");
        check(Device::Usable, None, false, "kvm: /dev/kvm opens; no guest kernel was tried");
        let works = Some(Outcome::UserSpace { millis: 870 });
        check(Device::Usable, works.clone(), true, "kvm: a guest kernel reached user space in 0.9 s");
        check(Device::Missing, works, false, missing);
        let hung = Some(Outcome::Hung { seconds: 5 });
        check(Device::Usable, hung, false, "kvm: /dev/kvm opens, but a guest kernel hung for 5 s");
        let ended = |line: &str| Some(Outcome::Ended { how: "exited with 1".into(), telling: line.into() });
        let sentence = "kvm: /dev/kvm opens, but QEMU exited with 1 before the guest reached user space";
        check(Device::Usable, ended(""), false, sentence);
        check(Device::Usable, ended("no rights"), false, &format!("{sentence}: no rights"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn each_has_its_own_way_out() {
        let hung = || Some(Outcome::Hung { seconds: 5 });
        let check = |device, outcome, ground, expect: Option<&str>| {
            let hint = Finding { accelerator: Accelerator::Kvm, device, outcome, ground }.hint();
            assert_eq!(hint.is_some(), expect.is_some(), "{hint:?}");
            assert!(hint.unwrap_or_default().contains(expect.unwrap_or_default()));
        };
        check(Device::NotPermitted, None, Ground::Machine, Some("group kvm"));
        check(Device::Missing, None, Ground::Machine, Some("modprobe"));
        check(Device::Missing, None, Ground::Hypervisor, Some("offer it nested"));
        check(Device::Usable, hung(), Ground::Machine, Some("dmesg"));
        check(Device::Usable, hung(), Ground::Hypervisor, Some("nested virtualisation does not work"));
        check(Device::Usable, None, Ground::Hypervisor, None);
        check(Device::Usable, Some(Outcome::UserSpace { millis: 1 }), Ground::Hypervisor, None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_host_that_is_a_guest_says_so() {
        let say = |device, outcome| {
            let ground = Ground::Hypervisor;
            Finding { accelerator: Accelerator::Kvm, device, outcome, ground }.to_string()
        };
        let missing = "kvm: no /dev/kvm: this host is a virtual machine, and gets no nested virtualisation";
        assert_eq!(say(Device::Missing, None), missing);
        let hung = "kvm: /dev/kvm opens, but a guest kernel hung for 5 s: this host is a virtual machine itself";
        assert_eq!(say(Device::Usable, Some(Outcome::Hung { seconds: 5 })), hung);
    }
}
