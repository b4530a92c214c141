//! A 100 MB artifact and a small command over each way to an agent.

use super::machine::{Compiled, Program, describe};
use super::scp::Scp;
use crate::agent;
use crate::workshop::{TaskError, Workshop, say};

const NAME: &str = "bench-transfer";

/// Each way's rows are printed as soon as they are known.
pub(super) async fn run(workshop: &Workshop, rounds: usize, compiled: Compiled) -> Result<(), TaskError> {
    let program = Program::build(workshop, compiled).await?;
    let machine = describe(workshop).await?;
    let folder = agent::target_folder(workshop).await?.join("bench");
    say(&format!("\n{machine}\n\n| way | in MB/s | out MB/s | ping ms | `true` ms |\n|---|---|---|---|---|"));
    say(&Scp::row(workshop, &folder, rounds).await);
    let virtual_machine = ["--backend", "qemu", "--accel", "tcg", "--memory", "1024"];
    for backend in [&["--backend", "sandbox"][..], &virtual_machine] {
        program.up(workshop, NAME, backend).await?;
        let measured = workshop.read(program.example(workshop, "transfer", &[NAME, &rounds.to_string()])).await;
        program.destroy(workshop, NAME).await;
        say(measured?.trim_end());
    }
    Ok(())
}
