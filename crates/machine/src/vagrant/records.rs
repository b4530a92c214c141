//! Vagrant's machine-readable output, one record per line.
//!
//! ```text
//! <seconds since 1970>,<machine or nothing>,<kind>,<data>,<data>...
//! ```
//!
//! A comma in data is `%!(VAGRANT_COMMA)`, a line's end `\n`. Source: Vagrant's documentation, "Machine Readable Output";
//! `lib/vagrant/ui.rb`.

/// A line of its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VagrantRecord {
    /// For people: a line of progress, a warning, an error.
    Ui(String),
    /// A machine's state, such as `running` or `not_created`, as the provider names it.
    State(String),
    /// The reason of a failure.
    ErrorExit {
        /// Its class.
        class: String,
        /// Its message.
        message: String,
    },
    /// A machine's SSH server, as an OpenSSH client configuration.
    SshConfig(String),
    /// A box that is installed.
    Box(String),
    /// Anything else.
    Other(String),
}

impl VagrantRecord {
    /// Parses a line; `None` if it has another form, because plugins and Ruby print arbitrary lines.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut words = line.trim_end().split(',');
        let (seconds, _machine, kind) = (words.next()?, words.next()?, words.next()?);
        if seconds.is_empty() || !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let data: Vec<String> = words.map(plain).collect();
        let word = |number: usize| data.get(number).cloned().unwrap_or_default();
        Some(match kind {
            // The first field is the level.
            "ui" => Self::Ui(word(1)),
            "state" => Self::State(word(0)),
            "error-exit" => Self::ErrorExit { class: word(0), message: one_line(&word(1)) },
            "ssh-config" => Self::SshConfig(word(0)),
            "box-name" => Self::Box(word(0)),
            other => Self::Other(other.to_owned()),
        })
    }
}

fn plain(word: &str) -> String {
    word.replace("%!(VAGRANT_COMMA)", ",").replace("\\n", "\n").replace("\\r", "\r")
}

/// The message's paragraphs as one: errors are a line.
fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Splits chunks of output into lines.
#[derive(Debug, Default)]
pub(super) struct RecordLines(Vec<u8>);

impl RecordLines {
    /// The lines that are complete now.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        self.0.extend_from_slice(bytes);
        let Some(end) = self.0.iter().rposition(|&byte| byte == b'\n') else { return Vec::new() };
        let whole: Vec<u8> = self.0.drain(..=end).collect();
        String::from_utf8_lossy(&whole).lines().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{RecordLines, VagrantRecord};
    use insta::assert_debug_snapshot;

    /// Output of Vagrant 2.3.4 with vagrant-libvirt 0.11.2.
    fn read(real: &str) -> Vec<VagrantRecord> {
        real.lines().filter_map(VagrantRecord::parse).collect()
    }

    #[test]
    fn real_output_is_parsed() {
        assert_debug_snapshot!("up", read(include_str!("real/up.txt")));
        assert_debug_snapshot!("status", read(include_str!("real/status.txt")));
        assert_debug_snapshot!("ssh_config", read(include_str!("real/ssh-config.txt")));
        assert_debug_snapshot!("box_list", read(include_str!("real/box-list.txt")));
        assert_debug_snapshot!("refused", read(include_str!("real/refused.txt")));
    }

    #[test]
    fn other_lines_are_skipped() {
        let check =
            |line: &str, expect: Option<VagrantRecord>| assert_eq!(VagrantRecord::parse(line), expect, "{line}");
        check("", None);
        check("1,2", None);
        check(",default,state,running", None);
        check("warning: already initialized constant, previous, definition", None);
        check("  HostName 192.168.121.240", None);
        check("1,,state", Some(VagrantRecord::State(String::new())));
        check("1,,ui,info,a%!(VAGRANT_COMMA) b\\nc\r", Some(VagrantRecord::Ui("a, b\nc".to_owned())));
    }

    #[test]
    fn lines_come_in_pieces() {
        let mut lines = RecordLines::default();
        let mut check = |bytes: &str, expect: &[&str]| assert_eq!(lines.push(bytes.as_bytes()), expect, "{bytes:?}");
        check("on", &[]);
        check("e\r\ntw", &["one"]);
        check("o\n\nthree\nfo", &["two", "", "three"]);
        check("ur\n", &["four"]);
    }
}
