//! Writing to the two standard streams. A reader that went away (`vmbuild status | head -1`) is no error.

use std::io::{self, ErrorKind, Write};
use vmbuild_protocol::OutputStream;

/// Writes data that was asked for to standard output.
pub fn to_stdout(text: &str) -> io::Result<()> {
    write(io::stdout().lock(), text)
}

/// Writes words for people to standard error.
pub fn to_stderr(text: &str) -> io::Result<()> {
    write(io::stderr().lock(), text)
}

/// Passes a guest program's bytes on to the stream it wrote them to, unchanged.
pub fn program_output(stream: OutputStream, bytes: &[u8]) {
    // Nobody reads any more: the program in the guest may still have its own reasons to finish.
    let _ = match stream {
        OutputStream::Stdout => write_bytes(io::stdout().lock(), bytes),
        OutputStream::Stderr => write_bytes(io::stderr().lock(), bytes),
    };
}

fn write_bytes(mut to: impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

pub(super) fn write(mut to: impl Write, text: &str) -> io::Result<()> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::write;
    use std::io::{self, ErrorKind};

    struct Refusing(ErrorKind);

    impl io::Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_a_broken_pipe_is_forgiven() {
        assert!(write(Refusing(ErrorKind::BrokenPipe), "text").is_ok());
        assert!(write(Refusing(ErrorKind::StorageFull), "text").is_err());
    }
}
