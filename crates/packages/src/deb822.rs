//! Paragraphs of `Field: value` lines: control files, package indices, dpkg's database.
//!
//! Source: deb822(5), deb-control(5); Debian Policy 5.1 "Syntax of control files".

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

/// Longest paragraph that is read, in bytes; the longest real ones take some hundred kilobytes.
const LONGEST_PARAGRAPH: usize = 4 << 20;

/// One paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph<'a> {
    text: Cow<'a, str>,
}

impl Paragraph<'_> {
    /// The value of a field's first line, without the spaces around it. Field names are matched without regard to case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.text.lines().find_map(|line| value_of(line, name))
    }

    /// The lines that continue a field, without the spaces around them.
    pub fn continuation(&self, name: &str) -> impl Iterator<Item = &str> {
        let mut lines = self.text.lines();
        let found = lines.any(|line| value_of(line, name).is_some());
        lines.take_while(move |line| found && is_continuation(line)).map(str::trim)
    }

    /// The paragraph's own text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The paragraph's first line, which names it in error messages.
    pub fn first_line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }
}

fn is_continuation(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

fn value_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (field, value) = line.split_once(':').filter(|_| !is_continuation(line))?;
    field.eq_ignore_ascii_case(name).then(|| value.trim())
}

/// Reads paragraphs one at a time, so that an index of any size takes the memory of its longest paragraph.
#[derive(Debug)]
pub struct ParagraphReader<R> {
    from: R,
    buffer: Vec<u8>,
    /// Longest paragraph that is read, in bytes.
    limit: usize,
}

impl<R: BufRead> ParagraphReader<R> {
    /// Reads from `from`.
    pub fn new(from: R) -> Self {
        Self { from, buffer: Vec::new(), limit: LONGEST_PARAGRAPH }
    }

    /// The next paragraph, or `None` at the end. Bytes that are not UTF-8 are replaced.
    pub fn next_paragraph(&mut self) -> io::Result<Option<Paragraph<'_>>> {
        self.buffer.clear();
        loop {
            let start = self.buffer.len();
            let room = self.limit - start;
            let count = (&mut self.from).take(room as u64).read_until(b'\n', &mut self.buffer)?;
            if count == room {
                let problem = format!("a paragraph is longer than {} MiB", self.limit >> 20);
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            if self.buffer[start..].trim_ascii().is_empty() {
                self.buffer.truncate(start);
                if start > 0 || count == 0 {
                    break;
                }
            }
        }
        let text = String::from_utf8_lossy(&self.buffer);
        Ok((!text.is_empty()).then_some(Paragraph { text }))
    }
}

/// All paragraphs of a text in memory.
pub fn paragraphs(text: &str) -> Vec<Paragraph<'static>> {
    let mut reader = ParagraphReader { limit: usize::MAX, ..ParagraphReader::new(text.as_bytes()) };
    let mut found = Vec::new();
    // Reading from memory without a limit does not fail.
    while let Ok(Some(paragraph)) = reader.next_paragraph() {
        found.push(Paragraph { text: Cow::Owned(paragraph.text.into_owned()) });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_PARAGRAPH, ParagraphReader, paragraphs};

    const TEXT: &str = "Package: a\nDescription: one\n Version: 9\n .\n two\nVersion: 1:2\n\n \n\npackage: b\r\nFiles:\r\n x\r\n y\r\n";

    #[test]
    fn fields_and_their_continuations_are_read() {
        let read = paragraphs(TEXT);
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].field("Package"), read[0].field("Version")), (Some("a"), Some("1:2")));
        assert_eq!(read[0].continuation("Description").collect::<Vec<_>>(), ["Version: 9", ".", "two"]);
        assert_eq!((read[1].field("Package"), read[1].field("Files")), (Some("b"), Some("")));
        assert_eq!(read[1].continuation("Files").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!((read[0].field("Pack"), read[1].continuation("Other").count()), (None, 0));
        assert_eq!(read[0].first_line(), "Package: a");
        assert_eq!(paragraphs("\n \n").len(), 0);
    }

    #[test]
    fn an_endless_paragraph_is_an_error() {
        let text = "a".repeat(LONGEST_PARAGRAPH + 1);
        let error = ParagraphReader::new(text.as_bytes()).next_paragraph().expect_err("too long");
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    }

    proptest::proptest! {
        #[test]
        fn every_byte_outside_of_blank_lines_is_kept(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let (mut reader, mut kept) = (ParagraphReader::new(bytes.as_slice()), String::new());
            while let Some(paragraph) = reader.next_paragraph().expect("reading from memory") {
                kept.push_str(paragraph.text());
            }
            let lines = bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
            proptest::prop_assert_eq!(kept, lines.map(String::from_utf8_lossy).collect::<String>());
        }
    }
}
