//! The summary of a build: the artifact, its digests, the time by stage, and the next step.

use super::paint::ColorPaint;
use super::table::{TableCell, columns};
use super::words::MOMENT;
use std::time::Duration;
use vmbuild_core::event::{PublishedArtifact, StageTime};
use vmbuild_core::format::{duration, size};

/// For standard error; the artifact's path itself is data and goes to standard output.
pub(super) fn render(published: &PublishedArtifact, paint: ColorPaint) -> String {
    let path = published.path.display();
    let took = duration(seconds(published.seconds));
    format!(
        "\n{}\nsha256  {}\nplan    {}\nsize    {}\ntook    {took}\nlogs    {}\nnext: vmbuild validate {path}\n",
        stages(published, paint),
        published.sha256,
        published.plan,
        size(published.bytes),
        published.logs.display(),
    )
}

fn stages(published: &PublishedArtifact, paint: ColorPaint) -> String {
    let heading = ["stage", "time", "share"].map(|word| TableCell::new(word, paint.dim())).to_vec();
    let (brief, long): (Vec<&StageTime>, Vec<&StageTime>) =
        published.stages.iter().partition(|stage| seconds(stage.seconds) < MOMENT);
    let all_brief = brief.iter().map(|stage| stage.seconds).sum();
    let others = (!brief.is_empty()).then(|| row(&format!("{} others", brief.len()), all_brief, published.seconds));
    let rows = long.iter().map(|stage| row(&stage.stage, stage.seconds, published.seconds)).chain(others);
    columns(&std::iter::once(heading).chain(rows).collect::<Vec<_>>())
}

fn row(name: &str, took: f64, all: f64) -> Vec<TableCell> {
    let share = if all > 0.0 { 100.0 * took / all } else { 0.0 };
    vec![name.into(), duration(seconds(took)).into(), format!("{share:3.0} %").into()]
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
