//! What a build says at its end: where the artifact is, what it is, where the time went, what to do next.

use super::paint::Paint;
use super::table::{Cell, columns};
use super::words::{duration, size};
use crate::event::{Published, StageTime};
use std::time::Duration;

/// For standard error; the artifact's path itself is data and goes to standard output.
pub(super) fn render(published: &Published, paint: Paint) -> String {
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

fn stages(published: &Published, paint: Paint) -> String {
    let heading = ["stage", "time", "share"].map(|word| Cell::new(word, paint.dim())).to_vec();
    let rows = published.stages.iter().map(|stage| row(stage, published.seconds));
    columns(&std::iter::once(heading).chain(rows).collect::<Vec<_>>())
}

fn row(stage: &StageTime, all: f64) -> Vec<Cell> {
    let share = if all > 0.0 { 100.0 * stage.seconds / all } else { 0.0 };
    vec![stage.stage.as_str().into(), duration(seconds(stage.seconds)).into(), format!("{share:3.0} %").into()]
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
