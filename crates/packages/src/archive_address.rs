//! Address of the Debian archive. The program contains no address: it uses the archive of the host's own apt, which is
//! near, allowed and known to work, or the one the user names.

use crate::PackagesError;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline, RunError};

/// The suite whose archive is preferred where any would do.
const DEFAULT_SUITE: &str = "bookworm";

const OVERRIDE: &str = "VMBUILD_DEBIAN_ARCHIVE";

/// The folder of old states of the archive, one folder each, named after its time.
const SNAPSHOTS: &str = "VMBUILD_DEBIAN_SNAPSHOTS";

/// Asking apt takes well under a second; a minute is for a host with a slow disk.
const LIMIT: Duration = Duration::from_mins(1);

/// The address of a Debian archive (the folder with `dists` and `pool`), without a slash at its end:
/// `VMBUILD_DEBIAN_ARCHIVE`, or what the host's apt uses.
pub async fn debian_archive(cancel: &CancellationToken) -> Result<String, PackagesError> {
    archive_for(DEFAULT_SUITE, cancel).await
}

/// An archive, with the key and the state to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageArchive {
    /// Its address: the folder with `dists` and `pool`.
    pub address: String,
    /// Its suite.
    pub suite: String,
    /// Its components.
    pub components: Vec<String>,
    /// The keyring its index must be signed with.
    pub keyring: PathBuf,
    /// The requested state of the archive. Expired indices are accepted for it.
    pub snapshot: Option<String>,
}

/// The archive an image asks for, without an address.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveRequest<'a> {
    /// The suite.
    pub suite: &'a str,
    /// The components.
    pub components: &'a [String],
    /// The keyring the index must be signed with.
    pub keyring: &'a Path,
    /// The state of the archive, if not the current one.
    pub snapshot: Option<&'a str>,
}

impl ArchiveRequest<'_> {
    /// Finds the address: of the host's archive or, for a snapshot, of that state.
    pub async fn locate(&self, cancel: &CancellationToken) -> Result<PackageArchive, PackagesError> {
        if !self.keyring.is_file() {
            return Err(PackagesError::NoKeyring { path: self.keyring.to_owned() });
        }
        let address = match self.snapshot {
            None => archive_for(self.suite, cancel).await?,
            Some(stamp) => snapshot_address(std::env::var_os(SNAPSHOTS), stamp)?,
        };
        Ok(PackageArchive {
            address,
            suite: self.suite.to_owned(),
            components: self.components.to_vec(),
            keyring: self.keyring.to_owned(),
            snapshot: self.snapshot.map(str::to_owned),
        })
    }
}

/// The address of the archive's state of `stamp`: the folder of that name below `base`.
fn snapshot_address(base: Option<std::ffi::OsString>, stamp: &str) -> Result<String, PackagesError> {
    let bytes = stamp.as_bytes();
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' || !digits(&bytes[..8]) || !digits(&bytes[9..15]) {
        return Err(PackagesError::BadSnapshot { stamp: stamp.to_owned() });
    }
    let base =
        base.filter(|value| !value.is_empty()).ok_or_else(|| PackagesError::NoSnapshots { stamp: stamp.to_owned() })?;
    Ok(format!("{}/{stamp}", validated(SNAPSHOTS, &base.to_string_lossy())?))
}

/// The address of a Debian archive, preferably one from which the host already takes `suite`.
async fn archive_for(suite: &str, cancel: &CancellationToken) -> Result<String, PackagesError> {
    if let Some(value) = std::env::var_os(OVERRIDE).filter(|value| !value.is_empty()) {
        return validated(OVERRIDE, &value.to_string_lossy());
    }
    let listed = index_targets(cancel).await?;
    let site = choose(&listed, suite).ok_or_else(|| {
        let reason = "apt lists no repository with origin and label `Debian`".to_owned();
        PackagesError::NoArchive { reason }
    })?;
    match site.strip_prefix("mirror+file:") {
        Some(list) => first_of_mirror_list(list),
        None => Ok(site),
    }
}

