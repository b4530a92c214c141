//! Which packages are installed.

use crate::failure::error_chain;
use crate::failure::failure;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{FailureKind, Package, PackageManager, RequestFailure};
use vmbuild_supervise::{Command, Deadline};

/// Where package managers and compilers are, whatever the agent was started with.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A query reads a local database.
const LIMIT: Duration = Duration::from_mins(1);

const DPKG: [&str; 3] = ["dpkg-query", "-W", "-f=${Package}\\t${Version}\\t${Architecture}\\t${db:Status-Status}\\n"];
const RPM: [&str; 3] = ["rpm", "-qa", "--queryformat=%{NAME}\\t%{EVR}\\t%{ARCH}\\tinstalled\\n"];

/// The installed packages, sorted by name; none where no known package manager is.
pub(super) async fn installed(cancel: &CancellationToken) -> Result<Vec<Package>, RequestFailure> {
    if Path::new("/var/lib/dpkg/status").exists() {
        list(PackageManager::Apt, cancel).await
    } else if Path::new("/usr/bin/rpm").exists() {
        list(PackageManager::Dnf, cancel).await
    } else {
        Ok(Vec::new())
    }
}

/// The packages that one manager knows as installed, sorted by name.
pub(super) async fn list(manager: PackageManager, cancel: &CancellationToken) -> Result<Vec<Package>, RequestFailure> {
    let query = match manager {
        PackageManager::Apt => DPKG,
        PackageManager::Dnf => RPM,
    };
    let text = query_text(&query, cancel).await?;
    Ok(parse(&text))
}

/// The standard output of a short query.
pub(super) async fn query_text(argv: &[&str], cancel: &CancellationToken) -> Result<String, RequestFailure> {
    let command = Command::new(argv[0]).args(&argv[1..]).env_clear().env("PATH", PATH).env("LC_ALL", "C.UTF-8");
    let output = command.output(Deadline::after(LIMIT), cancel).await;
    let output = output.map_err(|error| failure(FailureKind::ProgramFailed, error_chain(&error)))?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

fn parse(text: &str) -> Vec<Package> {
    let mut packages: Vec<Package> = text.lines().filter_map(parse_line).collect();
    packages.sort();
    packages
}

/// Removed packages whose configuration remains are listed too, with another status; keys and the like have no
/// architecture.
fn parse_line(line: &str) -> Option<Package> {
    let mut fields = line.split('\t').map(str::to_owned);
    let (name, version, arch) = (fields.next()?, fields.next()?, fields.next()?);
    (fields.next()? == "installed" && arch != "(none)").then_some(Package { name, version, arch })
}

#[cfg(test)]
mod tests {
    use super::{installed, parse};
    use tokio_util::sync::CancellationToken;

    #[test]
    fn only_installed_packages_count() {
        let text = "zlib1g\t1:1.2.13\tamd64\tinstalled\nold\t1\tall\tconfig-files\nadduser\t3.134\tall\tinstalled\n\
                    gpg-pubkey\t1-2\t(none)\tinstalled\nbroken line\n";
        let names: Vec<String> =
            parse(text).into_iter().map(|p| format!("{} {} {}", p.name, p.version, p.arch)).collect();
        assert_eq!(names, ["adduser 3.134 all", "zlib1g 1:1.2.13 amd64"]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn this_machines_own_packages_are_listed() {
        let packages = installed(&CancellationToken::new()).await.unwrap();
        if packages.is_empty() {
            println!("skipped: no package manager known to the agent here");
            return;
        }
        assert!(packages.is_sorted());
        assert!(packages.iter().all(|package| !package.version.is_empty()), "{packages:?}");
    }
}
