//! Publishing into real folders, with `sha256sum` as the reader.

use super::{ArtifactError, ArtifactFolder, ExistingArtifact, NameWish, PlacedArtifact, StagingFolder};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_archive::Sha256;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_cpython::{BuildNumber, Extent};
use vmbuild_supervise::{Command, Deadline};

struct World {
    _folder: tempfile::TempDir,
    artifacts: ArtifactFolder,
    cancel: CancellationToken,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let artifacts = ArtifactFolder::open(&folder.path().join("artifacts")).expect("a folder");
        Self { _folder: folder, artifacts, cancel: CancellationToken::new() }
    }

    async fn begin(&self, number: Option<u32>, existing: ExistingArtifact) -> Result<StagingFolder, ArtifactError> {
        self.artifacts.begin(&wish("3.13.5", number, existing), &self.cancel).await
    }

    /// Builds and publishes `contents`.
    async fn publish(
        &self,
        number: Option<u32>,
        existing: ExistingArtifact,
        contents: &str,
    ) -> Result<PlacedArtifact, ArtifactError> {
        let staging = self.begin(number, existing).await?;
        fs_err::write(staging.log("configure"), "configured\n").expect("writing");
        self.finish(staging, contents).await
    }

    async fn finish(&self, staging: StagingFolder, contents: &str) -> Result<PlacedArtifact, ArtifactError> {
        fs_err::write(staging.tarball(), contents).expect("writing");
        fs_err::write(staging.record(), format!("about {contents}")).expect("writing");
        staging.publish(digest(contents), &self.cancel).await
    }

    /// The names in the folder, those of locks left out.
    fn names(&self) -> Vec<String> {
        let entries = fs_err::read_dir(self.artifacts.path()).expect("the folder");
        let name = |entry: std::io::Result<fs_err::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<String> = entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.retain(|name| name != ".lock");
        names.sort();
        names
    }

    fn next(&self, version: &str, word: &str) -> u32 {
        let version = version.parse().expect("a version");
        self.artifacts.next_build_number(&version, &word.parse().expect("a word")).expect("a readable folder").get()
    }
}

fn wish(version: &str, number: Option<u32>, existing: ExistingArtifact) -> NameWish {
    let version = version.parse().expect("a version");
    NameWish {
        version,
        image_label: "debian12".parse().expect("a word"),
        extent: Extent::Full,
        number: number.and_then(BuildNumber::new),
        existing,
    }
}

fn digest(contents: &str) -> Sha256 {
    <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(contents)).into()
}

const TGZ: &str = "cpython-3.13.5-debian12-build1.tgz";

#[tokio::test]
async fn what_is_published_satisfies_sha256sum() {
    let world = World::new();
    let placed = world.publish(None, ExistingArtifact::Keep, "bytes").await.expect("nothing is there yet");
    assert_eq!(world.names(), [TGZ, &format!("{TGZ}.build.json"), &format!("{TGZ}.sha256"), "logs"]);
    assert_eq!((placed.bytes, placed.sha256), (5, digest("bytes")));
    assert_eq!(fs_err::read_to_string(placed.logs.join("configure.log")).expect("the log"), "configured\n");
    for path in [&placed.tarball, &placed.checksum] {
        assert_eq!(fs_err::metadata(path).expect("metadata").permissions().mode() & 0o7777, 0o644);
    }
    let checked = Command::new("sha256sum").arg("-c").arg(&placed.checksum).current_dir(world.artifacts.path());
    let checked = checked.output(Deadline::after(Duration::from_mins(1)), &world.cancel).await.expect("it agrees");
    assert_eq!(String::from_utf8_lossy(&checked), format!("{TGZ}: OK\n"));
}

