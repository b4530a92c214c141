//! `versions`: known versions, their support and the ones that have been superseded.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_cpython::{MinorFacts, MinorNumber, Month, SupportPhase, Version, minors, releases};

/// Known versions, as of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownVersions {
    /// The month.
    pub month: Month,
    /// The versions, grouped by minor version.
    pub versions: Vec<KnownVersion>,
}

/// One known version, as of a month. Its serialized form is that of `vmbuild versions --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownVersion {
    /// The version.
    pub version: Version,
    /// Its minor version.
    pub minor: MinorNumber,
    /// Phase of support.
    pub phase: SupportPhase,
    /// True if it still gets fixes.
    pub active: bool,
    /// Month of its end of life.
    pub end_of_life: Month,
    /// The newest of its minor version, if that is another one.
    pub newer: Option<Version>,
    /// True if there is a newer one.
    pub stale: bool,
    /// True if it can be built free-threaded.
    pub free_threaded: bool,
    /// Names of its source archives.
    pub archives: Vec<String>,
}

/// Lists every known version.
pub fn versions(_context: &Context) -> KnownVersions {
    KnownVersions::of(this_month())
}

impl KnownVersions {
    /// The known versions as of a month.
    pub fn of(month: Month) -> Self {
        Self { month, versions: known(month) }
    }
}

/// Notes whether there is a newer version, whether this one gets no more fixes, and whether its rules are another
/// version's.
pub(crate) fn advise(context: &Context, version: &Version) {
    for advice in advice(version, this_month()) {
        context.events.note(Part::Build, advice);
    }
}

fn advice(version: &Version, today: Month) -> Vec<String> {
    let minor = MinorFacts::of(version);
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
    // A clock that is decades off proves nothing about a schedule: then every version counts as maintained.
    year.zip(month).and_then(|(year, month)| Month::new(year, month)).unwrap_or_else(earliest)
}

fn earliest() -> Month {
    minors().all()[0].released
}

fn known(today: Month) -> Vec<KnownVersion> {
    let look = |version: Version, archives| {
        let minor = MinorFacts::of(&version);
        let (phase, newer) = (minor.phase(today), releases().newer_than(&version));
        KnownVersion {
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

#[cfg(test)]
mod tests {
    use super::advice;
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
}
