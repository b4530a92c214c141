//! `/etc/os-release`, see os-release(5).

use std::path::Path;

/// The name for people, or `unknown`.
pub(super) fn pretty_name() -> String {
    let paths = ["/etc/os-release", "/usr/lib/os-release"];
    let text = paths.iter().find_map(|path| fs_err::read_to_string(Path::new(path)).ok());
    text.and_then(|text| value(&text, "PRETTY_NAME")).unwrap_or_else(|| "unknown".to_owned())
}

/// The value of a variable: the last assignment counts, as in a shell.
fn value(text: &str, name: &str) -> Option<String> {
    let assignments = text.lines().filter_map(|line| line.trim().split_once('='));
    let value = assignments.rev().find(|(variable, _)| *variable == name)?.1;
    Some(unquote(value))
}

/// Takes off one pair of quotes; within them a backslash makes the next character plain.
fn unquote(value: &str) -> String {
    let inner = ['"', '\''].iter().find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote));
    let mut plain = String::new();
    let mut characters = inner.unwrap_or(value).chars();
    while let Some(character) = characters.next() {
        let next = if character == '\\' { characters.next() } else { Some(character) };
        plain.extend(next);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn values_are_read_as_a_shell_would() {
        let cases = [
            ("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n", Some("Debian GNU/Linux 12 (bookworm)")),
            ("NAME=x\nPRETTY_NAME='Ubuntu 22.04.5 LTS'", Some("Ubuntu 22.04.5 LTS")),
            ("PRETTY_NAME=Plain", Some("Plain")),
            (r#"PRETTY_NAME="a \"b\" \$c""#, Some(r#"a "b" $c"#)),
            ("PRETTY_NAME=a\nPRETTY_NAME=b", Some("b")),
            ("# PRETTY_NAME=a\nNAME=b", None),
            ("PRETTY_NAME=\"", Some("\"")),
            ("", None),
        ];
        for (text, expect) in cases {
            assert_eq!(value(text, "PRETTY_NAME").as_deref(), expect, "{text}");
        }
    }
}
