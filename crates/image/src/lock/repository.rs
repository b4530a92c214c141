//! A folder that apt takes for an archive: links to the cache's packages, and their index.
//!
//! Machines are made from it, so what apt finds is what was agreed on, and nothing else. It carries no signature:
//! every file in it was hashed against the lock, which came from a signed index.

use super::{LockedPackage, PackageCache};
use crate::ImageError;
use crate::host_tool::text;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline};

/// Where a machine that installs packages sees the folder, under its root.
pub(crate) const FOLDER: &str = "var/cache/vmbuild";

/// Where that machine finds the line for apt, under the folder.
pub(crate) const SOURCES: &str = "sources.list";

/// Reading hundreds of packages' control files takes seconds.
const LIMIT: Duration = Duration::from_mins(5);

/// Writes each package's paragraph, as its own control file has it, with what an index adds. Source: deb-control(5),
/// and the Debian wiki's description of the repository format.
const INDEX: &str = r#"set -e
while [ $# -gt 0 ]; do
    dpkg-deb --field "$1"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$1" "$2" "$3"
    shift 3
done
"#;

/// Makes the folder for `packages`, which must be in the cache. `scheme` is how apt gets there: `copy` from outside
/// of the machine that is made, `file` from inside.
pub(crate) async fn make(
    folder: &Path,
    packages: &[&LockedPackage],
    cache: &PackageCache,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    fs_err::create_dir_all(folder)?;
    let mut words = Vec::new();
    for package in packages {
        let name = package.file_name();
        link(&cache.path(package), &folder.join(name))?;
        words.extend([name.to_owned(), package.size.to_string(), package.sha256.to_string()]);
    }
    let index = fs_err::File::create(folder.join("Packages"))?;
    let command = Command::new("sh").args(["-c", INDEX, "index"]).args(words).current_dir(folder).env("LC_ALL", "C");
    command.stdout(index.into_file()).run(Deadline::after(LIMIT), cancel, |_| ()).await?;
    Ok(())
}

/// The line of a `sources.list` for the folder: `scheme` is `copy` or `file`, `path` absolute.
pub(crate) fn sources_line(scheme: &str, path: &Path) -> Result<String, ImageError> {
    Ok(format!("deb [trusted=yes] {scheme}:{} ./", escaped(&text(path)?)))
}

/// Spaces would end the word. Source: sources.list(5), RFC 3986.
fn escaped(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~+".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02x}");
        }
    }
    out
}

/// A second name for the file, or a copy where the store spans file systems.
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    match fs_err::hard_link(from, to) {
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => fs_err::copy(from, to).map(drop),
        linked => linked,
    }
}

#[cfg(test)]
mod tests {
    use super::sources_line;
    use std::path::Path;

    #[test]
    fn any_path_is_one_word() {
        let line = sources_line("copy", Path::new("/a b/[c]")).expect("a line");
        assert_eq!(line, "deb [trusted=yes] copy:/a%20b/%5bc%5d ./");
    }
}
