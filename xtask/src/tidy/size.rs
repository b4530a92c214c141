//! Files of at most 400 lines, functions of at most 60.

use super::tree::{SourceText, SourceTree};

const FILE: usize = 400;
const FUNCTION: usize = 60;

pub(super) fn check(tree: &SourceTree) -> Vec<String> {
    tree.rust().flat_map(|file| long_file(file).into_iter().chain(long_functions(file))).collect()
}

fn long_file(file: &SourceText) -> Option<String> {
    let lines = file.text.lines().count();
    (lines > FILE).then(|| format!("{}: {lines} lines, at most {FILE}", file.name))
}

/// rustfmt puts a function's last brace under its first letter, so no parser is needed.
fn long_functions(file: &SourceText) -> Vec<String> {
    let mut open: Option<(usize, usize)> = None;
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        let indent = line.len() - line.trim_start().len();
        if starts_function(line) {
            open = Some((number, indent));
        }
        if let Some((start, _)) = open.filter(|(_, depth)| line.trim_end() == format!("{:depth$}}}", "")) {
            let lines = number - start + 1;
            if lines > FUNCTION {
                found.push(format!("{}:{start}: a function of {lines} lines, at most {FUNCTION}", file.name));
            }
            open = None;
        }
    }
    found
}

fn starts_function(line: &str) -> bool {
    let words = line.split_whitespace().take_while(|word| {
        ["pub", "async", "unsafe", "const", "extern", "fn"].contains(word) || word.starts_with("pub(")
    });
    words.last() == Some("fn")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::one;

    fn function(lines: usize) -> String {
        format!("impl X {{\n    pub(crate) async fn long() {{\n{}    }}\n}}\n", "        x();\n".repeat(lines - 2))
    }

    #[test]
    fn limits() {
        let check = |text: String, expect: &[&str]| assert_eq!(super::check(&one("a.rs", &text)), expect);
        check(function(60), &[]);
        check(function(61), &["a.rs:2: a function of 61 lines, at most 60"]);
        check("x\n".repeat(400), &[]);
        check("x\n".repeat(401), &["a.rs: 401 lines, at most 400"]);
    }

    #[test]
    fn only_items_start_functions() {
        for line in ["fn a() {", "    pub fn a() {", "pub(super) const unsafe fn a() {"] {
            assert!(starts_function(line), "{line}");
        }
        for line in ["let a = fn_b();", "// fn a", "call: fn(u8) -> u8,", "impl Fn for X {"] {
            assert!(!starts_function(line), "{line}");
        }
    }
}
