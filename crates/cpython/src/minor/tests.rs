use super::*;
use crate::release::{Release, releases};
use std::collections::BTreeSet;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

#[test]
fn the_table_is_complete_and_in_order() {
    let all = minors().all();
    assert!(all.is_sorted_by(|one, next| one.number < next.number), "sorted, none twice");
    let listed: BTreeSet<MinorNumber> =
        releases().all().iter().map(|release: &Release| MinorNumber::of(&release.version)).collect();
    assert_eq!(
        listed,
        all.iter().map(|minor| minor.number).collect(),
        "every listed release has facts about its minor version"
    );
    for minor in all {
        assert!(minor.released < minor.bugfix_until && minor.bugfix_until < minor.end_of_life, "{}", minor.number);
        assert!(minor.options.is_sorted() && minor.packages.is_sorted(), "{}", minor.number);
        let compiled = &minor.compiled;
        assert!(compiled.is_sorted() && !compiled.iter().any(|name| minors().common.compiled.contains(name)));
        let pgp = minor.manager.pgp.as_deref();
        assert_eq!(pgp.is_some(), minor.number < MinorNumber(3, 14), "PEP 761 ends OpenPGP signatures with 3.14");
        assert!(pgp.is_none_or(|pgp| pgp.len() == 40 && pgp.chars().all(|c| c.is_ascii_hexdigit())));
    }
}

#[test]
fn an_unlisted_version_has_its_minors_facts() {
    let check =
        |text: &str, expect: &str| assert_eq!(MinorFacts::of(&version(text)).number.to_string(), expect, "{text}");
    check("3.12.99", "3.12");
    check("3.14.10t", "3.14");
    check("3.15.0rc1", "3.15");
    check("3.16.0a1", "3.15");
    check("3.9.20", "3.10");
}

#[test]
fn options_and_quirks_follow_the_minor() {
    let minor = |text: &str| MinorFacts::of(&version(text));
    assert!(minor("3.11.9").has_option("--with-system-ffi") && !minor("3.12.0").has_option("--with-system-ffi"));
    assert!(minor("3.13.0").has_option("--disable-gil") && !minor("3.12.14").has_option("--disable-gil"));
    assert!(minor("3.13.5").has_quirk(Quirk::OneLtoPartition) && !minor("3.14.0").has_quirk(Quirk::OneLtoPartition));
    assert!(
        minor("3.12.6").has_quirk(Quirk::IgnoresFailedTraining)
            && !minor("3.13.5").has_quirk(Quirk::IgnoresFailedTraining)
    );
}

#[test]
fn phases_follow_the_schedule() {
    let minor = MinorFacts::of(&version("3.13.5"));
    let check = |today: &str, expect: SupportPhase| assert_eq!(minor.phase(month(today)), expect, "{today}");
    check("2024-09", SupportPhase::Prerelease);
    check("2024-10", SupportPhase::Bugfix);
    check("2026-10", SupportPhase::Bugfix);
    check("2026-11", SupportPhase::Security);
    check("2029-10", SupportPhase::Security);
    check("2029-11", SupportPhase::EndOfLife);
    assert!(SupportPhase::Security.is_active() && !SupportPhase::EndOfLife.is_active());
}

#[test]
fn the_images_have_the_packages_that_a_minor_needs() {
    let lists = [
        include_str!("../../../../provision/packages/debian-12.toml"),
        include_str!("../../../../provision/packages/ubuntu-22.04.toml"),
    ];
    let needed = minors().all().iter().flat_map(|minor| &minor.packages);
    for package in needed {
        let line = format!("\n    \"{package}\",\n");
        assert!(lists.iter().all(|list| list.contains(&line)), "{package}");
    }
}

#[test]
fn errors_in_a_table_are_explained() {
    let check = |toml: &str, expect: &str| {
        let error = MinorTable::parse(toml).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check("schema = 2\n[common]\nmodules = []\ncompiled = []", "unsupported schema 2");
    check("schema = 1\n[common]\nmodules = []\ncompiled = []\n[[minor]]\nminor = \"3\"", "invalid minor version `3`");
    check("schema = 1\n[common]\nmodules = []\ncompiled = []\n[[minor]]\nreleased = \"2026\"", "invalid month `2026`");
    check("schema = 1\n[common]\nmodules = []\ncompiled = []\n[[minor]]\nquirks = [\"odd\"]", "unknown variant `odd`");
}
