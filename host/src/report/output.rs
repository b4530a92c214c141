//! Writing to the two standard streams. A reader that went away (`vmbuild status | head -1`) is no error.

use std::io::{self, ErrorKind, Write};

/// Writes data that was asked for to standard output.
pub fn to_stdout(text: &str) -> io::Result<()> {
    write(io::stdout().lock(), text)
}

/// Writes words for people to standard error.
pub fn to_stderr(text: &str) -> io::Result<()> {
    write(io::stderr().lock(), text)
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
