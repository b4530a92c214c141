//! All checks, in order.

use super::outcome::{Outcome, Report};
use super::subject::Subject;
use super::tree::Tree;
use super::{binaries, files, modules, papers, pip, structure, version};
use crate::request::{Request, failure};
use vmbuild_protocol::{Check, Failure, FailureKind, Validate};

/// Runs every check, telling each as it ends. Fails itself only if it is cancelled or the request makes no sense:
/// whatever is wrong with the artifact is a check's verdict.
pub async fn validate(request: &Request, validate: Validate) -> Result<Vec<Check>, Failure> {
    let subject = Subject::new(request, &validate)?;
    let mut report = Report::new(request, validate.strict);
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
async fn from_outside(subject: &Subject<'_>, report: &mut Report<'_>) -> Result<Option<Tree>, Failure> {
    report.add(files::exists(subject)).await;
    report.add(files::checksum_file(subject)).await;
    report.add(files::sha256(subject).await).await;
    report.add(files::size_in_bounds(subject)).await;
    report.add(structure::structure(subject).await).await;
    if subject.request.cancel.is_cancelled() {
        return Err(failure(FailureKind::Cancelled, "the checks were cancelled"));
    }
    let (outcome, tree) = match Tree::unpack(subject).await {
        Ok(tree) => (binaries::binaries(subject, &tree).await, Some(tree)),
        Err(why) => (Outcome::Fail(why), None),
    };
    report.add(outcome).await;
    Ok(tree)
}

/// Checks 7 to 11.
async fn from_inside(subject: &Subject<'_>, tree: &Tree, report: &mut Report<'_>) -> Result<(), Failure> {
    report.add(version::version(subject, tree).await?).await;
    report.add(modules::modules(subject, tree).await?).await;
    report.add(pip::pip(subject, tree).await?).await;
    report.add(papers::build_info(subject, tree)).await;
    report.add(papers::license(tree)).await;
    Ok(())
}

async fn nothing_inside(report: &mut Report<'_>) -> Result<(), Failure> {
    for _ in 7..=11 {
        report.add(Outcome::Fail("nothing was unpacked".to_owned())).await;
    }
    Ok(())
}
