//! Checksum files in the form that `sha256sum -c` reads: the digest, two spaces, the name.
//!
//! A name with a backslash or a line break is escaped, and the line then starts with a backslash: that is how
//! coreutils keeps one file on one line.

/// One line of a checksum file, with its line break.
pub fn checksum_line(hex: &str, name: &str) -> String {
    let escaped = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    let mark = if escaped == name { "" } else { "\\" };
    format!("{mark}{hex}  {escaped}\n")
}

/// The digest, in lower case, and the name on a line; `None` for anything else than one such line.
pub fn parse_checksum_line(line: &str) -> Option<(String, String)> {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let (escaped, line) = line.strip_prefix('\\').map_or((false, line), |rest| (true, rest));
    let (hex, rest) = line.split_at_checked(64)?;
    // Two spaces, or a space and the asterisk that marks "read as binary".
    let name = rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *"))?;
    let proper = hex.bytes().all(|byte| byte.is_ascii_hexdigit()) && !name.is_empty() && !name.contains('\n');
    let name = if escaped { unescape(name)? } else { name.to_owned() };
    proper.then(|| (hex.to_ascii_lowercase(), name))
}

fn unescape(name: &str) -> Option<String> {
    let mut plain = String::with_capacity(name.len());
    let mut letters = name.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            plain => plain,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn check(line: &str, expect: Option<&str>) {
        let name = parse_checksum_line(line).map(|(hex, name)| {
            assert_eq!(hex, HEX);
            name
        });
        assert_eq!(name.as_deref(), expect, "{line:?}");
    }

    #[test]
    fn one_line_in_the_known_forms_is_read() {
        check(&format!("{HEX}  a.tgz\n"), Some("a.tgz"));
        check(&format!("{HEX} *a.tgz"), Some("a.tgz"));
        check(&format!("{}  a.tgz", HEX.to_uppercase()), Some("a.tgz"));
        check(&format!("\\{HEX}  a\\\\b\\nc\n"), Some("a\\b\nc"));
    }

    #[test]
    fn anything_else_is_not() {
        for line in ["", "\n", HEX, &HEX[1..]] {
            check(line, None);
        }
        check(&format!("{HEX} a.tgz"), None);
        check(&format!("{HEX}  "), None);
        check(&format!("{}  a.tgz", &HEX[1..]), None);
        check(&format!("{}g  a.tgz", &HEX[1..]), None);
        check(&format!("{HEX}  a.tgz\n{HEX}  b.tgz\n"), None);
        check(&format!("\\{HEX}  a\\tb"), None);
        check(&"ä".repeat(40), None);
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in "[^\0]{1,40}") {
            let parsed = parse_checksum_line(&checksum_line(HEX, &name));
            prop_assert_eq!(parsed, Some((HEX.to_owned(), name)));
        }
    }
}
