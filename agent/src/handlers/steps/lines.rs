//! Output in pieces, put together to lines.

/// No meaningful line is longer; the rest of a longer one is dropped.
const LONGEST: usize = 64 << 10;

/// Splits a stream of bytes into lines.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    partial: Vec<u8>,
}

impl LineSplitter {
    /// Takes the next bytes and passes on each line that they complete, without its end.
    pub(super) fn push(&mut self, bytes: &[u8], mut on_line: impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let room = LONGEST.saturating_sub(self.partial.len());
            self.partial.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                self.complete(&mut on_line);
            }
        }
    }

    /// Passes on the last, unfinished line when the stream has ended.
    pub(super) fn finish(&mut self, mut on_line: impl FnMut(&str)) {
        if !self.partial.is_empty() {
            self.complete(&mut on_line);
        }
    }

    fn complete(&mut self, on_line: &mut impl FnMut(&str)) {
        on_line(String::from_utf8_lossy(&self.partial).trim_end_matches(['\n', '\r']));
        self.partial.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, LineSplitter};
    use proptest::prelude::{any, proptest};

    fn split(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut seen) = (LineSplitter::default(), Vec::new());
        for piece in pieces {
            lines.push(piece, |line| seen.push(line.to_owned()));
        }
        lines.finish(|line| seen.push(line.to_owned()));
        seen
    }

    #[test]
    fn lines_are_put_together() {
        assert_eq!(split(&[]), Vec::<String>::new());
        assert_eq!(split(&[b"one\ntwo\r\n", b"th", b"ree"]), ["one", "two", "three"]);
        assert_eq!(split(&[b"\n\n"]), ["", ""]);
    }

    #[test]
    fn a_line_without_end_stays_bounded() {
        let pieces = vec![[b'x'; 1000].as_slice(); 100];
        assert_eq!(split(&pieces)[0].len(), LONGEST);
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(text in "[ab\n]{0,200}", cut in any::<proptest::sample::Index>()) {
            let bytes = text.as_bytes();
            let (head, rest) = bytes.split_at(cut.index(bytes.len() + 1));
            assert_eq!(split(&[head, rest]), split(&[bytes]));
        }
    }
}
