//! Finding QEMU's programs.

use super::QemuError;
use super::options::Arch;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline};

/// The oldest supported QEMU: Ubuntu 22.04's.
pub const OLDEST: QemuVersion = QemuVersion { major: 6, minor: 2, micro: 0 };

/// QEMU's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QemuVersion {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub micro: u32,
}

impl fmt::Display for QemuVersion {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

impl FromStr for QemuVersion {
    type Err = ();

    /// Reads the first line of `--version`: `QEMU emulator version 7.2.22 (Debian …)`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let after = text.lines().next().and_then(|line| line.split_once(" version ")).ok_or(())?.1;
        let number = after.split([' ', '-', '(']).next().unwrap_or_default();
        let parts: Vec<u32> = number.split('.').map(|part| part.parse().map_err(drop)).collect::<Result<_, ()>>()?;
        match parts[..] {
            [major, minor] => Ok(Self { major, minor, micro: 0 }),
            [major, minor, micro] => Ok(Self { major, minor, micro }),
            _ => Err(()),
        }
    }
}

impl From<&qapi::qmp::VersionTriple> for QemuVersion {
    fn from(triple: &qapi::qmp::VersionTriple) -> Self {
        let number = |value: i64| u32::try_from(value).unwrap_or_default();
        Self { major: number(triple.major), minor: number(triple.minor), micro: number(triple.micro) }
    }
}

/// QEMU's program for this host's kind of guests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QemuBinary {
    /// Its path.
    pub path: PathBuf,
    /// Its version.
    pub version: QemuVersion,
}

impl QemuBinary {
    /// Its path. A started QEMU reports its version over QMP; asking before takes as long as starting it.
    pub(super) fn path() -> Result<PathBuf, QemuError> {
        on_path(Arch::of_host().program())
    }

    /// Finds it on `PATH` and asks for its version.
    pub async fn find(cancel: &CancellationToken) -> Result<Self, QemuError> {
        let path = Self::path()?;
        let asked = Command::new(&path).arg("--version");
        let output = asked.output(Deadline::after(Duration::from_secs(10)), cancel).await?;
        let said = String::from_utf8_lossy(&output).into_owned();
        let version: QemuVersion =
            said.parse().map_err(|()| QemuError::UnknownVersion { program: path.clone(), said })?;
        if version < OLDEST {
            return Err(QemuError::TooOld { program: path, version });
        }
        Ok(Self { path, version })
    }
}

/// Finds a program on `PATH`. Used by everything that starts one and by `vmbuild doctor`, so that both agree.
pub fn on_path(program: &'static str) -> Result<PathBuf, QemuError> {
    which::which(program).map_err(|_| QemuError::Missing { program })
}

#[cfg(test)]
mod tests {
    use super::QemuVersion;

    fn check(text: &str, expect: Option<(u32, u32, u32)>) {
        let expect = expect.map(|(major, minor, micro)| QemuVersion { major, minor, micro });
        assert_eq!(text.parse::<QemuVersion>().ok(), expect, "{text}");
    }

    #[test]
    fn reads_what_packages_print() {
        check("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\nCopyright (c)", Some((7, 2, 22)));
        check("QEMU emulator version 6.2.0 (Debian 1:6.2+dfsg-2ubuntu6.26)\n", Some((6, 2, 0)));
        check("QEMU emulator version 10.1.0\n", Some((10, 1, 0)));
        check("QEMU emulator version 9.0.50-dirty\n", Some((9, 0, 50)));
        check("QEMU emulator version 8.2(x)", Some((8, 2, 0)));
    }

    #[test]
    fn refuses_other_output() {
        for text in ["", "QEMU", "QEMU emulator version ", "QEMU emulator version x.y.z", "qemu version 1.2.3.4"] {
            check(text, None);
        }
    }

    #[test]
    fn versions_are_ordered_by_number() {
        let version = |text: &str| format!("QEMU emulator version {text}").parse::<QemuVersion>().unwrap();
        assert!(version("10.0.0") > version("9.2.4"));
        assert!(version("6.1.99") < super::OLDEST);
    }
}