/// Source: apt-get(8), `indextargets`. Third parties set another origin; the security archive another label.
async fn index_targets(cancel: &CancellationToken) -> Result<String, PackagesError> {
    let arguments = ["indextargets", "--format", "$(CODENAME) $(SITE)", "Created-By: Packages"];
    let command = Command::new("apt-get").args(arguments).args(["Origin: Debian", "Label: Debian"]).env("LC_ALL", "C");
    match command.output(Deadline::after(LIMIT), cancel).await {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(RunError::NotStarted { .. }) => Err(PackagesError::NoArchive { reason: "apt is not installed".to_owned() }),
        Err(error) => Err(error.into()),
    }
}

/// The archive that carries `suite` here; else any: an archive has all of Debian's suites.
fn choose(listed: &str, suite: &str) -> Option<String> {
    let targets = || listed.lines().filter_map(|line| line.split_once(' ')).filter(|(_, site)| is_usable(site));
    let exact = targets().find(|(codename, _)| *codename == suite);
    exact.or_else(|| targets().next()).map(|(_, site)| trimmed(site))
}

fn is_usable(site: &str) -> bool {
    ["http://", "https://", "file:", "mirror+file:"].iter().any(|scheme| site.starts_with(scheme))
}

/// Debian's own cloud images name a list of mirrors, one a line, best first. Source: apt-transport-mirror(1).
fn first_of_mirror_list(list: &str) -> Result<String, PackagesError> {
    let path = format!("/{}", list.trim_start_matches('/'));
    let text = fs_err::read_to_string(&path)?;
    let mut words = text.lines().filter_map(|line| line.split_whitespace().next());
    let first = words.find(|word| !word.starts_with('#') && is_usable(word)).map(trimmed);
    first.ok_or_else(|| PackagesError::NoArchive { reason: format!("{path} lists no mirror") })
}

fn validated(variable: &'static str, value: &str) -> Result<String, PackagesError> {
    let plain = !value.contains(|c: char| c.is_whitespace() || c.is_control()) && !value.starts_with("mirror+");
    if plain && is_usable(value) {
        return Ok(trimmed(value));
    }
    Err(PackagesError::BadArchive { variable, value: value.to_owned() })
}

fn trimmed(site: &str) -> String {
    site.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{OVERRIDE, choose, first_of_mirror_list, snapshot_address, validated};

    fn check(listed: &str, expect: Option<&str>) {
        assert_eq!(choose(listed, "bookworm").as_deref(), expect, "{listed:?}");
    }

    #[test]
    fn prefers_the_archive_of_the_suite() {
        check("", None);
        check("bookworm http://a.example/debian\n", Some("http://a.example/debian"));
        check("trixie http://a.example/debian/\n", Some("http://a.example/debian"));
        check("trixie http://a.example/d\nbookworm https://b.example/d/\n", Some("https://b.example/d"));
        check("bookworm-updates http://a.example/d\nbookworm file:/srv/d\n", Some("file:/srv/d"));
        check("bookworm cdrom://[Debian 12]/\n", None);
    }

    #[test]
    fn the_override_must_be_an_address() {
        assert_eq!(validated(OVERRIDE, "http://a.example/debian/").expect("an address"), "http://a.example/debian");
        for wrong in ["a.example/debian", "ftp://a.example", "http://a b", "http://a\nb", "mirror+file:/etc/x"] {
            assert!(validated(OVERRIDE, wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_snapshot_is_a_folder_below_the_configured_address() {
        let base = || Some("http://s.example/debian/".into());
        let address = snapshot_address(base(), "20260705T000000Z").expect("an address");
        assert_eq!(address, "http://s.example/debian/20260705T000000Z");
        for wrong in ["", "2026-07-05", "20260705T000000", "20260705t000000z", "../../../../..//Z", "２０２６"] {
            assert!(snapshot_address(base(), wrong).is_err(), "{wrong:?}");
        }
        let nowhere = snapshot_address(None, "20260705T000000Z").expect_err("not configured");
        assert!(nowhere.to_string().contains("20260705T000000Z"), "{nowhere}");
    }

    #[test]
    fn a_list_of_mirrors_gives_its_first() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let list = file.path().to_str().expect("a plain path").to_owned();
        fs_err::write(&list, "# mirrors\n\nhttps://a.example/debian/ priority:1\nhttps://b.example/debian\n")
            .expect("written");
        assert_eq!(first_of_mirror_list(&list).expect("a mirror"), "https://a.example/debian");
        fs_err::write(&list, "# none\n").expect("written");
        assert!(first_of_mirror_list(&list).is_err());
    }
}
