//! A 100 MB artifact and a small command over each transport to an agent.

use super::machine::{BenchProgram, CompiledProgram, describe};
use super::scp::ScpBench;
use crate::agent;
use crate::workspace::{TaskError, Workspace, say};

const NAME: &str = "bench-transfer";

/// Prints the rows of each transport as soon as they are known.
pub(super) async fn run(workspace: &Workspace, rounds: usize, compiled: CompiledProgram) -> Result<(), TaskError> {
    let program = BenchProgram::build(workspace, compiled).await?;
    let machine = describe(workspace).await?;
    let folder = agent::target_folder(workspace).await?.join("bench");
    say(&format!("\n{machine}\n\n| way | in MB/s | out MB/s | ping ms | `true` ms |\n|---|---|---|---|---|"));
    say(&ScpBench::row(workspace, &folder, rounds).await);
    let virtual_machine = ["--backend", "qemu", "--accel", "tcg", "--memory", "1024"];
    for backend in [&["--backend", "sandbox"][..], &virtual_machine] {
        program.up(workspace, NAME, backend).await?;
        let measured = workspace.read(program.example(workspace, "transfer", &[NAME, &rounds.to_string()])).await;
        program.destroy(workspace, NAME).await;
        say(measured?.trim_end());
    }
    Ok(())
}
