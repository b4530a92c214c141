//! What is known about an accelerator, in a sentence for people.

use super::device::Device;
use super::probe::Outcome;
use crate::machine::Accelerator;
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
}

impl Finding {
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
        match self.device {
            Device::NotPermitted => {
                Some("`sudo usermod -aG kvm \"$USER\"`, then log in again: members of group kvm may use it".to_owned())
            }
            _ => None,
        }
    }

    fn missing(&self) -> &'static str {
        match self.accelerator {
            Accelerator::Kvm if cfg!(target_os = "linux") => {
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
                write!(to, "{device} opens, but a guest kernel hung for {seconds} s")
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
    use super::{Device, Finding, Outcome};
    use crate::machine::Accelerator;

    fn check(device: Device, outcome: Option<Outcome>, works: bool, sentence: &str) {
        let finding = Finding { accelerator: Accelerator::Kvm, device, outcome };
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
    fn only_who_may_not_gets_a_hint() {
        let of = |device| Finding { accelerator: Accelerator::Kvm, device, outcome: None }.hint();
        assert!(of(Device::NotPermitted).is_some_and(|hint| hint.contains("group kvm")));
        assert_eq!(of(Device::Missing), None);
        assert_eq!(of(Device::Usable), None);
    }
}
