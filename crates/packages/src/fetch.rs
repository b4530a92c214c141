//! Downloading packages into the cache.

use crate::apt_client::DownloadFile;
use crate::{AptClient, LockedPackage, PackageArchive, PackageCache, PackagesError, retry};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part, Unit};
use vmbuild_core::format::size;
use vmbuild_supervise::Tail;

/// A few hundred megabytes on a slow line.
const LIMIT: Duration = Duration::from_hours(1);

/// Downloads of packages from one archive into the cache.
#[derive(Debug)]
pub struct PackageDownload<'a> {
    /// The cache, whose lock the caller holds.
    pub cache: &'a PackageCache,
    /// apt for the archive.
    pub apt: &'a AptClient,
    /// The archive.
    pub archive: &'a PackageArchive,
    /// Where progress is reported.
    pub events: &'a Events,
    /// The caller's cancellation.
    pub cancel: &'a CancellationToken,
}

impl PackageDownload<'_> {
    /// Downloads packages that are not in the cache. Those that arrived complete stay, even if others failed.
    pub async fn run(&self, mut missing: Vec<LockedPackage>) -> Result<(), PackagesError> {
        let Self { cache, archive, events, cancel, .. } = *self;
        let bytes: u64 = missing.iter().map(|package| package.size).sum();
        let about = format!("{}, {} from {}", count(missing.len()), size(bytes), archive.address);
        let running = events.phase(Part::Golden, "packages", about);
        let shown =
            |lines: u64, total: usize, line: &str| running.advance(lines, Some(total as u64), Unit::Packages, line);
        retry(&archive.address, events, cancel, async |_| {
            let wanted = std::mem::take(&mut missing);
            let got = self.attempt(&wanted, &shown).await;
            missing = cache.missing(wanted, events).await?;
            got
        })
        .await?;
        running.finish("");
        Ok(())
    }

    async fn attempt(&self, wanted: &[LockedPackage], shown: &impl Fn(u64, usize, &str)) -> Result<(), PackagesError> {
        let folder = self.cache.arriving();
        fs_err::create_dir_all(&folder)?;
        let file = |package: &LockedPackage| DownloadFile {
            url: format!("{}/{}", self.archive.address, package.file),
            target: folder.join(format!("{}.deb", package.sha256)),
            package: package.clone(),
        };
        let files: Vec<DownloadFile> = wanted.iter().map(file).collect();
        let (mut tail, mut lines) = (Tail::default(), 0);
        let got = self.apt.download(&files, LIMIT, self.cancel, |bytes| {
            tail.push(bytes);
            lines += bytes.split(|&byte| byte == b'\n').skip(1).count() as u64;
            shown(lines.min(wanted.len() as u64), wanted.len(), tail.last_line());
        });
        let got = got.await;
        self.cache.adopt(files.into_iter().map(|file| (file.target, file.package)).collect()).await?;
        got.map(drop)
    }
}

fn count(packages: usize) -> String {
    if packages == 1 { "1 package".to_owned() } else { format!("{packages} packages") }
}
