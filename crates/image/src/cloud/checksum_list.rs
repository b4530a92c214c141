//! Lists of checksums, as `sha256sum` and as BSD's tools write them.

use super::FileDigest;

/// The digest of the file `name` in `list`. The strongest, if there are several; `None` if two of one kind differ.
pub(super) fn listed(list: &str, name: &str) -> Option<FileDigest> {
    let mut found: Vec<FileDigest> =
        list.lines().filter_map(line).filter(|(file, _)| *file == name).map(|(_, digest)| digest).collect();
    found.sort_by_key(ToString::to_string);
    found.dedup();
    match found.as_slice() {
        [one] => Some(*one),
        [FileDigest::Sha256(_), long @ FileDigest::Sha512(_)] => Some(*long),
        _ => None,
    }
}

/// `<digits>  <name>`, `<digits> *<name>`, or `SHA256 (<name>) = <digits>`.
fn line(line: &str) -> Option<(&str, FileDigest)> {
    if let Some((head, digits)) = line.split_once(") = ") {
        let (kind, name) = head.split_once(" (")?;
        let digest = FileDigest::from_hex(digits.trim())?;
        let kinds = matches!((kind, digest), ("SHA256", FileDigest::Sha256(_)) | ("SHA512", FileDigest::Sha512(_)));
        return kinds.then_some((name, digest));
    }
    let (digits, name) = line.split_once(' ')?;
    let name = name.strip_prefix([' ', '*'])?;
    Some((name.trim_end(), FileDigest::from_hex(digits)?))
}

#[cfg(test)]
mod tests {
    use super::listed;

    fn check(list: &str, expect: Option<&str>) {
        assert_eq!(listed(list, "disk.img").map(|digest| digest.to_string()).as_deref(), expect, "{list}");
    }

    #[test]
    fn both_forms_are_read() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let (is_a, c) = (format!("sha256:{a}"), "c".repeat(128));
        check(&format!("{b} *other.img\n{a} *disk.img\n"), Some(&is_a));
        check(&format!("{a}  disk.img"), Some(&is_a));
        check(&format!("# disk.img: 3 bytes\nSHA256 (disk.img) = {a}\n"), Some(&is_a));
        check(&format!("SHA512 (disk.img) = {c}\nSHA256 (disk.img) = {a}\n"), Some(&format!("sha512:{c}")));
        check(&format!("{a} *disk.img\n{a} *disk.img\n"), Some(&is_a));
    }

    #[test]
    fn other_lines_are_ignored() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        check("", None);
        check(&format!("{a} *disk.img.manifest\n{b} *my-disk.img"), None);
        check(&format!("{a} *disk.img\n{b} *disk.img\n"), None);
        check(&format!("MD5 (disk.img) = {a}"), None);
        check(&format!("{a} disk.img"), None);
        check("SHA256 (disk.img) = abc", None);
    }
}
