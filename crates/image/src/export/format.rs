//! Export formats and their compressions.

use super::ExportError;
use std::str::FromStr;

/// An export format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A disk that boots, in QEMU's own format.
    Qcow2,
    /// The same disk, byte by byte; sparse.
    Raw,
    /// The root file system as a tar archive.
    RootfsTar,
    /// An OCI image layout: a folder, or one tar file if the output's name ends in `.tar`.
    Oci,
    /// A box that Vagrant reads, for its libvirt provider.
    VagrantBox,
}

/// Compression of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// None.
    None,
    /// gzip (in a qcow2: zlib), which everything reads.
    Gzip,
    /// Zstandard: smaller and faster, read by newer programs only.
    Zstd,
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Qcow2, Self::Raw, Self::RootfsTar, Self::Oci, Self::VagrantBox];

    /// A description for help texts.
    pub fn about(self) -> &'static str {
        match self {
            Self::Qcow2 => "A disk that boots, in QEMU's own format",
            Self::Raw => "The same disk, byte by byte; sparse",
            Self::RootfsTar => "The root file system as a tar archive",
            Self::Oci => "An OCI image layout: a folder, or one tar file if the output's name ends in `.tar`",
            Self::VagrantBox => "A box that Vagrant reads, for its libvirt provider",
        }
    }

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Raw => "raw",
            Self::RootfsTar => "rootfs-tar",
            Self::Oci => "oci",
            Self::VagrantBox => "vagrant-box",
        }
    }

    /// The compression to use: the requested one, if the format supports it, or the format's default.
    pub(super) fn compression(self, asked: Option<Compression>) -> Result<Compression, ExportError> {
        use Compression::{Gzip, None as Plain, Zstd};
        let possible: &[Compression] = match self {
            Self::Qcow2 | Self::RootfsTar => &[Plain, Gzip, Zstd],
            Self::Raw => &[Plain],
            Self::Oci => &[Gzip, Zstd, Plain],
            Self::VagrantBox => &[Gzip, Plain],
        };
        match asked {
            None => Ok(possible[0]),
            Some(asked) if possible.contains(&asked) => Ok(asked),
            Some(asked) => Err(ExportError::Compression { format: self, asked }),
        }
    }
}

impl Compression {
    /// Every compression.
    pub const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// A description for help texts.
    pub fn about(self) -> &'static str {
        match self {
            Self::None => "Not at all",
            Self::Gzip => "gzip (in a qcow2: zlib), which everything reads",
            Self::Zstd => "Zstandard: smaller and faster, read by newer programs only",
        }
    }

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Unknown export format or compression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} `{name}`")]
pub struct UnknownExportName {
    kind: &'static str,
    name: String,
}

impl FromStr for ExportFormat {
    type Err = UnknownExportName;

    fn from_str(name: &str) -> Result<Self, UnknownExportName> {
        let unknown = || UnknownExportName { kind: "export format", name: name.to_owned() };
        Self::ALL.into_iter().find(|format| format.as_str() == name).ok_or_else(unknown)
    }
}

impl FromStr for Compression {
    type Err = UnknownExportName;

    fn from_str(name: &str) -> Result<Self, UnknownExportName> {
        let unknown = || UnknownExportName { kind: "compression", name: name.to_owned() };
        Self::ALL.into_iter().find(|how| how.as_str() == name).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::{Compression, ExportFormat};

    fn check(format: ExportFormat, asked: Option<Compression>, expect: Option<Compression>) {
        assert_eq!(format.compression(asked).ok(), expect, "{format:?} {asked:?}");
    }

    #[test]
    fn names_are_parsed_back() {
        for format in ExportFormat::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        for how in Compression::ALL {
            assert_eq!(how.as_str().parse(), Ok(how));
        }
        assert_eq!("zip".parse::<Compression>().expect_err("unknown").to_string(), "unknown compression `zip`");
    }

    #[test]
    fn each_format_has_its_own_compressions() {
        check(ExportFormat::Qcow2, None, Some(Compression::None));
        check(ExportFormat::Qcow2, Some(Compression::Zstd), Some(Compression::Zstd));
        check(ExportFormat::Raw, Some(Compression::Zstd), None);
        check(ExportFormat::Oci, None, Some(Compression::Gzip));
        check(ExportFormat::VagrantBox, None, Some(Compression::Gzip));
        check(ExportFormat::VagrantBox, Some(Compression::Zstd), None);
    }
}
