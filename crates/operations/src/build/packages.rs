//! Packages that an artifact was made with: those of the plan's golden machine.
//!
//! A machine may have more of them. One of Vagrant's has what it takes to log in, and that must not show in an artifact:
//! the plan says nothing of it. None may be missing.

use std::collections::BTreeSet;
use vmbuild_artifact::ArtifactError;
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_image::{Golden, format_package};
use vmbuild_protocol::Package;

/// The machine is not the one in the plan.
#[derive(Debug, thiserror::Error)]
#[error("the machine that compiles is not the plan's golden machine: it lacks {}", missing.join(", "))]
struct OtherMachine {
    missing: Vec<String>,
}

impl Diagnose for OtherMachine {
    fn exit(&self) -> Exit {
        Exit::Integrity
    }

    fn hints(&self) -> Vec<String> {
        vec!["`vmbuild image verify` checks the golden machine".to_owned()]
    }
}

/// The golden machine's packages, as the machine has them.
pub(super) fn of_golden(golden: &Golden, installed: Vec<Package>) -> Result<Vec<Package>, Failure> {
    let list = golden.package_list().map_err(ArtifactError::Io)?;
    Ok(listed(&list, installed)?)
}

fn listed(list: &str, mut installed: Vec<Package>) -> Result<Vec<Package>, OtherMachine> {
    let mut missing: BTreeSet<&str> = list.lines().collect();
    installed.retain(|package| missing.remove(format_package(package).as_str()));
    if missing.is_empty() {
        return Ok(installed);
    }
    Err(OtherMachine { missing: missing.into_iter().map(str::to_owned).collect() })
}

#[cfg(test)]
mod tests {
    use super::{Package, listed};

    fn package(name: &str) -> Package {
        Package { name: name.to_owned(), version: "1".to_owned(), arch: "all".to_owned() }
    }

    #[test]
    fn what_is_there_besides_does_not_count_and_what_is_missing_does() {
        let list = "gcc=1 all\nmake=1 all\n";
        let kept = listed(list, ["gcc", "make", "sudo"].map(package).to_vec());
        assert_eq!(kept.expect("all are there"), ["gcc", "make"].map(package));
        let newer = Package { version: "2".to_owned(), ..package("make") };
        let error = listed(list, vec![package("gcc"), newer]).expect_err("another version is another package");
        assert_eq!(error.missing, ["make=1 all"]);
    }
}
