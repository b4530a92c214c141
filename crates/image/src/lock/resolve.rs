//! Asking apt what an image's package lists come to, before anything is installed.

use super::apt::{AptClient, PackageArchive};
use super::file::{LockedPackage, PackageLock};
use crate::description::SchemaOne;
use crate::{Image, ImageError};
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::Offered;

/// The essential packages, and apt, which every machine has. Source: apt-patterns(7).
const BASE: [&str; 2] = ["?essential", "apt"];

/// What `image` comes to in `archive` now.
pub(super) async fn resolve(
    apt: &AptClient,
    image: &Image,
    archive: &PackageArchive,
    cancel: &CancellationToken,
) -> Result<PackageLock, ImageError> {
    apt.update(cancel).await?;
    let lists = image.lists()?;
    let clean = BASE.into_iter().map(str::to_owned).chain(lists.runtime).collect::<Vec<_>>();
    let clean = wanted(apt, &clean, cancel).await?;
    apt.pretend_installed(&installed(&clean))?;
    let build = wanted(apt, &lists.toolchain.into_iter().chain(lists.cpython).collect::<Vec<_>>(), cancel).await?;
    let kernel = kernel(apt, image.kernel_package()?, cancel).await?;
    apt.pretend_installed("")?;
    Ok(PackageLock {
        schema: SchemaOne,
        image: image.name.clone(),
        architecture: std::env::consts::ARCH.to_owned(),
        suite: archive.suite.clone(),
        release: apt.release_date()?,
        snapshot: archive.snapshot.clone(),
        kernel: locked(&kernel)?,
        clean: locked(&clean)?,
        build: locked(&build)?,
    })
}

/// The index's paragraphs about everything that is missing for `words`.
async fn wanted(apt: &AptClient, words: &[String], cancel: &CancellationToken) -> Result<String, ImageError> {
    let specs = apt.simulate(words, cancel).await?;
    if specs.is_empty() { Ok(String::new()) } else { apt.show(&specs, cancel).await }
}

/// The package named in the image only points at the current kernel; its first dependency is the kernel.
async fn kernel(apt: &AptClient, named: &str, cancel: &CancellationToken) -> Result<String, ImageError> {
    let pointer = apt.show(&[named.to_owned()], cancel).await?;
    let depends = field(&pointer, "Depends").unwrap_or_default();
    let mut names = depends.split([',', '|']).filter_map(|word| word.split_whitespace().next());
    match names.find(|name| name.starts_with("linux-image-")) {
        Some(name) => apt.show(&[name.to_owned()], cancel).await,
        None => Ok(pointer),
    }
}

/// The paragraphs as a dpkg database in which all of them are installed.
fn installed(index: &str) -> String {
    let status = |paragraph: &str| format!("{}\nStatus: install ok installed\n\n", paragraph.trim());
    index.split("\n\n").filter(|text| !text.trim().is_empty()).map(status).collect::<Vec<_>>().concat()
}

fn locked(index: &str) -> Result<Vec<LockedPackage>, ImageError> {
    let offered = Offered::read_index(index).map_err(|paragraph| ImageError::Index { paragraph })?;
    offered.into_iter().map(LockedPackage::offered).collect()
}

fn field<'a>(paragraph: &'a str, name: &str) -> Option<&'a str> {
    paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[cfg(test)]
mod tests {
    use super::{installed, locked};

    const ZLIB: &str = "Package: zlib1g\nVersion: 1:1.2\nArchitecture: all\nDepends: libc6\n\
        Filename: pool/main/z/zlib1g_1.2_all.deb\nSize: 7\n\
        SHA256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";

    #[test]
    fn reads_an_index() {
        let packages = locked(&format!("{ZLIB}\n{ZLIB}\n")).expect("an index");
        assert_eq!(packages.len(), 1);
        assert_eq!((packages[0].version.as_str(), packages[0].file_name()), ("1:1.2", "zlib1g_1.2_all.deb"));
        assert!(installed(ZLIB).ends_with("Status: install ok installed\n\n"));
    }

    #[test]
    fn refuses_what_it_cannot_use() {
        for (from, to) in [("Size: 7", "Size: x"), ("pool/main", "../main"), ("SHA256", "MD5sum"), (": all", ": mips")]
        {
            assert!(locked(&ZLIB.replace(from, to)).is_err(), "{to}");
        }
    }
}
