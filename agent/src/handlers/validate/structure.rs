//! Check 5: everything in the archive lies in the one folder its name promises.

use super::outcome::CheckOutcome;
use super::subject::Subject;
use crate::handlers::chain::message;

/// 5: all entries are under the interpreter's prefix, which is in `opt`.
pub(super) async fn structure(subject: &Subject<'_>) -> CheckOutcome {
    let prefix = &subject.ask.interpreter.prefix;
    if !prefix.starts_with("opt/") {
        return CheckOutcome::Fail(format!("{prefix} is not in opt"));
    }
    let archive = subject.archive.clone();
    match tokio::task::spawn_blocking(move || vmbuild_archive::list(&archive)).await {
        Ok(Ok(entries)) => judge(&entries, prefix).into(),
        Ok(Err(error)) => CheckOutcome::Fail(message(&error)),
        Err(error) => CheckOutcome::Fail(error.to_string()),
    }
}

fn judge(entries: &[String], prefix: &str) -> Result<String, String> {
    let astray: Vec<&String> = entries.iter().filter(|entry| !belongs(entry, prefix)).collect();
    match (astray.as_slice(), entries.iter().any(|entry| entry.starts_with(&format!("{prefix}/")))) {
        ([], true) => Ok(format!("{} entries, all under {prefix}", entries.len())),
        ([], false) => Err(format!("nothing under {prefix}")),
        ([first, rest @ ..], _) => Err(format!("{first} is not under {prefix}{}", and_more(rest.len()))),
    }
}

/// In the prefix, or a folder on the way there.
fn belongs(entry: &str, prefix: &str) -> bool {
    let path = entry.strip_prefix("./").unwrap_or(entry).trim_end_matches('/');
    let on_the_way = |whole: &str, part: &str| whole.strip_prefix(part).is_some_and(|rest| rest.starts_with('/'));
    path.is_empty() || path == prefix || on_the_way(path, prefix) || on_the_way(prefix, path)
}

fn and_more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" (and {count} more)") }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn entries_outside_the_prefix_are_found() {
        const PREFIX: &str = "opt/python-3.13.5";
        let cases: [(&[&str], Result<&str, &str>); 7] = [
            (
                &["opt/", "opt/python-3.13.5/", "opt/python-3.13.5/LICENSE"],
                Ok("3 entries, all under opt/python-3.13.5"),
            ),
            (&["opt/python-3.13.5/LICENSE"], Ok("1 entries, all under opt/python-3.13.5")),
            (&["python-3.13.5/LICENSE", "x"], Err("python-3.13.5/LICENSE is not under opt/python-3.13.5 (and 1 more)")),
            (&["opt/python-3.13.50/LICENSE"], Err("opt/python-3.13.50/LICENSE is not under opt/python-3.13.5")),
            (
                &["opt/python-3.13.5/a", "/opt/python-3.13.5/b"],
                Err("/opt/python-3.13.5/b is not under opt/python-3.13.5"),
            ),
            (&["opt/", "opt/python-3.13.5/"], Ok("2 entries, all under opt/python-3.13.5")),
            (&[], Err("nothing under opt/python-3.13.5")),
        ];
        for (entries, expect) in cases {
            let owned: Vec<String> = entries.iter().map(|&entry| entry.to_owned()).collect();
            let got = judge(&owned, PREFIX);
            assert_eq!(got.as_deref().map_err(String::as_str), expect, "{entries:?}");
        }
    }
}
