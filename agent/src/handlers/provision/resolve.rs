//! The packages that a provision would install, with sizes and digests, before it does.
//!
//! apt's lists have the digests of packages. dnf's answer does not: so dnf downloads them, and they are looked at.

use super::commands::{AptCommands, commands, sandbox_user};
use super::install::{check_provision, write_sources};
use super::retry::run_with_retries;
use crate::failure::failure;
use crate::packages::query_text;
use crate::request::RequestContext;
use std::path::Path;
use vmbuild_packages::{read_index, simulated_install};
use vmbuild_protocol::{FailureKind, Offered, PackageManager, Provision, RequestFailure, Stage};

/// Resolves what an installation would take from the archives, by lists that are updated first (`Stage::Whole`) or by those
/// there are.
pub async fn resolve(request: &RequestContext, provision: Provision) -> Result<Vec<Offered>, RequestFailure> {
    check_provision(&provision)?;
    match provision.manager {
        PackageManager::Apt => apt(request, &provision).await,
        PackageManager::Dnf => dnf(request, provision).await,
    }
}

async fn apt(request: &RequestContext, provision: &Provision) -> Result<Vec<Offered>, RequestFailure> {
    write_sources(provision)?;
    let apt = AptCommands::new(provision, sandbox_user());
    if provision.stage == Stage::Whole {
        run_with_retries(request, &apt.update(), provision.epoch).await?;
    }
    let simulated = query(&apt.simulate(), request).await?;
    let wanted: Vec<String> = simulated.lines().filter_map(simulated_install).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let show = ["apt-cache", "show", "--no-all-versions"].map(str::to_owned);
    let index = query(&show.into_iter().chain(wanted).collect::<Vec<_>>(), request).await?;
    read_index(&index)
        .map_err(|name| failure(FailureKind::Invalid, format!("the archive's index does not describe `{name}`")))
}

/// Finds the packages that dnf 4 and dnf 5 have downloaded.
const FIND: [&str; 4] = ["find", "/var/cache", "-path", "*/packages/*.rpm"];
const RPM: [&str; 3] = ["rpm", "-qp", "--queryformat=%{NAME}\\t%{EVR}\\t%{ARCH}\\n"];

async fn dnf(request: &RequestContext, provision: Provision) -> Result<Vec<Offered>, RequestFailure> {
    let download = Provision { stage: Stage::Download, ..provision };
    for argv in commands(&download, sandbox_user()) {
        run_with_retries(request, &argv, download.epoch).await?;
    }
    let found = query_text(&FIND, &request.cancel).await?;
    let mut offered = Vec::new();
    for path in found.lines() {
        let said = query_text(&[&RPM[..], &[path]].concat(), &request.cancel).await?;
        offered.push(read_package(Path::new(path), said.trim())?);
    }
    offered.sort();
    offered.dedup();
    Ok(offered)
}

fn read_package(path: &Path, said: &str) -> Result<Offered, RequestFailure> {
    let not_understood =
        || failure(FailureKind::Invalid, format!("unexpected output of rpm about {}: `{said}`", path.display()));
    let mut fields = said.split('\t').map(str::to_owned);
    let mut field = || fields.next().filter(|text| !text.is_empty()).ok_or_else(not_understood);
    let (name, version, arch) = (field()?, field()?, field()?);
    let (size, sha256) =
        vmbuild_archive::sha256_file(path).map_err(|error| failure(FailureKind::Io, error.to_string()))?;
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Offered { name, version, arch, size, sha256: hex::encode(sha256), file })
}

async fn query(argv: &[String], request: &RequestContext) -> Result<String, RequestFailure> {
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    query_text(&argv, &request.cancel).await
}
