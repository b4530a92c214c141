//! All checks, in order.

use super::outcome::{CheckOutcome, CheckReport};
use super::subject::Subject;
use super::tree::UnpackedArtifact;
use super::{binaries, documents, files, modules, pip, structure, version};
use crate::request::{RequestContext, failure};
use vmbuild_protocol::{Check, FailureKind, RequestFailure, Validate};

/// Runs every check, telling each as it ends. Fails itself only if it is cancelled or the request makes no sense:
/// whatever is wrong with the artifact is a check's verdict.
pub async fn validate(request: &RequestContext, validate: Validate) -> Result<Vec<Check>, RequestFailure> {
    let subject = Subject::new(request, &validate)?;
    let mut report = CheckReport::new(request, validate.strict);
    let tree = from_outside(&subject, &mut report).await?;
    let checked = match &tree {
        Some(tree) => from_inside(&subject, tree, &mut report).await,
        None => nothing_inside(&mut report).await,
    };
    if let Some(tree) = tree {
        tree.remove().await;
    }
    checked.map(|()| report.into_checks())
}

/// Checks 1 to 6: everything up to the unpacked tree.
async fn from_outside(
    subject: &Subject<'_>,
    report: &mut CheckReport<'_>,
) -> Result<Option<UnpackedArtifact>, RequestFailure> {
    report.add(files::exists(subject)).await;
    report.add(files::checksum_file(subject)).await;
    report.add(files::sha256(subject).await).await;
    report.add(files::size_in_bounds(subject)).await;
    report.add(structure::structure(subject).await).await;
    if subject.request.cancel.is_cancelled() {
        return Err(failure(FailureKind::Cancelled, "the checks were cancelled"));
    }
    let (outcome, tree) = match UnpackedArtifact::unpack(subject).await {
        Ok(tree) => (binaries::binaries(subject, &tree).await, Some(tree)),
        Err(why) => (CheckOutcome::Fail(why), None),
    };
    report.add(outcome).await;
    Ok(tree)
}

/// Checks 7 to 11.
async fn from_inside(
    subject: &Subject<'_>,
    tree: &UnpackedArtifact,
    report: &mut CheckReport<'_>,
) -> Result<(), RequestFailure> {
    report.add(version::version(subject, tree).await?).await;
    report.add(modules::modules(subject, tree).await?).await;
    report.add(pip::pip(subject, tree).await?).await;
    report.add(documents::build_info(subject, tree)).await;
    report.add(documents::license(tree)).await;
    Ok(())
}

async fn nothing_inside(report: &mut CheckReport<'_>) -> Result<(), RequestFailure> {
    for _ in 7..=11 {
        report.add(CheckOutcome::Fail("nothing was unpacked".to_owned())).await;
    }
    Ok(())
}
