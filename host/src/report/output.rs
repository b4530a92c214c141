//! Writing to the two standard streams. All output passes through here, and a write that fails is an error: output that
//! is lost silently looks like output that never was.

use std::io::{self, Write};
use vmbuild_core::failure::OutputError;
use vmbuild_protocol::OutputStream;

/// Writes data that was asked for to standard output. A reader that closed its end (`vmbuild status | head -1`) is not an
/// error.
pub fn to_stdout(text: &str) -> Result<(), OutputError> {
    data(io::stdout().lock(), text)
}

/// Checks the outcome of text that others printed to standard output: clap prints its help in its own colours.
pub fn printed(outcome: io::Result<()>) -> Result<(), OutputError> {
    unless_closed(refused(OutputStream::Stdout, outcome.and_then(|()| io::stdout().flush())))
}

/// Passes a guest program's bytes on to the stream it wrote them to, unchanged. Here a reader that closed its end
/// is an error like any other: the program has to end, as it would without a machine in between.
pub fn program_output(stream: OutputStream, bytes: &[u8]) -> Result<(), OutputError> {
    match stream {
        OutputStream::Stdout => write(stream, io::stdout().lock(), bytes),
        OutputStream::Stderr => write(stream, io::stderr().lock(), bytes),
    }
}

/// Writes data to standard output, or its stand-in.
pub(super) fn data(to: impl Write, text: &str) -> Result<(), OutputError> {
    unless_closed(write(OutputStream::Stdout, to, text.as_bytes()))
}

/// Writes messages for people to standard error, or its stand-in.
pub(super) fn news(to: impl Write, text: &str) -> Result<(), OutputError> {
    unless_closed(write(OutputStream::Stderr, to, text.as_bytes()))
}

fn write(stream: OutputStream, mut to: impl Write, bytes: &[u8]) -> Result<(), OutputError> {
    refused(stream, to.write_all(bytes).and_then(|()| to.flush()))
}

fn refused(stream: OutputStream, outcome: io::Result<()>) -> Result<(), OutputError> {
    outcome.map_err(|source| OutputError { stream, source })
}

fn unless_closed(outcome: Result<(), OutputError>) -> Result<(), OutputError> {
    outcome.or_else(|error| if error.is_closed_pipe() { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use super::{data, news, write};
    use std::error::Error as _;
    use std::io::{self, ErrorKind};
    use vmbuild_protocol::OutputStream;

    /// Refuses bytes, or only to pass on what it took.
    struct Refusing {
        takes: bool,
        kind: ErrorKind,
    }

    impl io::Write for Refusing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.takes { Ok(bytes.len()) } else { Err(self.kind.into()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.kind.into())
        }
    }

    #[test]
    fn only_a_reader_of_our_own_text_may_leave() {
        for takes in [false, true] {
            let refusing = |kind| Refusing { takes, kind };
            assert!(data(refusing(ErrorKind::BrokenPipe), "text").is_ok());
            assert!(news(refusing(ErrorKind::BrokenPipe), "text").is_ok());
            assert!(data(refusing(ErrorKind::StorageFull), "text").is_err());
            assert!(news(refusing(ErrorKind::StorageFull), "text").is_err());
            let closed = write(OutputStream::Stdout, refusing(ErrorKind::BrokenPipe), b"bytes");
            assert!(closed.expect_err("a program's reader left").is_closed_pipe());
        }
    }

    #[test]
    fn the_error_names_the_stream_and_the_reason() {
        let check = |stream, expect: &str| {
            let refusing = Refusing { takes: false, kind: ErrorKind::StorageFull };
            let error = write(stream, refusing, b"bytes").expect_err("refused");
            assert_eq!(error.to_string(), expect);
            assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("no storage space"));
        };
        check(OutputStream::Stdout, "cannot write to standard output");
        check(OutputStream::Stderr, "cannot write to standard error");
    }
}