#[tokio::test]
async fn numbers_count_up_per_version_and_image() {
    let world = World::new();
    let path = |name: &str| world.artifacts.path().join(name);
    assert_eq!(world.next("3.13.5", "debian12"), 1);
    for name in ["cpython-3.13.5-debian12-build2.tgz", "cpython-3.13.5-ubuntu22.04-build7.tgz", "notes.txt"] {
        fs_err::write(path(name), "x").expect("writing");
    }
    assert_eq!(world.next("3.13.5", "debian12"), 3);
    assert_eq!(world.next("3.13.5", "ubuntu22.04"), 8);
    assert_eq!(world.next("3.13.4", "debian12"), 1);
    fs_err::write(path("cpython-3.13.5-debian12-build9.tgz.sha256"), "x").expect("writing");
    assert_eq!(world.next("3.13.5", "debian12"), 10, "a checksum alone takes the number too");
    fs_err::write(path("cpython-3.13.5-debian12-build10.tgz"), "x").expect("writing");
    assert_eq!(world.next("3.13.5", "debian12"), 11, "as numbers, not as text");
}

#[tokio::test]
async fn builds_at_once_get_different_numbers() {
    let world = World::new();
    let first = world.begin(None, ExistingArtifact::Keep).await.expect("free");
    let second = world.begin(None, ExistingArtifact::Keep).await.expect("free");
    assert_eq!((first.name().build.get(), second.name().build.get()), (1, 2));
    let busy = world.begin(Some(1), ExistingArtifact::Replace).await.expect_err("somebody builds it");
    assert!(matches!(busy, ArtifactError::Busy { free, .. } if free.get() == 3), "{busy}");
    world.finish(second, "two").await.expect("its own name");
    world.finish(first, "one").await.expect("its own name");
    assert_eq!(world.next("3.13.5", "debian12"), 3);
}

#[tokio::test]
async fn an_artifact_is_only_replaced_by_force() {
    let world = World::new();
    world.publish(Some(1), ExistingArtifact::Keep, "old").await.expect("nothing is there yet");
    let error = world.begin(Some(1), ExistingArtifact::Keep).await.expect_err("it is there");
    assert_eq!((error.exit(), error.to_string()), (Exit::Usage, format!("{TGZ} exists already")));
    let placed = world.publish(Some(1), ExistingArtifact::Replace, "new").await.expect("forced");
    assert_eq!(fs_err::read_to_string(&placed.tarball).expect("reading"), "new");
    assert!(fs_err::read_to_string(&placed.checksum).expect("reading").starts_with(&digest("new").to_string()));
    assert_eq!(world.names(), [TGZ, &format!("{TGZ}.build.json"), &format!("{TGZ}.sha256"), "logs"]);
}

#[tokio::test]
async fn one_that_appears_during_the_build_stays() {
    let world = World::new();
    let staging = world.begin(Some(1), ExistingArtifact::Keep).await.expect("free");
    fs_err::write(world.artifacts.path().join(TGZ), "somebody else's").expect("writing");
    let error = world.finish(staging, "ours").await.expect_err("the name is taken now");
    assert!(matches!(error, ArtifactError::Exists { .. }), "{error}");
    assert_eq!(fs_err::read_to_string(world.artifacts.path().join(TGZ)).expect("reading"), "somebody else's");
    assert_eq!(world.names(), [TGZ], "neither our checksum nor our staging folder stays");
}

/// Two publishers of one name who do not see each other: different folders of staging, and no look beforehand.
#[tokio::test]
async fn of_two_racing_publishers_one_wins_whole() {
    let world = World::new();
    let race = |contents: &'static str| {
        let staging = world.artifacts.path().join(format!(".staging-{contents}"));
        let name = TGZ.parse().expect("a name");
        let staging =
            StagingFolder::make(world.artifacts.clone(), name, staging, ExistingArtifact::Keep).expect("a folder");
        world.finish(staging, contents)
    };
    let (one, other) = tokio::join!(race("one"), race("other"));
    let winner = match (&one, &other) {
        (Ok(_), Err(ArtifactError::Exists { .. })) => "one",
        (Err(ArtifactError::Exists { .. }), Ok(_)) => "other",
        both => panic!("exactly one must win: {both:?}"),
    };
    assert_eq!(fs_err::read_to_string(world.artifacts.path().join(TGZ)).expect("reading"), winner);
    let checksum = fs_err::read_to_string(world.artifacts.path().join(format!("{TGZ}.sha256"))).expect("reading");
    assert!(checksum.starts_with(&digest(winner).to_string()), "{checksum}");
    assert_eq!(world.names(), [TGZ, &format!("{TGZ}.build.json"), &format!("{TGZ}.sha256"), "logs"]);
}

