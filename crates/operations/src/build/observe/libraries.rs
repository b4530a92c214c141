//! From the names that files have for libraries to the packages that have them.

use super::guest::ObservedGuest;
use super::owners::{dpkg_owners, owner_of, paths};
use std::collections::BTreeMap;
use vmbuild_core::failure::Failure;
use vmbuild_cpython::sbom::SystemLibrary;
use vmbuild_protocol::Package;

/// The libraries, each with its package, sorted by name.
pub(super) async fn libraries(
    guest: ObservedGuest<'_>,
    needed_by: BTreeMap<String, Vec<String>>,
    installed: &[Package],
) -> Result<Vec<SystemLibrary>, Failure> {
    let known = paths(&guest.lines(&["ldconfig", "-p"]).await?);
    let places: BTreeMap<&String, &String> =
        needed_by.keys().filter_map(|soname| Some((soname, known.get(soname)?))).collect();
    let owners = owners(guest, &places, installed).await?;
    let package = |soname: &String| {
        let owner = owners.get(soname)?;
        installed.iter().find(|package| package.name == *owner).cloned()
    };
    let library = |(soname, needed_by)| SystemLibrary { package: package(&soname), soname, needed_by };
    Ok(needed_by.into_iter().map(library).collect())
}

/// The names of the packages that have libraries, by the libraries' names.
async fn owners(
    guest: ObservedGuest<'_>,
    places: &BTreeMap<&String, &String>,
    installed: &[Package],
) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = BTreeMap::new();
    if places.is_empty() {
        return Ok(found);
    }
    // What a link leads to may be known where the link is not: `ldconfig` makes links of its own.
    let paths: Vec<&str> = places.values().map(|path| path.as_str()).collect();
    let real = guest.lines(&[&["readlink", "-f"], paths.as_slice()].concat()).await?;
    let by_dpkg = installed.iter().any(|package| package.name == "dpkg");
    if by_dpkg {
        let base = |path: &str| format!("*/{}", path.rsplit('/').next().unwrap_or(path));
        let mut patterns: Vec<String> =
            paths.iter().copied().chain(real.iter().map(String::as_str)).map(base).collect();
        patterns.sort();
        patterns.dedup();
        let words: Vec<&str> =
            ["dpkg-query", "--search"].into_iter().chain(patterns.iter().map(String::as_str)).collect();
        let owners = dpkg_owners(&guest.lines(&words).await?);
        for ((soname, path), real) in places.iter().zip(&real) {
            found.extend(owner_of(&owners, &[path, real]).map(|owner| ((*soname).clone(), owner)));
        }
        return Ok(found);
    }
    for (soname, path) in places {
        let said = guest.lines(&["rpm", "-qf", "--queryformat=%{NAME}\\n", path]).await?;
        // "file … is not owned by any package" is said in the same place.
        let named = said.into_iter().next().filter(|name| !name.contains(' '));
        found.extend(named.map(|name| ((*soname).clone(), name)));
    }
    Ok(found)
}
