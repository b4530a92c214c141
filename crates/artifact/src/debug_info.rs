//! Debug info as a published file: made of what the agent packed.
//!
//! The problem: debug info is as large as the programs it is about, and hardly anybody needs it, so it is no part of the
//! artifact. But whoever gets a core dump needs exactly the one that belongs to it. Debuggers find it by build id, and
//! `vmbuild_cpython::layout::DEBUG_INFO` says where they look.

use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use vmbuild_archive::Sha256;

/// 19 of 22 takes four times as long for a twentieth less.
const LEVEL: i32 = 12;

/// A published file of debug info.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DebugInfo {
    /// Its SHA-256.
    pub sha256: Sha256,
    /// Its length.
    pub bytes: u64,
}

impl DebugInfo {
    /// Makes the published form, at `to`, of what the agent packed. Blocks.
    pub fn publish(gzipped: &Path, to: &Path) -> io::Result<Self> {
        let mut plain = GzDecoder::new(fs_err::File::open(gzipped)?);
        let mut packed = zstd::Encoder::new(fs_err::File::create(to)?, LEVEL)?;
        packed.include_checksum(true)?;
        io::copy(&mut plain, &mut packed)?;
        packed.finish()?.sync_all()?;
        Self::of(to)
    }

    /// Reads the properties of a file. Blocks.
    pub fn of(path: &Path) -> io::Result<Self> {
        let (bytes, sha256) = vmbuild_archive::sha256_file(path)?;
        Ok(Self { sha256: sha256.into(), bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

    #[test]
    fn the_published_form_repeats() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut packed = GzEncoder::new(fs_err::File::create(path("in.tgz")).unwrap(), Compression::fast());
        packed.write_all(&b"debug".repeat(1000)).unwrap();
        packed.finish().unwrap();
        let made = DebugInfo::publish(&path("in.tgz"), &path("a.zst")).unwrap();
        assert_eq!(DebugInfo::publish(&path("in.tgz"), &path("b.zst")).unwrap(), made);
        let plain = zstd::decode_all(fs_err::File::open(path("a.zst")).unwrap()).unwrap();
        assert_eq!(plain, b"debug".repeat(1000));
    }
}
