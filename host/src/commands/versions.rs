//! `vmbuild versions`: known versions, their support and the ones that have been superseded.

use super::context::CommandContext;
use super::program::CommandExit;
use crate::report::{self, TableCell};
use serde_json::json;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_cpython::{MinorFacts, SupportPhase, Version, minors};
use vmbuild_operations::{KnownVersion, KnownVersions};

/// Prints every known version.
pub(crate) fn versions(context: &CommandContext) -> Result<CommandExit, Failure> {
    let known = vmbuild_operations::versions(context);
    let text = if context.json { as_json(&known) } else { as_table(&known) };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}

fn as_json(known: &KnownVersions) -> String {
    let month = known.month;
    let minors: Vec<_> =
        minors().all().iter().map(|minor| json!({ "phase": minor.phase(month), "facts": minor })).collect();
    let document = json!({ "schema": 1, "month": month, "minors": minors, "versions": known.versions });
    format!("{document}\n")
}

/// A row for each minor version: people want to know what to build; programs get every version.
fn as_table(known: &KnownVersions) -> String {
    let head = ["MINOR", "PHASE", "UNTIL", "NEWEST", "STALE"].map(TableCell::from).to_vec();
    let rows = known.versions.chunk_by(|one, next| one.minor == next.minor).filter_map(row);
    report::columns(&std::iter::once(head).chain(rows).collect::<Vec<Vec<TableCell>>>())
}

fn row(of_minor: &[KnownVersion]) -> Option<Vec<TableCell>> {
    let newest = of_minor.iter().rfind(|known| !known.stale)?;
    let minor = MinorFacts::of(&newest.version);
    let until = if newest.phase == SupportPhase::Bugfix { minor.bugfix_until } else { newest.end_of_life };
    let builds = if newest.free_threaded { format!("{0}, {0}t", newest.version) } else { newest.version.to_string() };
    let stale: Vec<Version> = of_minor.iter().filter(|known| known.stale).map(|known| known.version).collect();
    let cells = [newest.minor.to_string(), newest.phase.to_string(), until.to_string(), builds, runs(&stale)];
    Some(cells.map(TableCell::from).to_vec())
}

/// `3.15.0rc1, 3.13.0–3.13.15`: consecutive releases are shown by the first and the last.
fn runs(versions: &[Version]) -> String {
    let runs = versions.chunk_by(|one, next| next.directly_follows(one)).map(|run| match run {
        [first, .., last] => format!("{first}–{last}"),
        one => one.iter().map(Version::to_string).collect(),
    });
    runs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{KnownVersions, as_json, as_table};
    use vmbuild_cpython::Month;

    fn known() -> KnownVersions {
        let month: Month = "2026-11".parse().expect("a month");
        KnownVersions::of(month)
    }

    #[test]
    fn the_table_says_what_is_stale_and_what_has_ended() {
        let table = as_table(&known());
        let row = |minor: &str| {
            let of = |line: &&str| line.split_whitespace().next() == Some(minor);
            let line = table.lines().find(of).unwrap_or_default();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(row("3.12"), "3.12 security 2028-10 3.12.14 3.12.0–3.12.13");
        assert_eq!(row("3.10"), "3.10 end of life 2026-10 3.10.21 3.10.1, 3.10.7–3.10.20");
        assert!(row("3.14").starts_with("3.14 bugfix 2027-10 3.14.10, 3.14.10t 3.14.0–3.14.4, 3.14.6–"), "{table}");
        assert_eq!(table.lines().count(), 7, "{table}");
    }

    #[test]
    fn the_document_is_for_programs() {
        let document: serde_json::Value = serde_json::from_str(&as_json(&known())).expect("JSON");
        let versions = document["versions"].as_array().expect("a list");
        let of = |version: &str| versions.iter().find(|known| known["version"] == version).expect("known").clone();
        assert_eq!((of("3.12.6")["stale"].clone(), of("3.12.6")["newer"].clone()), (true.into(), "3.12.14".into()));
        assert_eq!(
            (of("3.10.21")["phase"].clone(), of("3.10.21")["active"].clone()),
            ("end-of-life".into(), false.into())
        );
        assert_eq!(document["minors"][0]["facts"]["manager"]["sigstore"]["identity"], "pablogsal@python.org");
    }
}
