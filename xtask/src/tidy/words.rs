//! Words that promise work instead of doing it. (Print macros are clippy's: `print_stdout`, `print_stderr`.)

use super::tree::SourceTree;

/// In halves, so that this file passes.
const IN_TEXT: [[&str; 2]; 3] = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]];
const IN_RUST: [[&str; 2]; 4] = [["todo", "!("], ["unimplemented", "!("], ["#[ig", "nore"], ["dbg", "!("]];

pub(super) fn check(tree: &SourceTree) -> Vec<String> {
    let lines = tree.files.iter().flat_map(|file| file.lines().map(move |(number, line)| (file, number, line)));
    lines
        .filter_map(|(file, number, line)| {
            let text = IN_TEXT.iter().map(|word| word.concat()).find(|word| has_word(line, word));
            let rust = || IN_RUST.iter().map(|word| word.concat()).find(|word| file.is_rust() && line.contains(word));
            text.or_else(rust).map(|word| format!("{}:{number}: `{word}`", file.name))
        })
        .collect()
}

/// Returns true if `word` stands alone in the line.
fn has_word(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(joins) && !line[at + word.len()..].chars().next().is_some_and(joins)
    })
}

#[cfg(test)]
mod tests {
    use crate::tidy::tree::one;

    fn check(name: &str, text: &str, expect: usize) {
        let findings = super::check(&one(name, text));
        assert_eq!(findings.len(), expect, "{text}: {findings:?}");
    }

    #[test]
    fn promises() {
        check("a.md", &format!("a\n{}DO: later", "TO"), 1);
        check("a.sh", &format!("mktemp /tmp/a.{}", "X".repeat(6)), 0);
        check("a.rs", &format!("{}!(\"later\")", "todo"), 1);
        check("a.rs", &format!("#[ig{}]", "nore"), 1);
        check("a.md", "todo is a plain word", 0);
    }
}
