//! Resolving an image's package lists with apt, before anything is installed.

use crate::deb822::paragraphs;
use crate::{
    AptClient, LockOrigin, LockedPackage, PackageArchive, PackageLists, PackageLock, PackagesError, read_index,
};
use tokio_util::sync::CancellationToken;

/// The essential packages, and apt, which every machine has. Source: apt-patterns(7).
const BASE: [&str; 2] = ["?essential", "apt"];

/// An image's packages to resolve.
#[derive(Debug, Clone, Copy)]
pub struct AptResolveRequest<'a> {
    /// The image's name.
    pub image: &'a str,
    /// Its package lists.
    pub lists: &'a PackageLists,
    /// Its kernel package.
    pub kernel: &'a str,
    /// The archive.
    pub archive: &'a PackageArchive,
}

/// Resolves the packages against the archive's current indices.
pub async fn resolve(
    apt: &AptClient,
    request: AptResolveRequest<'_>,
    cancel: &CancellationToken,
) -> Result<PackageLock, PackagesError> {
    apt.update(cancel).await?;
    let AptResolveRequest { image, lists, kernel, archive } = request;
    let clean: Vec<String> = BASE.iter().map(ToString::to_string).chain(lists.runtime.clone()).collect();
    let clean = index_for(apt, &clean, cancel).await?;
    apt.pretend_installed(&dpkg_status(&clean))?;
    let build = index_for(apt, &lists.build(), cancel).await?;
    let kernel = kernel_index(apt, kernel, cancel).await?;
    apt.pretend_installed("")?;
    let origin = LockOrigin {
        image: image.to_owned(),
        suite: archive.suite.clone(),
        release: apt.release_date()?,
        snapshot: archive.snapshot.clone(),
    };
    let mut lock = PackageLock::empty(origin);
    (lock.kernel, lock.clean, lock.build) = (locked(&kernel)?, locked(&clean)?, locked(&build)?);
    Ok(lock)
}

/// The index's paragraphs about everything that `packages` would install.
async fn index_for(apt: &AptClient, packages: &[String], cancel: &CancellationToken) -> Result<String, PackagesError> {
    let specs = apt.simulate(packages, cancel).await?;
    if specs.is_empty() { Ok(String::new()) } else { apt.show(&specs, cancel).await }
}

/// The package named in the image only points at the current kernel; its first dependency is the kernel.
async fn kernel_index(apt: &AptClient, named: &str, cancel: &CancellationToken) -> Result<String, PackagesError> {
    let pointer = apt.show(&[named.to_owned()], cancel).await?;
    let depends = paragraphs(&pointer).first().and_then(|one| one.field("Depends").map(str::to_owned));
    let depends = depends.unwrap_or_default();
    let mut names = depends.split([',', '|']).filter_map(|word| word.split_whitespace().next());
    match names.find(|name| name.starts_with("linux-image-")) {
        Some(name) => apt.show(&[name.to_owned()], cancel).await,
        None => Ok(pointer),
    }
}

/// The paragraphs as a dpkg database in which all of them are installed.
fn dpkg_status(index: &str) -> String {
    let status = |text: &str| format!("{}\nStatus: install ok installed\n\n", text.trim());
    paragraphs(index).iter().map(|paragraph| status(paragraph.text())).collect::<Vec<_>>().concat()
}

fn locked(index: &str) -> Result<Vec<LockedPackage>, PackagesError> {
    let offered = read_index(index).map_err(|paragraph| PackagesError::Index { paragraph })?;
    offered.into_iter().map(LockedPackage::from_offered).collect()
}

#[cfg(test)]
mod tests {
    use super::{dpkg_status, locked};

    const ZLIB: &str = "Package: zlib1g\nVersion: 1:1.2\nArchitecture: all\nDepends: libc6\n\
        Filename: pool/main/z/zlib1g_1.2_all.deb\nSize: 7\n\
        SHA256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";

    #[test]
    fn reads_an_index() {
        let packages = locked(&format!("{ZLIB}\n{ZLIB}\n")).expect("an index");
        assert_eq!(packages.len(), 1);
        assert_eq!((packages[0].version.as_str(), packages[0].file_name()), ("1:1.2", "zlib1g_1.2_all.deb"));
        assert!(dpkg_status(ZLIB).ends_with("Status: install ok installed\n\n"));
    }

    #[test]
    fn refuses_unusable_packages() {
        for (from, to) in [("Size: 7", "Size: x"), ("pool/main", "../main"), ("SHA256", "MD5sum"), (": all", ": mips")]
        {
            assert!(locked(&ZLIB.replace(from, to)).is_err(), "{to}");
        }
    }
}
