//! The interpreter's answer to a probe, and the proof that only an interpreter of this artifact can give it.
//!
//! A program that prints what an interpreter prints is not one, and a module that imports may come from another
//! installation on the same machine. So each import has to return a digest of a fresh nonce, computed by `hashlib`, and
//! the place of every file that it loaded.

use super::tree::resolved;
use crate::failure::failure;
use rustix::rand::{GetRandomFlags, getrandom};
use sha2::{Digest, Sha256};
use std::path::Path;
use vmbuild_protocol::{FailureKind, RequestFailure};

/// The program that answers. It takes a module's name and a nonce.
pub(super) const PROBE: &str = include_str!("probe.py");
/// Origins of a module without a file. Source: `importlib.machinery.ModuleSpec.origin`.
const IN_THE_INTERPRETER: [&str; 2] = ["built-in", "frozen"];
/// How much of a wrong answer is shown.
const SHOWN: usize = 60;

/// The answer to be given.
pub(super) struct ExpectedAnswer<'a> {
    /// The text to be hashed.
    pub(super) nonce: &'a str,
    /// The version that the artifact's name promises.
    pub(super) version: &'a str,
    /// The folder that must hold everything.
    pub(super) prefix: &'a Path,
}

/// A text that no artifact was made for.
pub(super) fn nonce() -> Result<String, RequestFailure> {
    let mut bytes = [0; 16];
    // The kernel gives up to 256 bytes whole.
    getrandom(&mut bytes, GetRandomFlags::empty())
        .map_err(|error| failure(FailureKind::Io, format!("could not get random bytes: {error}")))?;
    Ok(hex::encode(bytes))
}

/// Demands the right answer; the error names the first flaw in it.
pub(super) fn judge_answer(answer: &str, expected: &ExpectedAnswer<'_>) -> Result<(), String> {
    let fields: Vec<&str> = answer.split('\0').collect();
    // Before the first NUL there is what importing prints, such as readline's escape sequence.
    let [_, digest, version, base_prefix, origin, loaded @ ..] = fields.as_slice() else {
        let shown: String = answer.chars().take(SHOWN).collect();
        return Err(format!("is answered by `{shown}`, not as an interpreter does"));
    };
    if *digest != hex::encode(Sha256::digest(expected.nonce)) {
        return Err("is answered without the digest that was asked for".to_owned());
    }
    if *version != expected.version {
        return Err(format!("is imported by {version}, file name says {}", expected.version));
    }
    let prefix = resolved(expected.prefix)?;
    if resolved(base_prefix.as_ref())? != prefix {
        return Err(format!("is imported with sys.base_prefix {base_prefix}, outside the artifact"));
    }
    if !IN_THE_INTERPRETER.contains(origin) && !resolved(origin.as_ref())?.starts_with(&prefix) {
        return Err(format!("is from {origin}, outside the artifact"));
    }
    for file in loaded {
        if !resolved(file.as_ref())?.starts_with(&prefix) {
            return Err(format!("loads {file}, outside the artifact"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ExpectedAnswer, judge_answer, nonce};
    use sha2::{Digest, Sha256};

    #[test]
    fn only_the_right_answer_passes() {
        let root = tempfile::tempdir().unwrap();
        let (prefix, file) = (root.path().join("opt/p"), root.path().join("opt/p/ssl.py"));
        fs_err::create_dir_all(&prefix).unwrap();
        fs_err::write(&file, "").unwrap();
        fs_err::os::unix::fs::symlink("/proc/version", prefix.join("link.py")).unwrap();
        let (prefix, file) = (prefix.to_str().unwrap(), file.to_str().unwrap());
        let digest = hex::encode(Sha256::digest("n"));
        let link = format!("{prefix}/link.py");
        let cases: [(&[&str], &str); 11] = [
            (&["", &digest, "3.15.0rc1", prefix, file], ""),
            (&["\x1b[?1034h", &digest, "3.15.0rc1", prefix, file, file], ""),
            (&["", &digest, "3.15.0rc1", prefix, "built-in", file], ""),
            (&["ok"], "is answered by `ok`, not as an interpreter does"),
            (&["", &"0".repeat(64), "3.15.0rc1", prefix, file], "without the digest that was asked for"),
            (&["", &digest, "3.15.0", prefix, file], "is imported by 3.15.0, file name says 3.15.0rc1"),
            (&["", &digest, "3.15.0rc1", "/usr", file], "sys.base_prefix /usr, outside the artifact"),
            (&["", &digest, "3.15.0rc1", prefix, "/proc/version"], "is from /proc/version, outside the artifact"),
            (&["", &digest, "3.15.0rc1", prefix, &link], "link.py, outside the artifact"),
            (&["", &digest, "3.15.0rc1", prefix, "None"], "None"),
            (&["", &digest, "3.15.0rc1", prefix, file, "/proc/version"], "loads /proc/version, outside the artifact"),
        ];
        for (fields, expect) in cases {
            let expected = ExpectedAnswer { nonce: "n", version: "3.15.0rc1", prefix: prefix.as_ref() };
            let why = judge_answer(&fields.join("\0"), &expected).err().unwrap_or_default();
            assert_eq!(why.is_empty(), expect.is_empty(), "{fields:?}: {why}");
            assert!(why.contains(expect), "{fields:?}: {why}");
        }
    }

    #[test]
    fn no_two_nonces_are_alike() {
        assert_ne!(nonce().unwrap(), nonce().unwrap());
    }
}
