//! `vmbuild diff`: the differences of two artifacts, as tables.

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::DiffArgs;
use crate::report::{self, TableCell};
use vmbuild_artifact::{ArtifactExplanation, ChangedValue};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::{DiffOutcome, DiffRequest, DiffSide};

/// Lines of one part that people see; the rest is counted. JSON has all of them.
const MOST: usize = 40;

/// Longest value that is shown whole, in characters; of a longer one, the differing words are shown.
const WIDEST: usize = 60;

/// Compares, and prints the differences. Exits like diff(1): 0 if there are none, 1 if there are some.
pub(crate) async fn diff(context: &CommandContext, args: DiffArgs) -> Result<CommandExit, Failure> {
    let outcome = vmbuild_operations::diff(context, DiffRequest { one: args.one, other: args.other }).await?;
    let text = if context.json {
        as_json(&outcome)
    } else if outcome.is_same() {
        format!("the same bytes: sha256 {}\n", outcome.was.sha256)
    } else {
        as_tables(&outcome)
    };
    report::to_stdout(&text)?;
    Ok(if outcome.is_same() { Exit::Success } else { Exit::Job }.into())
}

fn as_json(outcome: &DiffOutcome) -> String {
    let side = |side: &DiffSide| serde_json::json!({ "artifact": side.name.to_string(), "sha256": side.sha256 });
    let document = serde_json::json!({
        "schema": 1,
        "was": side(&outcome.was),
        "is": side(&outcome.is),
        "same": outcome.is_same(),
        "plan": outcome.plan,
        "differences": outcome.differences,
    });
    format!("{document}\n")
}

fn as_tables(outcome: &DiffOutcome) -> String {
    let ArtifactExplanation { packages, flags, modules, libraries, symbols, sysconfig, files } = &outcome.differences;
    let mut text = part("PLAN", outcome.plan.iter().map(|change| vec![change.clone()]).collect());
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

fn row(change: &ChangedValue) -> Vec<String> {
    let ChangedValue { name, was, is } = change;
    let (was, is) = match (was.as_deref(), is.as_deref()) {
        (Some(was), Some(is)) if was.len().max(is.len()) > WIDEST => (only_in(was, is), only_in(is, was)),
        (was, is) => (was.unwrap_or("-").to_owned(), is.unwrap_or("-").to_owned()),
    };
    vec![name.clone(), was, is].into_iter().map(|text| text.chars().take(WIDEST * 2).collect()).collect()
}

/// The words of a long value that the other lacks.
fn only_in(one: &str, other: &str) -> String {
    let words = |text: &str| text.replace(['\'', '"'], " ").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let others = words(other);
    let own: Vec<String> = words(one).into_iter().filter(|word| !others.contains(word)).collect();
    if own.is_empty() { "…".to_owned() } else { format!("… {}", own.join(" ")) }
}

/// A table with a head, or nothing if there are no rows.
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
    let cells = |row: Vec<String>| row.into_iter().map(TableCell::from).collect::<Vec<TableCell>>();
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
