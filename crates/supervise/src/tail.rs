//! The last lines a program wrote, kept for its error.

use std::collections::VecDeque;

const LINES: usize = 20;
const LINE_BYTES: usize = 2000;

/// The last twenty lines of a stream of bytes, each cut at two thousand bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tail {
    lines: VecDeque<String>,
    partial: Vec<u8>,
}

impl Tail {
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let room = LINE_BYTES.saturating_sub(self.partial.len());
            self.partial.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.partial).trim_end().to_owned();
        self.partial.clear();
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The kept lines, oldest first, with an unfinished one at the end.
    pub fn lines(&self) -> Vec<String> {
        let unfinished = String::from_utf8_lossy(&self.partial).trim_end().to_owned();
        self.lines.iter().cloned().chain(Some(unfinished).filter(|line| !line.is_empty())).collect()
    }

    /// The last complete line that is not blank, or nothing.
    pub fn last_line(&self) -> &str {
        self.lines.iter().rev().find(|line| !line.is_empty()).map_or("", String::as_str)
    }

    /// The kept lines as one text.
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// For the end of an error message: empty, or a colon and the last lines.
    pub fn as_suffix(&self) -> String {
        let text = self.text();
        if text.is_empty() { String::new() } else { format!(":\n{text}") }
    }
}

#[cfg(test)]
mod tests {
    use super::Tail;

    fn check(pieces: &[&str], lines: &[&str], last: &str) {
        let mut tail = Tail::default();
        for piece in pieces {
            tail.push(piece.as_bytes());
        }
        assert_eq!(tail.lines(), lines);
        assert_eq!(tail.last_line(), last);
    }

    #[test]
    fn keeps_whole_and_unfinished_lines() {
        check(&[], &[], "");
        check(&["one\ntwo"], &["one", "two"], "one");
        check(&["on", "e\n", "\n"], &["one", ""], "one");
    }

    #[test]
    fn forgets_what_is_older_than_twenty_lines() {
        let many: Vec<String> = (0..30).map(|n| format!("line {n}")).collect();
        let mut tail = Tail::default();
        tail.push(many.join("\n").as_bytes());
        assert_eq!(tail.lines().len(), 21, "twenty complete lines and the unfinished one");
        assert_eq!(tail.lines().first().map(String::as_str), Some("line 9"));
    }

    #[test]
    fn a_line_without_end_stays_bounded() {
        let mut tail = Tail::default();
        for _ in 0..1000 {
            tail.push(&[b'x'; 1000]);
        }
        assert_eq!(tail.text().len(), 2000);
    }
}
