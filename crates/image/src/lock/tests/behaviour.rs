//! What obtaining packages does when all is well, and when it is not.

use super::server::{Trick, Wrong};
use super::{Bench, Locking, Signature};
use crate::lock::{PackageLock, find::write};
use crate::{ImageError, Role};
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_protocol::PackageTrouble;

fn names(lock: &PackageLock, role: Role) -> Vec<String> {
    lock.of(role).into_iter().map(|package| package.name.clone()).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_fetched_once_needs_no_archive() {
    let Some(mut bench) = Bench::new(Signature::Good, Vec::new()).await else { return };
    let first = bench.obtain(Locking::Compare).await.expect("packages").lock;
    let text = first.to_text();
    assert_eq!(PackageLock::parse(&text, "a lock").expect("a lock"), first);
    assert_eq!(bench.cached(), first.all().count());
    assert_eq!(first.release, "Sat, 01 Jan 2000 00:00:00 UTC");
    assert!(names(&first, Role::Clean).contains(&"base-files".to_owned()), "essential packages are found");
    assert!(!names(&first, Role::Clean).contains(&"tk-dev".to_owned()));
    assert!(names(&first, Role::Build).contains(&"tk-dev".to_owned()));
    assert_eq!(first.kernel[0].name, "linux-image-1-cloud", "not the package that points at it");

    bench.server.stop();
    bench.said();
    let again = bench.obtain(Locking::Compare).await.expect("packages").lock;
    assert_eq!(again, first);
    assert!(bench.said().contains("are all in the cache"), "it says what it does");

    let victim = bench.store.packages().join(format!("{}.deb", first.clean[0].sha256));
    fs_err::write(&victim, "damage").expect("written");
    let error = bench.obtain(Locking::Compare).await.expect_err("a package is damaged, and nobody has another");
    assert!(matches!(error, ImageError::Archive { trouble: PackageTrouble::Unreachable, .. }), "{error:?}");
    assert!(bench.said().contains("was damaged"), "damage is named");
}

/// An archive that misbehaves once and a while is asked again.
async fn check_mended(trick: Trick, reason: &str) {
    let Some(mut bench) = Bench::new(Signature::Good, vec![trick]).await else { return };
    let lock = bench.obtain(Locking::Compare).await.unwrap_or_else(|error| panic!("{trick:?}: {error:?}")).lock;
    assert_eq!(bench.cached(), lock.all().count(), "{trick:?}");
    let said = bench.said();
    assert!(said.contains(&format!("{reason}: trying again in 1 s")), "{trick:?}: {said}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_hiccup_passes() {
    let away = |ending, times| Trick { ending, wrong: Wrong::Unavailable, times };
    check_mended(away("InRelease", 1), "the archive does not answer").await;
    check_mended(away("tk-dev_1.0_all.deb", 1), "the archive does not answer").await;
}

#[tokio::test(flavor = "current_thread")]
async fn half_a_package_is_fetched_again() {
    let trick = Trick { ending: "tk-dev_1.0_all.deb", wrong: Wrong::Truncated, times: 1 };
    check_mended(trick, "the archive does not answer").await;
}

#[tokio::test(flavor = "current_thread")]
async fn other_bytes_are_fetched_again() {
    let trick = Trick { ending: "tk-dev_1.0_all.deb", wrong: Wrong::Altered, times: 1 };
    check_mended(trick, "the archive's files are not those its index names").await;
}

#[tokio::test(flavor = "current_thread")]
async fn bytes_that_stay_wrong_are_refused() {
    let trick = Trick { ending: "tk-dev_1.0_all.deb", wrong: Wrong::Altered, times: 100 };
    let Some(bench) = Bench::new(Signature::Good, vec![trick]).await else { return };
    let error = bench.obtain(Locking::Compare).await.expect_err("wrong bytes");
    assert_eq!(error.exit(), Exit::Integrity, "{error:?}");
    assert!(error.hints()[0].contains("proxy"), "{:?}", error.hints());
    assert_eq!(bench.server.asked("tk-dev_1.0_all.deb"), 3, "twice more, and no further");
    assert!(bench.cached() > 1, "what arrived whole stays");
    let arriving = bench.store.packages().join(".new-arriving");
    let error = bench.obtain(Locking::Locked).await.expect_err("no lock of this archive is here");
    assert!(matches!(error, ImageError::Drift { .. } | ImageError::Archive { .. }), "{error:?}");
    assert!(arriving.read_dir().map_or(0, Iterator::count) <= 1, "nothing half-made is kept");
}

async fn check_distrusted(signature: Signature) {
    let Some(mut bench) = Bench::new(signature, Vec::new()).await else { return };
    let error = bench.obtain(Locking::Compare).await.expect_err("not to be trusted");
    assert!(matches!(error, ImageError::Untrusted { .. }), "{error:?}");
    assert_eq!((error.exit(), bench.cached()), (Exit::Integrity, 0));
    assert!(!bench.said().contains("again"), "a signature is not asked for twice");
}

#[tokio::test(flavor = "current_thread")]
async fn without_a_signature_nothing_is_taken() {
    check_distrusted(Signature::Missing).await;
    check_distrusted(Signature::Foreign).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_lock_names_what_has_changed_and_is_kept_to() {
    let Some(mut bench) = Bench::new(Signature::Good, Vec::new()).await else { return };
    let old = bench.obtain(Locking::Compare).await.expect("packages").lock;
    write(&bench.store.locks(), &old).expect("written");
    bench.made.package("tk-dev", "2.0", "").await;
    bench.made.index().await;
    bench.said();

    let new = bench.obtain(Locking::Compare).await.expect("a warning is no error").lock;
    assert_ne!(new, old);
    let said = bench.said();
    assert!(said.contains("1 packages are not those of the lock: tk-dev 1.0 → 2.0"), "{said}");

    let kept = bench.obtain(Locking::Locked).await.expect("the cache has the old one").lock;
    assert_eq!(kept, old);
    assert!(bench.said().contains("no archive is asked"));

    let gone = old.build.iter().find(|package| package.name == "tk-dev").expect("listed");
    fs_err::remove_file(bench.store.packages().join(format!("{}.deb", gone.sha256))).expect("removed");
    let error = bench.obtain(Locking::Locked).await.expect_err("nobody has the old one");
    assert_eq!(error.exit(), Exit::Integrity);
    assert_eq!(error.to_string(), "the packages of `debian-12` are not those of its lock: tk-dev 1.0 → 2.0");
}

#[tokio::test(flavor = "current_thread")]
async fn a_snapshot_may_be_as_old_as_it_is() {
    let Some(mut bench) = Bench::new(Signature::Good, Vec::new()).await else { return };
    bench.made.expire();
    bench.made.index().await;
    let error = bench.obtain(Locking::Compare).await.expect_err("an index that has expired");
    assert!(format!("{error:?}").contains("Release file"), "{error:?}");
    let mut archive = bench.archive();
    archive.address.push_str("/20260705T000000Z");
    archive.snapshot = Some("20260705T000000Z".to_owned());
    let lock = bench.obtain_from(&archive, Locking::Compare).await.expect("an old state of the archive").lock;
    assert!(bench.server.asked(".deb") > 0 && lock.to_text().contains("snapshot = \"20260705T000000Z\""));
    assert!(bench.home.path().exists());
}

#[tokio::test(flavor = "current_thread")]
async fn a_second_vmbuild_waits_for_the_first() {
    let Some(mut bench) = Bench::new(Signature::Good, Vec::new()).await else { return };
    let (one, two) = tokio::join!(bench.obtain(Locking::Compare), bench.obtain(Locking::Compare));
    assert_eq!(one.expect("packages").lock, two.expect("packages").lock);
    assert!(bench.said().contains("another vmbuild is fetching packages"));
    assert_eq!(bench.server.asked("tk-dev_1.0_all.deb"), 1, "the second finds what the first fetched");
}
