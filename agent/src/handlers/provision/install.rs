//! Installing packages with the guest's own package manager.

use super::commands::{commands, sandbox_user};
use super::retry::run_with_retries;
use super::snapshot;
use crate::failure::failure;
use crate::packages;
use crate::request::RequestContext;
use vmbuild_protocol::{FailureKind, Package, PackageManager, Provision, RequestFailure};

/// Installs the missing packages and returns all that are installed then.
pub async fn provision(request: &RequestContext, provision: Provision) -> Result<Vec<Package>, RequestFailure> {
    check_provision(&provision)?;
    if !provision.packages.is_empty() {
        write_sources(&provision)?;
        for argv in commands(&provision, sandbox_user()) {
            run_with_retries(request, &argv, provision.epoch).await?;
        }
    }
    packages::list(provision.manager, &request.cancel).await
}

pub(super) fn check_provision(provision: &Provision) -> Result<(), RequestFailure> {
    let invalid = |text| Err(failure(FailureKind::Invalid, text));
    if let Some(name) = provision.packages.iter().find(|name| !is_package_name(name)) {
        return invalid(format!("`{name}` is not the name of a package"));
    }
    if let Some(path) = provision.sources.as_deref().filter(|path| !path.starts_with('/')) {
        return invalid(format!("`{path}` is not an absolute path"));
    }
    match provision.snapshot.as_deref().filter(|name| !name.chars().all(|c| c.is_ascii_alphanumeric())) {
        Some(name) => invalid(format!("`{name}` is not the name of a snapshot")),
        None => Ok(()),
    }
}

/// Names, and Debian's `name=version` and `name:arch`. A leading dash would be an option.
fn is_package_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+-._=:~^".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(allowed)
}

/// Writes the files that the commands name.
pub(super) fn write_sources(provision: &Provision) -> Result<(), RequestFailure> {
    let own = provision.manager == PackageManager::Apt && provision.sources.is_none();
    if own && provision.snapshot.is_some() { snapshot::mark_sources() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{is_package_name, provision};
    use crate::testing::request;
    use vmbuild_protocol::{FailureKind, PackageManager, Provision, Stage};

    fn of(manager: PackageManager, packages: &[&str]) -> Provision {
        let packages = packages.iter().map(|&name| name.to_owned()).collect();
        Provision { manager, packages, sources: None, snapshot: None, epoch: None, stage: Stage::Whole }
    }

    #[test]
    fn an_option_is_no_package() {
        for good in ["gcc", "libstdc++6", "libssl-dev=3.0.15-1~deb12u1", "zlib1g:amd64", "7zip"] {
            assert!(is_package_name(good), "{good}");
        }
        for bad in ["", "--allow-downgrades", "a b", "a;b", "/tmp/x.deb", "+x"] {
            assert!(!is_package_name(bad), "{bad}");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn nothing_to_install_lists_what_there_is() {
        let (request, _heard) = request();
        let nothing = of(PackageManager::Apt, &[]);
        match provision(&request, nothing).await {
            Ok(packages) => assert!(packages.iter().any(|package| package.name == "dpkg"), "{packages:?}"),
            Err(failure) => println!("skipped: no dpkg here: {}", failure.message),
        }
        let apt = || of(PackageManager::Apt, &[]);
        let bad = [
            of(PackageManager::Apt, &["-o"]),
            Provision { sources: Some("here".to_owned()), ..apt() },
            Provision { snapshot: Some("no such".to_owned()), ..apt() },
        ];
        for bad in bad {
            assert_eq!(provision(&request, bad).await.unwrap_err().kind, FailureKind::Invalid);
        }
    }
}
