//! Detecting that this host is a virtual machine itself: then nested virtualisation may be missing or broken.

/// Platform that this host runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostVirtualization {
    /// Hardware, as far as can be detected.
    Machine,
    /// A hypervisor.
    Hypervisor,
}

impl HostVirtualization {
    /// This host's. Source: the flag that every hypervisor sets for its guests, CPUID leaf 1, ECX bit 31, as
    /// `/proc/cpuinfo` shows it; other processors and systems do not report it.
    pub fn of_host() -> Self {
        Self::of_cpuinfo(&fs_err::read_to_string("/proc/cpuinfo").unwrap_or_default())
    }

    fn of_cpuinfo(text: &str) -> Self {
        let flags = text.lines().find(|line| line.starts_with("flags"));
        let is_guest = flags.is_some_and(|flags| flags.split_ascii_whitespace().any(|flag| flag == "hypervisor"));
        if is_guest { Self::Hypervisor } else { Self::Machine }
    }
}

#[cfg(test)]
mod tests {
    use super::HostVirtualization;

    #[test]
    fn a_guest_is_known_by_its_flag() {
        let check = |text, expect| assert_eq!(HostVirtualization::of_cpuinfo(text), expect, "{text}");
        check("processor\t: 0\nflags\t\t: fpu sse2 hypervisor lahf_lm\n", HostVirtualization::Hypervisor);
        check("processor\t: 0\nflags\t\t: fpu vmx sse2\n", HostVirtualization::Machine);
        check("model name\t: hypervisor\nflags\t\t: fpu\n", HostVirtualization::Machine);
        check("", HostVirtualization::Machine);
    }
}
