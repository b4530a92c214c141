//! A folder that apt uses as an archive: links to the cache's packages, and their index.
//!
//! Machines are installed from it, so apt finds exactly the locked packages and nothing else. It carries no signature:
//! every file in it was hashed against the lock, which came from a signed index.

use crate::apt_client::path_text;
use crate::{LockedPackage, PackageCache, PackagesError};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline};

/// The folder's place in a machine that installs packages, under its root.
pub const FOLDER: &str = "var/cache/vmbuild";

/// The file with the line for apt, in the folder.
pub const SOURCES: &str = "sources.list";

/// Reading hundreds of packages' control files takes seconds.
const LIMIT: Duration = Duration::from_mins(5);

/// Writes each package's paragraph from its own control file, with the fields that an index adds. Source: deb-control(5),
/// and the Debian wiki's description of the repository format.
const INDEX: &str = r#"set -e
while [ $# -gt 0 ]; do
    dpkg-deb --field "$1"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$1" "$2" "$3"
    shift 3
done
"#;

/// Creates the folder for `packages`, which must be in the cache.
pub async fn create(
    folder: &Path,
    packages: &[&LockedPackage],
    cache: &PackageCache,
    cancel: &CancellationToken,
) -> Result<(), PackagesError> {
    fs_err::create_dir_all(folder)?;
    let mut arguments = Vec::new();
    for package in packages {
        let name = package.file_name();
        link(&cache.path(package), &folder.join(name))?;
        arguments.extend([name.to_owned(), package.size.to_string(), package.sha256.to_string()]);
    }
    let index = fs_err::File::create(folder.join("Packages"))?;
    let command =
        Command::new("sh").args(["-c", INDEX, "index"]).args(arguments).current_dir(folder).env("LC_ALL", "C");
    command.stdout(index.into_file()).run(Deadline::after(LIMIT), cancel, |_| ()).await?;
    Ok(())
}

/// The line of a `sources.list` for the folder at the absolute `path`. `scheme` is `copy` from outside of the machine
/// that is installed, `file` from inside.
pub fn sources_line(scheme: &str, path: &Path) -> Result<String, PackagesError> {
    Ok(format!("deb [trusted=yes] {scheme}:{} ./", escaped(path_text(path)?)))
}

/// Escapes spaces, which would end the word. Source: sources.list(5), RFC 3986.
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

/// Links the file, or copies it where the store spans file systems.
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
