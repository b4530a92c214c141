//! A 100 MB artifact and a small command over each way to an agent.

use super::machine::{Program, describe};
use super::scp::Scp;
use crate::agent;
use crate::workshop::{TaskError, Workshop, say};

const NAME: &str = "bench-transfer";

pub(super) async fn run(workshop: &Workshop, rounds: usize) -> Result<(), TaskError> {
    let program = Program::build(workshop).await?;
    let machine = describe(workshop).await?;
    let folder = agent::target_folder(workshop).await?.join("bench");
    let mut rows = vec![Scp::row(workshop, &folder, rounds).await];
    let virtual_machine = ["--backend", "qemu", "--accel", "tcg", "--memory", "1024"];
    for backend in [&["--backend", "sandbox"][..], &virtual_machine] {
        program.up(workshop, NAME, backend).await?;
        let measure = workshop.cargo().args(["run", "--release", "--quiet", "--package", "vmbuild", "--example"]);
        let measure = measure.args(["transfer", "--", NAME, &rounds.to_string()]);
        let measured = workshop.read(program.with_env(measure)).await;
        program.destroy(workshop, NAME).await;
        rows.push(measured?);
    }
    say(&format!("\n{machine}\n\n| way | in MB/s | out MB/s | ping ms | `true` ms |\n|---|---|---|---|---|"));
    for row in rows {
        say(row.trim_end());
    }
    Ok(())
}
