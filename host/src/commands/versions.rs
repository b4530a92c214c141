//! `vmbuild versions`: what can be built, what is still maintained, and what has been overtaken.

use super::context::CommandContext;
use super::program::CommandExit;
use crate::report::{self, Cell};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::json;
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_cpython::{Minor, MinorNumber, Month, SupportPhase, Version, minors, releases};

/// One known version, seen from today.
#[derive(Debug, Serialize)]
struct VersionRow {
    version: Version,
    minor: MinorNumber,
    phase: SupportPhase,
    active: bool,
    end_of_life: Month,
    /// The newest of its minor, if that is not this one.
    newer: Option<Version>,
    stale: bool,
    free_threaded: bool,
    archives: Vec<String>,
}

/// Prints every known version.
pub(crate) fn versions(context: &CommandContext) -> Result<CommandExit, Failure> {
    let today = this_month();
    let text = if context.json { as_json(today) } else { as_table(today) };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}

/// Says what somebody who builds a version may want to know: that there is a newer one, that nobody mends it any more,
/// or that its facts are another's.
pub(crate) fn advise(context: &CommandContext, version: &Version) {
    for advice in advice(version, this_month()) {
        context.events.note(Part::Build, advice);
    }
}

fn advice(version: &Version, today: Month) -> Vec<String> {
    let minor = Minor::of(version);
    let number = MinorNumber::of(version);
    let newer = releases().newer_than(version).map(|newer| format!("{version} is stale → {newer} is newer"));
    let ended = (minor.number == number && minor.phase(today) == SupportPhase::EndOfLife)
        .then(|| format!("{number} has reached its end of life: no fixes since {}", minor.end_of_life));
    let borrowed =
        (minor.number != number).then(|| format!("nothing is listed for {number}: it is built as {} is", minor.number));
    [newer, ended, borrowed].into_iter().flatten().collect()
}

fn this_month() -> Month {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let (year, month) = (u16::try_from(now.year()).ok(), u8::try_from(now.month()).ok());
    // A clock that is not in this era proves nothing about a schedule: then everything counts as maintained.
    year.zip(month).and_then(|(year, month)| Month::new(year, month)).unwrap_or_else(earliest)
}

fn earliest() -> Month {
    minors().all()[0].released
}

fn known(today: Month) -> Vec<VersionRow> {
    let look = |version: Version, archives| {
        let minor = Minor::of(&version);
        let (phase, newer) = (minor.phase(today), releases().newer_than(&version));
        VersionRow {
            version,
            minor: minor.number,
            phase,
            active: phase.is_active(),
            end_of_life: minor.end_of_life,
            stale: newer.is_some(),
            newer,
            free_threaded: minor.has_option("--disable-gil"),
            archives,
        }
    };
    let files =
        |archives: &[vmbuild_cpython::ReleaseArchive]| archives.iter().map(|archive| archive.file.clone()).collect();
    releases().all().iter().map(|release| look(release.version, files(release.archives()))).collect()
}

fn as_json(today: Month) -> String {
    let minors: Vec<_> =
        minors().all().iter().map(|minor| json!({ "phase": minor.phase(today), "facts": minor })).collect();
    let document = json!({ "schema": 1, "month": today, "minors": minors, "versions": known(today) });
    format!("{document}\n")
}

/// A row for each minor version: somebody who reads wants to know what to build; a program gets them all.
fn as_table(today: Month) -> String {
    let head = ["MINOR", "PHASE", "UNTIL", "NEWEST", "STALE"].map(Cell::from).to_vec();
    let known = known(today);
    let rows = known.chunk_by(|one, next| one.minor == next.minor).filter_map(row);
    report::columns(&std::iter::once(head).chain(rows).collect::<Vec<Vec<Cell>>>())
}

fn row(of_minor: &[VersionRow]) -> Option<Vec<Cell>> {
    let newest = of_minor.iter().rfind(|known| !known.stale)?;
    let minor = Minor::of(&newest.version);
    let until = if newest.phase == SupportPhase::Bugfix { minor.bugfix_until } else { newest.end_of_life };
    let builds = if newest.free_threaded { format!("{0}, {0}t", newest.version) } else { newest.version.to_string() };
    let stale: Vec<Version> = of_minor.iter().filter(|known| known.stale).map(|known| known.version).collect();
    let cells = [newest.minor.to_string(), newest.phase.to_string(), until.to_string(), builds, runs(&stale)];
    Some(cells.map(Cell::from).to_vec())
}

/// `3.15.0rc1, 3.13.0–3.13.15`: releases without a gap are told by the first and the last.
fn runs(versions: &[Version]) -> String {
    let runs = versions.chunk_by(|one, next| next.is_next_to(one)).map(|run| match run {
        [first, .., last] => format!("{first}–{last}"),
        one => one.iter().map(Version::to_string).collect(),
    });
    runs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{advice, as_json, as_table};
    use vmbuild_cpython::Month;

    const TODAY: fn() -> Month = || "2026-11".parse().expect("a month");

    fn check(version: &str, expect: &[&str]) {
        assert_eq!(advice(&version.parse().expect("a version"), TODAY()), expect, "{version}");
    }

    #[test]
    fn what_is_behind_is_advised_against() {
        check("3.12.6", &["3.12.6 is stale → 3.12.14 is newer"]);
        check("3.14.0t", &["3.14.0t is stale → 3.14.10t is newer"]);
        check("3.12.14", &[]);
        check("3.12.99", &[]);
        check("3.10.21", &["3.10 has reached its end of life: no fixes since 2026-10"]);
        check("3.16.0a1", &["nothing is listed for 3.16: it is built as 3.15 is"]);
    }

    #[test]
    fn the_table_says_what_is_stale_and_what_has_ended() {
        let table = as_table(TODAY());
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
        let document: serde_json::Value = serde_json::from_str(&as_json(TODAY())).expect("JSON");
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
