//! Everything in the archive lies in the one folder that its name promises.

use crate::blocking::run_blocking;
use crate::failure::error_chain;
use crate::handlers::validate::report::CheckResult;
use crate::handlers::validate::subject::CheckSubject;
use vmbuild_cpython::layout::entry_prefix;

pub(in super::super) async fn check(subject: &CheckSubject<'_>) -> CheckResult {
    let (prefix, promised) = (&subject.order.interpreter.prefix, entry_prefix(&subject.name.version));
    if *prefix != promised {
        return Err(format!("{prefix} is not {promised}").into());
    }
    let archive = subject.archive.clone();
    let listed = run_blocking(move || vmbuild_archive::list(&archive)).await;
    let entries = listed.map_err(|error| error_chain(&error))?;
    Ok(judge_entries(&entries, prefix)?)
}

fn judge_entries(entries: &[String], prefix: &str) -> Result<String, String> {
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
    use super::judge_entries;

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
            let got = judge_entries(&owned, PREFIX);
            assert_eq!(got.as_deref().map_err(String::as_str), expect, "{entries:?}");
        }
    }
}