#[tokio::test]
async fn bytes_that_were_not_validated_are_not_published() {
    let world = World::new();
    let staging = world.begin(None, ExistingArtifact::Keep).await.expect("free");
    fs_err::write(staging.tarball(), "changed").expect("writing");
    let error = staging.publish(digest("validated"), &world.cancel).await.expect_err("other bytes");
    assert_eq!(error.exit(), Exit::Integrity);
    assert!(world.names().is_empty(), "{:?}", world.names());
}

#[tokio::test]
async fn an_abandoned_build_leaves_nothing() {
    let world = World::new();
    let staging = world.begin(None, ExistingArtifact::Keep).await.expect("free");
    fs_err::write(staging.tarball(), "half").expect("writing");
    drop(staging);
    assert!(world.names().is_empty(), "{:?}", world.names());
    assert_eq!(world.next("3.13.5", "debian12"), 1, "its number is free again");
}

#[tokio::test]
async fn what_a_killed_build_left_is_swept_and_its_checksum_replaced() {
    let world = World::new();
    let path = |name: &str| world.artifacts.path().join(name);
    // Killed between checksum and tarball: the staging folder is there, and nobody holds its lock.
    let left = path(&format!(".staging-{TGZ}"));
    fs_err::create_dir_all(left.join("logs")).expect("a folder");
    fs_err::write(left.join(".lock"), "").expect("writing");
    fs_err::write(left.join(TGZ), "half").expect("writing");
    fs_err::write(path(&format!("{TGZ}.sha256")), "of the killed one").expect("writing");
    let placed = world.publish(Some(1), ExistingArtifact::Keep, "whole").await.expect("no tarball has the name");
    assert!(fs_err::read_to_string(&placed.checksum).expect("reading").starts_with(&digest("whole").to_string()));
    assert_eq!(world.names(), [TGZ, &format!("{TGZ}.build.json"), &format!("{TGZ}.sha256"), "logs"]);
}

#[tokio::test]
async fn a_failed_build_keeps_its_logs_and_no_artifact() {
    let world = World::new();
    let staging = world.begin(None, ExistingArtifact::Keep).await.expect("free");
    fs_err::write(staging.log("training"), "1 test failed\n").expect("writing");
    fs_err::write(staging.tarball(), "bytes").expect("writing");
    let failed = staging.fail("b7e1").expect("a folder");
    assert_eq!(failed, world.artifacts.path().join("failed/cpython-3.13.5-debian12-build1-b7e1"));
    assert_eq!(fs_err::read_to_string(failed.join("training.log")).expect("the log"), "1 test failed\n");
    assert_eq!(fs_err::read_to_string(failed.join("rejected.tgz")).expect("the tarball"), "bytes");
    assert_eq!(world.names(), ["failed"]);
}

#[tokio::test]
async fn attestations_come_and_go_with_the_artifact() {
    let world = World::new();
    let staging = world.begin(None, ExistingArtifact::Keep).await.expect("free");
    fs_err::write(staging.sbom(), "parts").expect("writing");
    fs_err::write(staging.provenance(), "where from").expect("writing");
    fs_err::write(staging.among_logs("packages.list"), "a=1 all\n").expect("writing");
    let listed = staging.published_log("packages.list");
    let placed = world.finish(staging, "one").await.expect("nothing is there yet");
    let read = |path: Option<std::path::PathBuf>| fs_err::read_to_string(path.expect("placed")).expect("reading");
    assert_eq!((read(placed.sbom), read(placed.provenance)), ("parts".to_owned(), "where from".to_owned()));
    assert_eq!(read(Some(world.artifacts.path().join(listed))), "a=1 all\n");
    let replaced = world.publish(Some(1), ExistingArtifact::Replace, "two").await.expect("by force");
    assert_eq!((replaced.sbom, replaced.provenance), (None, None), "another's attestations do not stay");
    assert_eq!(world.names(), [TGZ, &format!("{TGZ}.build.json"), &format!("{TGZ}.sha256"), "logs"]);
    fs_err::write(world.artifacts.path().join("cpython-3.13.5-debian12-build4.tgz.spdx.json"), "x").expect("writing");
    assert_eq!(world.next("3.13.5", "debian12"), 5, "a paper alone takes the number too");
}
