//! Errors as failures that the host can read.

use std::error::Error;
use std::io;
use vmbuild_protocol::{FailureKind, RequestFailure};

/// A failure without a program's output.
pub fn failure(kind: FailureKind, message: impl Into<String>) -> RequestFailure {
    RequestFailure { kind, message: message.into(), step: None, tail: String::new() }
}

/// The failure of a cancelled request.
pub(crate) fn cancelled() -> RequestFailure {
    failure(FailureKind::Cancelled, "cancelled")
}

/// A file could not be read or written; a full disk has a kind of its own.
pub fn io_failure(error: &io::Error) -> RequestFailure {
    let kind = if is_full_disk(error) { FailureKind::NoSpace } else { FailureKind::Io };
    failure(kind, error.to_string())
}

/// An error of a library, with all causes in its message; a full disk has a kind of its own.
pub(crate) fn chain_failure(error: &(dyn Error + 'static)) -> RequestFailure {
    let kind = if causes(error).any(is_full_disk) { FailureKind::NoSpace } else { FailureKind::Io };
    failure(kind, error_chain(error))
}

/// An error and its causes on one line.
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn is_full_disk(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref().map(io::Error::kind) == Some(io::ErrorKind::StorageFull)
}

#[cfg(test)]
mod tests {
    use super::chain_failure;
    use std::io;
    use vmbuild_protocol::FailureKind;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to pack")]
    struct Outer(#[source] io::Error);

    #[test]
    fn causes_are_named_and_a_full_disk_is_seen_through_them() {
        let cases = [(io::ErrorKind::StorageFull, FailureKind::NoSpace), (io::ErrorKind::NotFound, FailureKind::Io)];
        for (kind, expect) in cases {
            let failure = chain_failure(&Outer(io::Error::new(kind, "reason")));
            assert_eq!((failure.kind, failure.message.as_str()), (expect, "failed to pack: reason"));
        }
    }
}
