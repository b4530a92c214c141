//! The newest release on a page with links.

use std::cmp::Ordering;

/// The newest release among the links of `page` that look like `entry`, in which `{release}` stands for the release.
/// Releases are digits, dots and hyphens, and compared number by number.
pub(super) fn newest(page: &str, entry: &str) -> Option<String> {
    let (before, behind) = entry.split_once("{release}")?;
    let releases = links(page).filter_map(|link| link.strip_prefix(before)?.strip_suffix(behind));
    releases.filter(|release| is_release(release)).max_by(|a, b| compare(a, b)).map(str::to_owned)
}

/// Compares two releases by age.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    numbers(a).cmp(&numbers(b))
}

fn numbers(release: &str) -> Vec<u64> {
    release.split(['.', '-']).map(|number| number.parse().unwrap_or(u64::MAX)).collect()
}

fn is_release(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-')
}

/// The targets of links, the last part of their paths: web servers list folders with relative or absolute ones.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("href=").skip(1).filter_map(|rest| {
        let quote = rest.chars().next().filter(|c| *c == '"' || *c == '\'')?;
        rest[1..].split(quote).next()
    });
    targets.map(|target| {
        let end = target.trim_end_matches('/').rfind('/').map_or(0, |at| at + 1);
        &target[end..]
    })
}

#[cfg(test)]
mod tests {
    use super::newest;

    fn check(page: &str, entry: &str, expect: Option<&str>) {
        assert_eq!(newest(page, entry).as_deref(), expect, "{page}");
    }

    #[test]
    fn the_newest_release_is_found() {
        // As Apache lists folders.
        let ubuntu = r#"<a href="../">..</a> <a href="release-20260607/">release-20260607/</a> 2026-06-07
            <a href="release-20260705/">release-20260705/</a> <a href="release-20251203/">x</a> <a href="release/">release</a>"#;
        check(ubuntu, "release-{release}/", Some("20260705"));
        let debian = r#"<a href="/images/cloud/bookworm/20260601-2496/">a</a> <a href='20260601-2501/'>b</a> <a href="latest/">c</a>"#;
        check(debian, "{release}/", Some("20260601-2501"));
        let fedora = r#"<a href="Fedora-Cloud-Base-Generic-44-1.7.x86_64.qcow2">a</a><a href="Fedora-Cloud-Base-Generic-44-1.10.x86_64.qcow2">b</a>"#;
        check(fedora, "Fedora-Cloud-Base-Generic-{release}.x86_64.qcow2", Some("44-1.10"));
    }

    #[test]
    fn other_links_are_left_out() {
        check("", "release-{release}/", None);
        check(
            r#"<a href="release-../">x</a><a href="release-beta/">x</a><a href="release-1-/">x</a>"#,
            "release-{release}/",
            None,
        );
        check(r#"<a href="release-20260705.sig">x</a>"#, "release-{release}/", None);
        check("href=", "release-{release}/", None);
    }
}
