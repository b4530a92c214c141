//! Classification of package manager failures by their output.
//!
//! A mirror that is being updated, a lock that another apt holds and a signature that does not verify all end in the
//! same exit code, but the reaction differs: wait, retry, or give up. Host and guest both run apt, so both need to
//! tell them apart, and the output is the only source.

use std::time::Duration;

/// Why a package manager failed, as far as its output tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PackageTrouble {
    /// A signature is missing, or by an unexpected key. Never retried.
    Untrusted,
    /// Files differ from the index: a mirror in the middle of an update, a proxy, or corruption.
    Mismatch,
    /// Another package manager holds a lock.
    Locked,
    /// The archive lacks a file of its index: it has changed since the index was fetched.
    Gone,
    /// The archive did not answer, or the connection broke.
    Unreachable,
    /// Anything else: a retry would end the same way.
    Other,
}

/// Source: apt 2.6, `methods/gpgv.cc` and `apt-pkg/acquire-item.cc`.
const UNTRUSTED: [&str; 4] = ["NO_PUBKEY", "BADSIG", "EXPKEYSIG", "cannot be authenticated"];
/// Untrusted too, unless the archive is unreachable: apt prints these for an archive that does not answer as well.
const UNSIGNED: [&str; 2] = ["is not signed", "no longer signed"];
/// Source: apt 2.6, `apt-pkg/acquire-item.cc`.
const MISMATCH: [&str; 3] = ["Hash Sum mismatch", "File has unexpected size", "Mirror sync in progress"];
/// Source: apt 2.6, `apt-pkg/contrib/fileutl.cc` and `apt-pkg/deb/debsystem.cc`; dnf 4.
const LOCKED: [&str; 4] =
    ["Could not get lock", "Unable to lock directory", "Unable to acquire the dpkg", "Waiting for process with pid"];
/// Source: apt 2.6, `methods/basehttp.cc`; `No packages found` is printed for a removed version.
const GONE: [&str; 3] = ["404  Not Found", "File not found", "does not have a Release file"];
/// Source: apt 2.6, `methods/{connect,http,basehttp}.cc`; dnf 4.
const UNREACHABLE: [&str; 17] = [
    "Could not connect",
    "Unable to connect",
    "Cannot initiate the connection",
    "Connection failed",
    "Connection timed out",
    "Connection reset",
    "connection timed out",
    "Temporary failure resolving",
    "Could not resolve",
    "Error reading from server",
    "Undetermined Error",
    "Network is unreachable",
    "500  ",
    "502  ",
    "503  ",
    "504  ",
    "Failed to download metadata",
];

impl PackageTrouble {
    /// Classifies a package manager's output. The gravest reason wins: a mirror that mis-signs one index and drops
    /// another is not to be trusted.
    pub fn of(output: &str) -> Self {
        let says = |any: &[&str]| any.iter().any(|sign| output.contains(sign));
        match () {
            () if says(&UNTRUSTED) => Self::Untrusted,
            () if says(&MISMATCH) => Self::Mismatch,
            () if says(&UNSIGNED) && !says(&UNREACHABLE) => Self::Untrusted,
            () if says(&LOCKED) => Self::Locked,
            () if says(&GONE) => Self::Gone,
            () if says(&UNREACHABLE) => Self::Unreachable,
            () => Self::Other,
        }
    }

    /// How long to wait before the next attempt, after `failed` attempts; `None` when that was the last.
    pub fn pause(self, failed: usize) -> Option<Duration> {
        let seconds: &[u64] = match self {
            Self::Untrusted | Self::Other => &[],
            Self::Gone => &[1],
            Self::Mismatch => &[1, 10],
            Self::Unreachable => &[1, 3, 9],
            // First-boot updates of a cloud image hold it for minutes.
            Self::Locked => &[5, 15, 30, 60, 60],
        };
        seconds.get(failed.checked_sub(1)?).copied().map(Duration::from_secs)
    }

    /// The reason as a message fragment.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Untrusted => "the archive's signature does not verify",
            Self::Mismatch => "the archive's files differ from its index",
            Self::Locked => "another package manager is running",
            Self::Gone => "the archive no longer has a file of its index",
            Self::Unreachable => "the archive does not answer",
            Self::Other => "the package manager failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PackageTrouble;

    fn check(output: &str, expect: PackageTrouble) {
        assert_eq!(PackageTrouble::of(output), expect, "{output}");
    }

    #[test]
    fn output_is_classified() {
        check("W: GPG error: InRelease: NO_PUBKEY 0E98404D386FA1D9", PackageTrouble::Untrusted);
        check("E: The repository 'http://a x Release' is not signed.", PackageTrouble::Untrusted);
        check("E: Failed to fetch x.deb  Hash Sum mismatch", PackageTrouble::Mismatch);
        check(
            "E: Failed to fetch x  File has unexpected size (5 != 9). Mirror sync in progress?",
            PackageTrouble::Mismatch,
        );
        check(
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt)",
            PackageTrouble::Locked,
        );
        check("E: Failed to fetch http://a/x.deb  404  Not Found [IP: 1]", PackageTrouble::Gone);
        check("E: Failed to fetch http://a/x.deb  503  Service Unavailable [IP: 1]", PackageTrouble::Unreachable);
        check(
            "E: Failed to fetch http://a/x  Could not connect to a:80 (1). - connect (111: refused)",
            PackageTrouble::Unreachable,
        );
        check("dpkg: error processing package x (--configure)", PackageTrouble::Other);
        check("", PackageTrouble::Other);
    }

    #[test]
    fn the_gravest_reason_wins() {
        check("503  Service Unavailable\nBADSIG 0E98404D386FA1D9", PackageTrouble::Untrusted);
        check(
            "503  Service Unavailable\nE: The repository 'http://a x InRelease' is not signed.",
            PackageTrouble::Unreachable,
        );
        check("Connection failed\nHash Sum mismatch", PackageTrouble::Mismatch);
    }

    #[test]
    fn distrust_is_never_retried() {
        assert_eq!(PackageTrouble::Untrusted.pause(1), None);
        assert_eq!(PackageTrouble::Other.pause(1), None);
        let pauses = |trouble: PackageTrouble| (1..100).map_while(|failed| trouble.pause(failed)).count();
        assert_eq!(
            (pauses(PackageTrouble::Locked), pauses(PackageTrouble::Unreachable)),
            (5, 3),
            "retries are limited"
        );
    }
}
