//! A 100 MB artifact and a small command over each way to an agent.

use super::machine::{Program, describe};
use crate::workshop::{TaskError, Workshop, say};

const NAME: &str = "bench-transfer";

pub(super) async fn run(workshop: &Workshop) -> Result<(), TaskError> {
    let program = Program::build(workshop).await?;
    say(&format!("{}\n", describe(workshop).await?));
    let virtual_machine = ["--backend", "qemu", "--accel", "tcg", "--memory", "1024"];
    for backend in [&["--backend", "sandbox"][..], &virtual_machine] {
        program.up(workshop, NAME, backend).await?;
        let measure = workshop.cargo().args(["run", "--release", "--quiet", "--package", "vmbuild", "--example"]);
        let measured = workshop.show(program.with_env(measure.args(["transfer", NAME]))).await;
        program.destroy(workshop, NAME).await;
        measured?;
    }
    Ok(())
}
