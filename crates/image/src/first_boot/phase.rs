//! The phases of a first boot, recognized by the guest's console output.

use std::fmt;

/// A phase of a first boot, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FirstBootPhase {
    /// Firmware and boot loader.
    Firmware,
    /// The kernel and its initramfs.
    Kernel,
    /// The system's first process and its services.
    Systemd,
    /// cloud-init.
    CloudInit,
    /// The agent, which has been started.
    Agent,
}

impl fmt::Display for FirstBootPhase {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Firmware => "firmware",
            Self::Kernel => "kernel",
            Self::Systemd => "systemd",
            Self::CloudInit => "cloud-init",
            Self::Agent => "agent",
        })
    }
}

/// Marks of each phase. The kernel's lines repeat the output of processes, so the agent's and cloud-init's marks come
/// first.
const MARKS: [(&str, FirstBootPhase); 6] = [
    ("vmbuild-agent: ", FirstBootPhase::Agent),
    ("cloud-init[", FirstBootPhase::CloudInit),
    ("Cloud-init v.", FirstBootPhase::CloudInit),
    ("systemd[1]: ", FirstBootPhase::Systemd),
    ("Welcome to ", FirstBootPhase::Systemd),
    ("Linux version ", FirstBootPhase::Kernel),
];

impl FirstBootPhase {
    /// The phase that a line marks, if any.
    pub(super) fn of_line(line: &str) -> Option<Self> {
        MARKS.iter().find(|(mark, _)| line.contains(mark)).map(|(_, phase)| *phase)
    }
}

/// A console line as shown: without colours and other control sequences.
pub(super) fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(sign) = rest.next() {
        match sign {
            // An escape sequence ends at its first letter.
            '\u{1b}' => while rest.next().is_some_and(|sign| !sign.is_ascii_alphabetic()) {},
            sign if sign.is_control() => {}
            sign => text.push(sign),
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{FirstBootPhase, plain};

    #[test]
    fn lines_mark_phases() {
        let check =
            |line: &str, expect: Option<FirstBootPhase>| assert_eq!(FirstBootPhase::of_line(line), expect, "{line}");
        check("BdsDxe: loading Boot0001 \"UEFI Misc Device\"", None);
        check(
            "[    0.000000] Linux version 6.1.0-44-cloud-amd64 (debian-kernel@lists.debian.org)",
            Some(FirstBootPhase::Kernel),
        );
        check("[    5.1] systemd[1]: Detected virtualization qemu.", Some(FirstBootPhase::Systemd));
        check("Welcome to Debian GNU/Linux 12 (bookworm)!", Some(FirstBootPhase::Systemd));
        check("[   20.7] cloud-init[331]: Cloud-init v. 22.4.2 running 'init-local'", Some(FirstBootPhase::CloudInit));
        check("[   21.0] vmbuild-agent: serving on /dev/vport1p1", Some(FirstBootPhase::Agent));
        check("[    1.0] virtio_blk virtio1: [vda] 4194304 512-byte logical blocks", None);
        assert!(FirstBootPhase::Firmware < FirstBootPhase::Kernel && FirstBootPhase::CloudInit < FirstBootPhase::Agent);
    }

    #[test]
    fn lines_are_shown_without_colours() {
        let check = |line: &str, expect: &str| assert_eq!(plain(line), expect);
        check(
            "[\u{1b}[0;32m  OK  \u{1b}[0m] Reached target \u{1b}[0;1;39mBasic System\u{1b}[0m.\r",
            "[  OK  ] Reached target Basic System.",
        );
        check("\u{1b}[2J\u{1b}[01;01HSeaBIOS", "SeaBIOS");
        check("\u{1b}", "");
    }
}
