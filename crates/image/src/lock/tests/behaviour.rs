//! Fetching packages from good and bad archives.

use super::server::{Trick, Wrong};
use super::{Bench, LockMode, Signature};
use crate::lock::{LockError, write_lock};
use crate::{GoldenRole, ImageError};
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_packages::{PackageLock, PackageTrouble, PackagesError};

fn names(lock: &PackageLock, role: GoldenRole) -> Vec<String> {
    role.packages_in(lock).into_iter().map(|package| package.name.clone()).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn cached_packages_need_no_archive() {
    let Some(mut bench) = Bench::new(Signature::Good, Vec::new()).await else { return };
    let first = bench.fetch(LockMode::Compare).await.expect("packages").lock;
    let text = first.to_text();
    assert_eq!(PackageLock::parse(&text, "a lock").expect("a lock"), first);
    assert_eq!(bench.cached(), first.all().count());
    assert_eq!(first.release, "Sat, 01 Jan 2000 00:00:00 UTC");
    assert!(names(&first, GoldenRole::Clean).contains(&"base-files".to_owned()), "essential packages are found");
    assert!(!names(&first, GoldenRole::Clean).contains(&"tk-dev".to_owned()));
    assert!(names(&first, GoldenRole::Build).contains(&"tk-dev".to_owned()));
    assert_eq!(first.kernel[0].name, "linux-image-1-cloud", "not the package that points at it");

    bench.server.stop();
    bench.said();
    let again = bench.fetch(LockMode::Compare).await.expect("packages").lock;
    assert_eq!(again, first);
    assert!(bench.said().contains("are all in the cache"), "it says what it does");

    let victim = bench.store.packages().join(format!("{}.deb", first.clean[0].sha256));
    fs_err::write(&victim, "damage").expect("written");
    let error = bench.fetch(LockMode::Compare).await.expect_err("a package is damaged, and nobody has another");
    assert!(
        matches!(error, ImageError::Packages(PackagesError::Archive { trouble: PackageTrouble::Unreachable, .. })),
        "{error:?}"
    );
    assert!(bench.said().contains("is damaged"), "damage is named");
}

/// An archive that misbehaves once and a while is asked again.
async fn check_retried(trick: Trick, reason: &str) {
    let Some(mut bench) = Bench::new(Signature::Good, vec![trick]).await else { return };
    let lock = bench.fetch(LockMode::Compare).await.unwrap_or_else(|error| panic!("{trick:?}: {error:?}")).lock;
    assert_eq!(bench.cached(), lock.all().count(), "{trick:?}");
    let said = bench.said();
    assert!(said.contains(&format!("{reason}: retrying in 1 s")), "{trick:?}: {said}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_hiccup_passes() {
    let away = |ending, times| Trick { ending, wrong: Wrong::Unavailable, times };
    check_retried(away("InRelease", 1), "the archive does not answer").await;
    check_retried(away("tk-dev_1.0_all.deb", 1), "the archive does not answer").await;
}

#[tokio::test(flavor = "current_thread")]
async fn half_a_package_is_fetched_again() {
    let trick = Trick { ending: "tk-dev_1.0_all.deb", wrong: Wrong::Truncated, times: 1 };
    check_retried(trick, "the archive does not answer").await;
}

#[tokio::test(flavor = "current_thread")]
async fn other_bytes_are_fetched_again() {
    let trick = Trick { ending: "tk-dev_1.0_all.deb", wrong: Wrong::Altered, times: 1 };
    check_retried(trick, "the archive's files differ from its index").await;
}

#[tokio::test(flavor = "current_thread")]
async fn bytes_that_stay_wrong_are_refused() {
    let trick = Trick { ending: "tk-dev_1.0_all.deb", wrong: Wrong::Altered, times: 100 };
    let Some(bench) = Bench::new(Signature::Good, vec![trick]).await else { return };
    let error = bench.fetch(LockMode::Compare).await.expect_err("wrong bytes");
    assert_eq!(error.exit(), Exit::Integrity, "{error:?}");
    assert!(error.hints()[0].contains("proxy"), "{:?}", error.hints());
    assert_eq!(bench.server.asked("tk-dev_1.0_all.deb"), 3, "twice more, and no further");
    assert!(bench.cached() > 1, "what arrived whole stays");
    let arriving = bench.store.packages().join(".new-arriving");
    let error = bench.fetch(LockMode::Locked).await.expect_err("no lock of this archive is here");
    assert!(
        matches!(
            error,
            ImageError::Lock(LockError::Drift { .. }) | ImageError::Packages(PackagesError::Archive { .. })
        ),
        "{error:?}"
    );
    assert!(arriving.read_dir().map_or(0, Iterator::count) <= 1, "nothing half-made is kept");
}

async fn check_distrusted(signature: Signature) {
    let Some(mut bench) = Bench::new(signature, Vec::new()).await else { return };
    let error = bench.fetch(LockMode::Compare).await.expect_err("not to be trusted");
    assert!(matches!(error, ImageError::Packages(PackagesError::Untrusted { .. })), "{error:?}");
    assert_eq!((error.exit(), bench.cached()), (Exit::Integrity, 0));
    assert!(!bench.said().contains("retrying"), "a signature is not asked for twice");
}

#[tokio::test(flavor = "current_thread")]
async fn without_a_signature_nothing_is_taken() {
    check_distrusted(Signature::Missing).await;
    check_distrusted(Signature::Foreign).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_lock_names_what_has_changed_and_is_kept_to() {
    let Some(mut bench) = Bench::new(Signature::Good, Vec::new()).await else { return };
    let old = bench.fetch(LockMode::Compare).await.expect("packages").lock;
    write_lock(&bench.store.locks(), &old).expect("written");
    bench.made.package("tk-dev", "2.0", "").await;
    bench.made.index().await;
    bench.said();

    let new = bench.fetch(LockMode::Compare).await.expect("a warning is no error").lock;
    assert_ne!(new, old);
    let said = bench.said();
    assert!(said.contains("1 packages differ from the lock: tk-dev 1.0 → 2.0"), "{said}");

    let kept = bench.fetch(LockMode::Locked).await.expect("the cache has the old one").lock;
    assert_eq!(kept, old);
    assert!(bench.said().contains("not asking an archive"));

    let gone = old.build.iter().find(|package| package.name == "tk-dev").expect("listed");
    fs_err::remove_file(bench.store.packages().join(format!("{}.deb", gone.sha256))).expect("removed");
    let error = bench.fetch(LockMode::Locked).await.expect_err("nobody has the old one");
    assert_eq!(error.exit(), Exit::Integrity);
    assert_eq!(error.to_string(), "the packages of `debian-12` differ from its lock: tk-dev 1.0 → 2.0");
}

#[tokio::test(flavor = "current_thread")]
async fn a_snapshot_may_be_as_old_as_it_is() {
    let Some(mut bench) = Bench::new(Signature::Good, Vec::new()).await else { return };
    bench.made.expire();
    bench.made.index().await;
    let error = bench.fetch(LockMode::Compare).await.expect_err("an index that has expired");
    assert!(format!("{error:?}").contains("Release file"), "{error:?}");
    let mut archive = bench.archive();
    archive.address.push_str("/20260705T000000Z");
    archive.snapshot = Some("20260705T000000Z".to_owned());
    let lock = bench.fetch_from(&archive, LockMode::Compare).await.expect("an old state of the archive").lock;
    assert!(bench.server.asked(".deb") > 0 && lock.to_text().contains("snapshot = \"20260705T000000Z\""));
    assert!(bench.home.path().exists());
}

#[tokio::test(flavor = "current_thread")]
async fn a_second_vmbuild_waits_for_the_first() {
    let Some(mut bench) = Bench::new(Signature::Good, Vec::new()).await else { return };
    let (one, two) = tokio::join!(bench.fetch(LockMode::Compare), bench.fetch(LockMode::Compare));
    assert_eq!(one.expect("packages").lock, two.expect("packages").lock);
    assert!(bench.said().contains("waiting for another vmbuild"));
    assert_eq!(bench.server.asked("tk-dev_1.0_all.deb"), 1, "the second finds what the first fetched");
}
