//! What a golden machine can be exported as, and how each may be compressed.

use super::ExportError;

/// A format that others read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
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

/// How what is exported is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (in a qcow2: zlib), which everything reads.
    Gzip,
    /// Zstandard: smaller and faster, read by newer programs only.
    Zstd,
}

impl ExportFormat {
    /// The word for it on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Raw => "raw",
            Self::RootfsTar => "rootfs-tar",
            Self::Oci => "oci",
            Self::VagrantBox => "vagrant-box",
        }
    }

    /// The compression to use: what was asked for, if the format has it, or the format's usual one.
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
    /// The word for it on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Compression, ExportFormat};

    fn check(format: ExportFormat, asked: Option<Compression>, expect: Option<Compression>) {
        assert_eq!(format.compression(asked).ok(), expect, "{format:?} {asked:?}");
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
