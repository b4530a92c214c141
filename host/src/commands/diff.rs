//! `vmbuild diff`: two artifacts explained.

use super::build::{plan_changes, read_info};
use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::DiffArgs;
use crate::report::{self, Cell};
use std::path::{Path, PathBuf};
use vmbuild_archive::Sha256;
use vmbuild_artifact::{ArtifactError, Changed, Explanation, explain};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_cpython::{ArtifactName, BuildInfo};

/// Lines of one part that people see; the rest is counted. JSON has all of them.
const MOST: usize = 40;

/// A value that is longer is shown by the words that differ; in characters.
const WIDEST: usize = 60;

struct DiffSide {
    path: PathBuf,
    name: ArtifactName,
    info: BuildInfo,
    sha256: Sha256,
}

/// Compares, and prints what differs. Exits like diff(1): 0 if nothing does, 1 if something does.
pub(crate) async fn diff(context: &CommandContext, args: DiffArgs) -> Result<CommandExit, Failure> {
    let (one, other) = (side(&args.one)?, side(&args.other)?);
    let same = one.sha256 == other.sha256;
    let (a, b) = ((one.path.clone(), one.info.clone()), (other.path.clone(), other.info.clone()));
    let explained = tokio::task::spawn_blocking(move || explain((&a.0, &a.1), (&b.0, &b.1)));
    let explained = explained.await.map_err(std::io::Error::other).map_err(ArtifactError::Io)?;
    let explained = explained.map_err(|error| ArtifactError::Io(std::io::Error::other(error)))?;
    let plan = plan_changes(&one.info.plan, &other.info.plan);
    let text = if context.json {
        let side = |side: &DiffSide| serde_json::json!({ "artifact": side.name.to_string(), "sha256": side.sha256 });
        let document = serde_json::json!({
            "schema": 1, "was": side(&one), "is": side(&other), "same": same, "plan": plan, "differences": explained,
        });
        format!("{document}\n")
    } else if same {
        format!("the same bytes: sha256 {}\n", one.sha256)
    } else {
        shown(&plan, &explained)
    };
    report::to_stdout(&text)?;
    Ok(if same { Exit::Success } else { Exit::Job }.into())
}

fn side(path: &Path) -> Result<DiffSide, Failure> {
    let path = std::path::absolute(path).map_err(ArtifactError::Io)?;
    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    let name: ArtifactName = file_name.parse().map_err(ArtifactError::Name)?;
    let (_, sha256) = vmbuild_archive::sha256_file(&path).map_err(ArtifactError::Io)?;
    let info = read_info(&path, &name)?;
    Ok(DiffSide { path, name, info, sha256: sha256.into() })
}

fn shown(plan: &[String], explained: &Explanation) -> String {
    let Explanation { packages, flags, modules, libraries, symbols, sysconfig, files } = explained;
    let mut text = part("PLAN", plan.iter().map(|change| vec![change.clone()]).collect());
    let parts = [
        ("PACKAGE", packages),
        ("CONFIGURE", flags),
        ("MODULE", modules),
        ("LINKED LIBRARY", libraries),
        ("SYMBOL", symbols),
        ("SYSCONFIG", sysconfig),
    ];
    for (head, changes) in parts {
        text += &part(head, changes.iter().map(row).collect());
    }
    let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
    let file = |file: &vmbuild_artifact::FileChange| {
        vec![file.path.clone(), file.what.to_string(), bytes(file.was_bytes), bytes(file.is_bytes)]
    };
    text + &part("FILE", files.iter().map(file).collect())
}

fn row(change: &Changed) -> Vec<String> {
    let Changed { name, was, is } = change;
    let (was, is) = match (was.as_deref(), is.as_deref()) {
        (Some(was), Some(is)) if was.len().max(is.len()) > WIDEST => (only_in(was, is), only_in(is, was)),
        (was, is) => (was.unwrap_or("-").to_owned(), is.unwrap_or("-").to_owned()),
    };
    vec![name.clone(), was, is].into_iter().map(|text| text.chars().take(WIDEST * 2).collect()).collect()
}

/// Of a long value, the words that the other has not.
fn only_in(one: &str, other: &str) -> String {
    let words = |text: &str| text.replace(['\'', '"'], " ").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let others = words(other);
    let own: Vec<String> = words(one).into_iter().filter(|word| !others.contains(word)).collect();
    if own.is_empty() { "…".to_owned() } else { format!("… {}", own.join(" ")) }
}

/// A table with a head, or nothing where there is nothing to tell.
fn part(head: &str, rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let (count, width) = (rows.len(), rows[0].len());
    let heads: &[&str] = match width {
        1 => &[""],
        3 => &["", "WAS", "IS"],
        _ => &["", "DIFFERS IN", "WAS BYTES", "IS BYTES"],
    };
    let first = std::iter::once(format!("{head} ({count})")).chain(heads[1..].iter().map(|head| (*head).to_owned()));
    let lines = std::iter::once(first.collect()).chain(rows.into_iter().take(MOST));
    let cells = |row: Vec<String>| row.into_iter().map(Cell::from).collect::<Vec<Cell>>();
    let table = report::columns(&lines.map(cells).collect::<Vec<_>>());
    let more = if count > MOST { format!("… and {} more: --json lists all\n", count - MOST) } else { String::new() };
    format!("{table}{more}\n")
}

#[cfg(test)]
mod tests {
    use super::only_in;

    #[test]
    fn of_long_values_the_differing_words_are_shown() {
        assert_eq!(only_in("'-Wall -O0 ' '-g'", "'-Wall -O3 -g'"), "… -O0");
        assert_eq!(only_in("'-Wall'", "'-Wall -O3'"), "…");
    }
}
