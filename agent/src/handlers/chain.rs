//! An error of a library of ours as a failure the host can read.

use crate::request::failure;
use std::error::Error;
use vmbuild_protocol::{FailureKind, RequestFailure};

/// A failure to read or write, with all causes in its message; a full disk is told apart.
pub(super) fn chained(error: &(dyn Error + 'static)) -> RequestFailure {
    let kind = if causes(error).any(is_full_disk) { FailureKind::NoSpace } else { FailureKind::Io };
    failure(kind, message(error))
}

/// An error and its causes on one line.
pub(crate) fn message(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn is_full_disk(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref().map(std::io::Error::kind) == Some(std::io::ErrorKind::StorageFull)
}

#[cfg(test)]
mod tests {
    use super::chained;
    use std::io;
    use vmbuild_protocol::FailureKind;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to pack")]
    struct Outer(#[source] io::Error);

    #[test]
    fn causes_are_named_and_a_full_disk_is_seen_through_them() {
        let cases = [(io::ErrorKind::StorageFull, FailureKind::NoSpace), (io::ErrorKind::NotFound, FailureKind::Io)];
        for (kind, expect) in cases {
            let failure = chained(&Outer(io::Error::new(kind, "reason")));
            assert_eq!((failure.kind, failure.message.as_str()), (expect, "failed to pack: reason"));
        }
    }
}
