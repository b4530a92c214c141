//! Downloading packages into the cache.

use super::LockedPackage;
use super::apt::{AptClient, PackageArchive};
use super::cache::PackageCache;
use super::persist::persist;
use crate::ImageError;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part, Unit};
use vmbuild_supervise::Tail;

/// A few hundred megabytes on a slow line.
const LIMIT: Duration = Duration::from_hours(1);

/// Fetches packages that are missing in the cache. Those that arrived whole stay, even if others did not.
pub(super) async fn fetch(
    cache: &PackageCache,
    apt: &AptClient,
    archive: &PackageArchive,
    missing: Vec<LockedPackage>,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let bytes: u64 = missing.iter().map(|package| package.size).sum();
    let about = format!("{}, {} MB from {}", count(missing.len()), bytes / 1_000_000, archive.address);
    let running = events.phase(Part::Golden, "packages", about);
    let mut missing = missing;
    let shown = |lines: u64, total: usize, line: &str| running.advance(lines, Some(total as u64), Unit::Packages, line);
    persist(&archive.address, events, cancel, async |_| {
        let wanted = std::mem::take(&mut missing);
        let got = attempt(cache, apt, archive, &wanted, &shown, cancel).await;
        missing = cache.missing(wanted, events).await?;
        got
    })
    .await?;
    running.finish("");
    Ok(())
}

async fn attempt(
    cache: &PackageCache,
    apt: &AptClient,
    archive: &PackageArchive,
    wanted: &[LockedPackage],
    shown: &impl Fn(u64, usize, &str),
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let folder = cache.arriving();
    fs_err::create_dir_all(&folder)?;
    let target = |package: &LockedPackage| folder.join(format!("{}.deb", package.sha256));
    let order = |package: &LockedPackage| -> (String, PathBuf, String) {
        (format!("{}/{}", archive.address, package.file), target(package), package.sha256.to_string())
    };
    let files: Vec<_> = wanted.iter().map(order).collect();
    let (mut tail, mut lines) = (Tail::default(), 0);
    let got = apt.download(&files, LIMIT, cancel, |bytes| {
        tail.push(bytes);
        lines += bytes.split(|&byte| byte == b'\n').skip(1).count() as u64;
        shown(lines.min(wanted.len() as u64), wanted.len(), tail.last_line());
    });
    let got = got.await;
    cache.adopt(wanted.iter().map(|package| (target(package), package.clone())).collect()).await?;
    got.map(drop)
}

fn count(packages: usize) -> String {
    if packages == 1 { "1 package".to_owned() } else { format!("{packages} packages") }
}
