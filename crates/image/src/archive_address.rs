//! Which Debian archive to use. No address is written into the program: it is the one the host's own apt uses,
//! which is near, allowed and known to work; or the one the user names.

use super::lock::PackageArchive;
use super::{Image, ImageError, ImageSource};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline, RunError};

/// The suite whose archive is preferred where any would do.
const USUAL_SUITE: &str = "bookworm";

const OVERRIDE: &str = "VMBUILD_DEBIAN_ARCHIVE";

/// Where old states of the archive are kept, a folder each, named after its time.
const SNAPSHOTS: &str = "VMBUILD_DEBIAN_SNAPSHOTS";

/// Asking apt takes well under a second; a minute is for a host with a slow disk.
const PATIENCE: Duration = Duration::from_mins(1);

/// The address of a Debian archive (the folder with `dists` and `pool`), without a slash at its end:
/// `VMBUILD_DEBIAN_ARCHIVE`, or what the host's apt uses.
pub async fn debian_archive(cancel: &CancellationToken) -> Result<String, ImageError> {
    archive_for(USUAL_SUITE, cancel).await
}

/// The archive that an image is made from.
pub(super) async fn archive(image: &Image, cancel: &CancellationToken) -> Result<PackageArchive, ImageError> {
    let ImageSource::Bootstrap { suite, keyring, components, snapshot } = &image.source else {
        return Err(ImageError::NoBootstrap { name: image.name.clone() });
    };
    if !keyring.is_file() {
        return Err(ImageError::NoKeyring { path: keyring.clone() });
    }
    let address = match snapshot {
        None => archive_for(suite, cancel).await?,
        Some(stamp) => snapshot_address(std::env::var_os(SNAPSHOTS), stamp)?,
    };
    let (suite, keyring) = (suite.clone(), keyring.clone());
    Ok(PackageArchive { address, suite, keyring, components: components.clone(), snapshot: snapshot.clone() })
}

/// Where the archive's state of `stamp` is: the folder of that name where the user says that old states are.
fn snapshot_address(base: Option<std::ffi::OsString>, stamp: &str) -> Result<String, ImageError> {
    let bytes = stamp.as_bytes();
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' || !digits(&bytes[..8]) || !digits(&bytes[9..15]) {
        return Err(ImageError::BadSnapshot { stamp: stamp.to_owned() });
    }
    let base =
        base.filter(|value| !value.is_empty()).ok_or_else(|| ImageError::NoSnapshots { stamp: stamp.to_owned() })?;
    Ok(format!("{}/{stamp}", checked(SNAPSHOTS, &base.to_string_lossy())?))
}

/// The same, preferring an archive from which the host already takes `suite`.
pub(super) async fn archive_for(suite: &str, cancel: &CancellationToken) -> Result<String, ImageError> {
    if let Some(value) = std::env::var_os(OVERRIDE).filter(|value| !value.is_empty()) {
        return checked(OVERRIDE, &value.to_string_lossy());
    }
    let listed = index_targets(cancel).await?;
    let site = choose(&listed, suite).ok_or_else(|| {
        let reason = "apt lists no repository with origin and label `Debian`".to_owned();
        ImageError::NoArchive { reason }
    })?;
    match site.strip_prefix("mirror+file:") {
        Some(list) => first_of_mirror_list(list),
        None => Ok(site),
    }
}

/// Source: apt-get(8), `indextargets`. Third parties set another origin; the security archive another label.
async fn index_targets(cancel: &CancellationToken) -> Result<String, ImageError> {
    let words = ["indextargets", "--format", "$(CODENAME) $(SITE)", "Created-By: Packages"];
    let command = Command::new("apt-get").args(words).args(["Origin: Debian", "Label: Debian"]).env("LC_ALL", "C");
    match command.output(Deadline::after(PATIENCE), cancel).await {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(RunError::NotStarted { .. }) => {
            Err(ImageError::NoArchive { reason: "this host has no apt to ask".to_owned() })
        }
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
fn first_of_mirror_list(list: &str) -> Result<String, ImageError> {
    let path = format!("/{}", list.trim_start_matches('/'));
    let text = fs_err::read_to_string(&path)?;
    let mut words = text.lines().filter_map(|line| line.split_whitespace().next());
    let first = words.find(|word| !word.starts_with('#') && is_usable(word)).map(trimmed);
    first.ok_or_else(|| ImageError::NoArchive { reason: format!("{path} lists no mirror") })
}

fn checked(variable: &'static str, value: &str) -> Result<String, ImageError> {
    let plain = !value.contains(|c: char| c.is_whitespace() || c.is_control()) && !value.starts_with("mirror+");
    if plain && is_usable(value) {
        return Ok(trimmed(value));
    }
    Err(ImageError::BadArchive { variable, value: value.to_owned() })
}

fn trimmed(site: &str) -> String {
    site.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{OVERRIDE, checked, choose, first_of_mirror_list, snapshot_address};

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
        assert_eq!(checked(OVERRIDE, "http://a.example/debian/").expect("an address"), "http://a.example/debian");
        for wrong in ["a.example/debian", "ftp://a.example", "http://a b", "http://a\nb", "mirror+file:/etc/x"] {
            assert!(checked(OVERRIDE, wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_snapshot_is_a_folder_where_the_user_says() {
        let base = || Some("http://s.example/debian/".into());
        let address = snapshot_address(base(), "20260705T000000Z").expect("an address");
        assert_eq!(address, "http://s.example/debian/20260705T000000Z");
        for wrong in ["", "2026-07-05", "20260705T000000", "20260705t000000z", "../../../../..//Z", "２０２６"] {
            assert!(snapshot_address(base(), wrong).is_err(), "{wrong:?}");
        }
        let nowhere = snapshot_address(None, "20260705T000000Z").expect_err("nobody keeps any");
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
