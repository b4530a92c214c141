use super::*;
use std::collections::BTreeSet;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

#[test]
fn the_table_is_in_order() {
    let all = releases().all();
    assert!(all.len() > 30);
    assert!(all.is_sorted_by(|one, next| one.version < next.version), "sorted, none twice");
    let digests: BTreeSet<[u8; 32]> = all.iter().flat_map(Release::archives).map(|archive| archive.sha256.0).collect();
    assert_eq!(digests.len(), all.iter().map(|release| release.archives().len()).sum::<usize>(), "no digest twice");
}

#[test]
fn every_archive_is_named_after_its_release() {
    for release in releases().all() {
        let version = release.version;
        assert_eq!(version, version.release(), "the table lists releases without flavours");
        let names: Vec<&str> = release.archives().iter().map(|archive| archive.file.as_str()).collect();
        let (xz, tgz) = (format!("Python-{version}.tar.xz"), format!("Python-{version}.tgz"));
        let proper = [vec![xz.as_str(), tgz.as_str()], vec![xz.as_str()], vec![tgz.as_str()]];
        assert!(proper.contains(&names), "{names:?}");
        for debian in release.archives().iter().filter_map(|archive| archive.debian.as_ref()) {
            assert_eq!(debian.package, debian_package(&version));
        }
    }
}

#[test]
fn releases_are_found() {
    let release = releases().find(&version("3.12.6")).unwrap();
    let digest = "1999658298cf2fb837dffed8ff3c033ef0c98ef20cf73c5d5f66bed5ab89697c";
    assert_eq!(release.archives()[0].sha256.to_string(), digest);
    assert_eq!(releases().find(&version("3.12.99")), None);
    assert_eq!(releases().find(&version("3.14.10t")), releases().find(&version("3.14.10")));
    assert_eq!(releases().find(&version("3.15.0rc1")).unwrap().archives()[0].size, Some(35_516_700));
}

#[test]
fn the_newest_is_never_a_candidate() {
    let newest = |text| releases().newest_of_minor(&version(text)).map(|newest| newest.to_string());
    assert_eq!(newest("3.12.6").as_deref(), Some("3.12.14"));
    assert_eq!(newest("3.11.2").as_deref(), Some("3.11.16"));
    assert_eq!(newest("3.15.0rc1").as_deref(), Some("3.15.2"));
    assert_eq!(newest("3.14.0t").as_deref(), Some("3.14.10t"));
    assert_eq!(newest("3.99.0"), None);
}

#[test]
fn archives_have_paths_on_python_org_and_in_debian() {
    let path = python_org_path(&version("3.15.0rc1"), "Python-3.15.0rc1.tar.xz");
    assert_eq!(path, "ftp/python/3.15.0/Python-3.15.0rc1.tar.xz");
    let old = &releases().find(&version("3.11.2")).unwrap().archives()[0];
    let debian = old.debian.as_ref().unwrap();
    assert_eq!((old.file.as_str(), debian.suite.as_str()), ("Python-3.11.2.tgz", "bookworm"));
    assert_eq!(debian.file(&version("3.11.2")), "python3.11_3.11.2.orig.tar.gz");
}

#[test]
fn only_outdated_releases_have_a_newer_one() {
    let newer = |text| releases().newer_than(&version(text)).map(|newer| newer.to_string());
    assert_eq!(newer("3.12.6").as_deref(), Some("3.12.14"));
    assert_eq!(newer("3.12.14"), None);
    assert_eq!(newer("3.12.99"), None);
    let table = "schema = 1\n[[release]]\nversion = \"3.16.0a1\"\narchive = []\n[[release]]\nversion = \"3.16.0a2\"\narchive = []";
    let alphas = Releases::parse(table).unwrap();
    assert_eq!(alphas.newer_than(&version("3.16.0a1")), Some(version("3.16.0a2")), "alphas can be outdated too");
}

fn check_error(toml: &str, expect: &str) {
    let error = Releases::parse(toml).unwrap_err().to_string();
    assert!(error.contains(expect), "{error}");
}

#[test]
fn errors_in_a_table_are_explained() {
    check_error("schema = 2\nrelease = []", "unsupported schema 2");
    check_error("release = []", "missing field `schema`");
    check_error("schema = 1\nrelease = []\nextra = 1", "unknown field `extra`");
    check_error("schema = 1\n[[release]]\nversion = \"3.13\"\narchive = []", "invalid CPython version `3.13`");
    let archive = |sha256: &str| {
        format!("schema = 1\n[[release]]\nversion = \"3.13.5\"\narchive = [{{ file = \"f\", sha256 = \"{sha256}\" }}]")
    };
    check_error(&archive("abc"), "`abc` is not a SHA-256");
    assert!(Releases::parse(&archive(&"a".repeat(64))).is_ok());
}
