//! Digests in the two kinds that publishers list.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;
use tokio_util::sync::CancellationToken;

const PIECE: usize = 256 << 10;

/// The digest of a file. Written as `sha256:` or `sha512:` and lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FileDigest {
    /// SHA-256.
    Sha256([u8; 32]),
    /// SHA-512.
    Sha512([u8; 64]),
}

/// Invalid digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid digest `{0}` (expected `sha256:` and 64, or `sha512:` and 128 hexadecimal digits)")]
pub struct DigestError(String);

impl FileDigest {
    /// A digest without its kind, which its length tells.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let (mut short, mut long) = ([0; 32], [0; 64]);
        match text.len() {
            64 => hex::decode_to_slice(text, &mut short).ok().map(|()| Self::Sha256(short)),
            128 => hex::decode_to_slice(text, &mut long).ok().map(|()| Self::Sha512(long)),
            _ => None,
        }
    }

    /// The digest as a file name.
    pub(super) fn file_name(&self) -> String {
        self.to_string().replace(':', "-")
    }

    /// The first digits, for lines that people read.
    pub fn short(&self) -> String {
        self.to_string().chars().take("sha256:".len() + 8).collect::<String>().replace(':', " ")
    }
}

impl FromStr for FileDigest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let parsed = text.split_once(':').and_then(|(kind, digits)| match (kind, Self::from_hex(digits)?) {
            ("sha256", digest @ Self::Sha256(_)) | ("sha512", digest @ Self::Sha512(_)) => Some(digest),
            _ => None,
        });
        parsed.ok_or_else(|| DigestError(text.to_owned()))
    }
}

impl TryFrom<String> for FileDigest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<FileDigest> for String {
    fn from(digest: FileDigest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for FileDigest {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(bytes) => write!(to, "sha256:{}", hex::encode(bytes)),
            Self::Sha512(bytes) => write!(to, "sha512:{}", hex::encode(bytes)),
        }
    }
}

impl fmt::Debug for FileDigest {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, to)
    }
}

/// The digests of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHashes {
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
    /// Of the requested kind.
    pub(super) digest: FileDigest,
}

/// Hashes a file with the kind of `like`, and with SHA-256 in any case. `None` if cancelled. Blocks.
pub(super) fn of_file(path: &Path, like: FileDigest, cancel: &CancellationToken) -> io::Result<Option<FileHashes>> {
    let (mut file, mut piece) = (fs_err::File::open(path)?, vec![0; PIECE]);
    let (mut short, mut bytes) = (Sha256::new(), 0);
    let mut long = matches!(like, FileDigest::Sha512(_)).then(Sha512::new);
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            break;
        }
        if cancel.is_cancelled() {
            return Ok(None);
        }
        short.update(&piece[..count]);
        if let Some(long) = &mut long {
            long.update(&piece[..count]);
        }
        bytes += count as u64;
    }
    let sha256 = short.finalize().into();
    let digest = long.map_or(FileDigest::Sha256(sha256), |long| FileDigest::Sha512(long.finalize().into()));
    Ok(Some(FileHashes { bytes, sha256, digest }))
}

#[cfg(test)]
mod tests {
    use super::{FileDigest, of_file};
    use tokio_util::sync::CancellationToken;

    // Source: FIPS 180-4, the examples for "abc".
    const SHORT: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const LONG: &str = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                        2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

    fn check(text: &str, good: bool) {
        let parsed = text.parse::<FileDigest>();
        assert_eq!(parsed.is_ok(), good, "{text}");
        if let Ok(digest) = parsed {
            assert_eq!(digest.to_string(), text);
        }
    }

    #[test]
    fn only_whole_digests_are_read() {
        check(SHORT, true);
        check(LONG, true);
        check(&SHORT.replace("256", "512"), false);
        check(&SHORT[..SHORT.len() - 1], false);
        check(&SHORT["sha256:".len()..], false);
        check("sha256:", false);
    }

    #[test]
    fn files_are_hashed_in_the_requested_kind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("abc");
        fs_err::write(&path, "abc").expect("writing");
        for text in [SHORT, LONG] {
            let like = text.parse().expect("a digest");
            let hashed = of_file(&path, like, &CancellationToken::new()).expect("reading").expect("not cancelled");
            assert_eq!((hashed.bytes, hashed.digest), (3, like));
            assert_eq!(FileDigest::Sha256(hashed.sha256).to_string(), SHORT);
        }
    }
}
