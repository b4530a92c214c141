//! Only the host's `report` writes to the standard streams: everything else emits events, so that one place decides
//! about formats, closed pipes and `--json`. (Print macros are clippy's: `print_stdout`, `print_stderr`.)

use super::names::is_program;
use super::tree::{SourceText, SourceTree};

/// Files and folders that may open them, each with the reason.
const ALLOWED: [(&str, &str); 3] = [
    ("host/src/report/", "it shows events and results"),
    ("agent/src/listen.rs", "over SSH they are the pipe to the host"),
    ("xtask/src/workspace.rs", "it prints what tasks report"),
];

/// In halves, so that this file passes.
const OPENED: [[&str; 2]; 2] = [["io::", "stdout"], ["io::", "stderr"]];

/// Asking for a property of a stream writes nothing.
const ASKED: &str = ".is_terminal()";

pub(super) fn check(tree: &SourceTree) -> Vec<String> {
    let allowed = |file: &SourceText| ALLOWED.iter().any(|(place, _)| file.name.starts_with(place));
    let files = tree.rust().filter(|file| !is_program(&file.name) && !allowed(file));
    files.flat_map(opened).collect()
}

/// Places before the file's tests.
fn opened(file: &SourceText) -> impl Iterator<Item = String> {
    let lines = file.lines().take_while(|(_, line)| *line != "#[cfg(test)]");
    lines.filter(|(_, line)| !line.contains(ASKED)).filter_map(|(number, line)| {
        let stream = OPENED.iter().map(|halves| halves.concat()).find(|stream| line.contains(stream))?;
        Some(format!("{}:{number}: uses `{stream}`: emit an event instead", file.name))
    })
}

#[cfg(test)]
mod tests {
    use crate::tidy::tree::one;

    fn check(name: &str, text: &str, expect: usize) {
        let text = text.replace("io::out", &["io::", "stdout()"].concat());
        assert_eq!(super::check(&one(name, &text)).len(), expect, "{name}: {text}");
    }

    #[test]
    fn only_the_report_prints() {
        check("host/src/report/output.rs", "write(io::out)", 0);
        check("host/src/commands/list.rs", "write(io::out)", 1);
        check("crates/image/src/lib.rs", "let mut out = std::io::out.lock();", 1);
        check("agent/src/listen.rs", "join(tokio::io::out)", 0);
    }

    #[test]
    fn questions_and_tests_write_nothing() {
        check("host/src/commands/list.rs", "Paint::choose(io::out.is_terminal())", 0);
        check("host/src/commands/list.rs", "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { write(io::out) } }", 0);
        check("host/tests/e2e/main.rs", "write(io::out)", 0);
    }
}
