//! From QEMU's start to a ready agent, against a bare kernel that only reaches its first process.
//!
//! Wall-clock time is the wait on a quiet machine; QEMU's processor time is the cost on any machine.

use super::console::{ConsoleCost, children_seconds, processor_seconds, qemu, until};
use super::machine::{BenchProgram, CompiledProgram, describe};
use super::systemd::SystemdBench;
use super::vagrant;
use crate::workspace::{TaskError, Workspace, say};
use std::path::{Path, PathBuf};
use std::time::Instant;

const NAME: &str = "bench-boot";
/// Small commands per machine.
const EXECS: usize = 20;
/// Prefix of the agent's lines on the console.
const MARK: &str = "vmbuild-agent: ";
const Q35: [&str; 2] = ["-machine", "q35,vmport=off,sata=off,smbus=off,hpet=off"];
const MICROVM: [&str; 2] = ["-machine", "microvm"];

/// Each row is printed as soon as it is known, so a slow one does not delay the others.
pub(super) async fn run(workspace: &Workspace, rounds: usize, compiled: CompiledProgram) -> Result<(), TaskError> {
    let program = BenchProgram::build(workspace, compiled).await?;
    let machine = describe(workspace).await?;
    let OurBoot { ready, runs, boot } = ours(workspace, &program, rounds).await?;
    let (mut floor, mut micro) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        floor.push(boot.first_process(workspace, &Q35).await?);
        micro.push(boot.first_process(workspace, &MICROVM).await?);
    }
    let floor = median(floor);
    say(&format!("\n{machine}, medians of {rounds}\n"));
    say("| what | seconds | of the floor | processor seconds | of the floor |\n|---|---|---|---|---|");
    say(&row("bare kernel to its first process, q35: the floor", floor, floor));
    say(&row("the same, microvm", median(micro), floor));
    say(&row("`vmbuild up`, agent ready", median(ready), floor));
    let (exec, alone) = (median(runs), "| `vmbuild exec -- true`, its own processor time |");
    say(&format!("{alone} {:.3} | - | {:.3} | - |", exec.wall, exec.processor));
    say(&match systemd(workspace, &program, rounds).await {
        Ok(costs) => row("Debian's own kernel and systemd to a login prompt", median(costs), floor),
        Err(why) => absent("systemd to a login prompt", &format!("did not run: {why}")),
    });
    say(&match vagrant::up(workspace, &program).await {
        Ok(cost) => row("`vagrant up` of a halted machine, to SSH; once", cost, floor),
        Err(why) => absent("`vagrant up` of a halted machine, to SSH", &why),
    });
    say(&absent("packer", &vagrant::why_no_packer(workspace).await));
    Ok(())
}

fn row(what: &str, ConsoleCost { wall, processor }: ConsoleCost, floor: ConsoleCost) -> String {
    let of_floor = [wall / floor.wall, processor / floor.processor];
    format!("| {what} | {wall:.2} | {:.2} | {processor:.2} | {:.2} |", of_floor[0], of_floor[1])
}

fn absent(what: &str, why: &str) -> String {
    format!("| {what} | - | - | - | {why} |")
}

/// Times of vmbuild's own machines, and the files that the last one booted from.
struct OurBoot {
    ready: Vec<ConsoleCost>,
    runs: Vec<ConsoleCost>,
    boot: BootedFrom,
}

async fn ours(workspace: &Workspace, program: &BenchProgram, rounds: usize) -> Result<OurBoot, TaskError> {
    let (mut ready, mut runs, mut boot) = (Vec::new(), Vec::new(), None);
    for _ in 0..rounds {
        ready.push(up(workspace, program).await?);
        boot = Some(BootedFrom::of(&program.store.join("machines").join(NAME))?);
        runs.extend(execs(workspace, program).await?);
        program.destroy(workspace, NAME).await;
    }
    Ok(OurBoot { ready, runs, boot: boot.ok_or(TaskError::Silent("vmbuild up"))? })
}

/// Runs a small command repeatedly. The host's processor time is counted in ticks, so it is measured over all runs.
async fn execs(workspace: &Workspace, program: &BenchProgram) -> Result<Vec<ConsoleCost>, TaskError> {
    let (before, mut walls) = (children_seconds()?, Vec::new());
    for _ in 0..EXECS {
        let since = Instant::now();
        workspace.read(program.command(workspace, &["exec", "--name", NAME, "--", "true"])).await?;
        walls.push(since.elapsed().as_secs_f64());
    }
    let processor = (children_seconds()? - before) / walls.len() as f64;
    Ok(walls.into_iter().map(|wall| ConsoleCost { wall, processor }).collect())
}

async fn systemd(workspace: &Workspace, program: &BenchProgram, rounds: usize) -> Result<Vec<ConsoleCost>, TaskError> {
    let (systemd, mut costs) = (SystemdBench::make(workspace, program).await?, Vec::new());
    for _ in 0..rounds {
        costs.push(systemd.login(workspace, &Q35).await?);
    }
    Ok(costs)
}

async fn up(workspace: &Workspace, program: &BenchProgram) -> Result<ConsoleCost, TaskError> {
    let since = Instant::now();
    let backend = ["--backend", "qemu", "--accel", "tcg", "--cpus", "1", "--memory", "512"];
    program.up(workspace, NAME, &backend).await?;
    let wall = since.elapsed().as_secs_f64();
    let record = fs_err::read(program.store.join("machines").join(NAME).join("machine.json"))?;
    let record: serde_json::Value = serde_json::from_slice(&record).map_err(|_| TaskError::Silent("machine.json"))?;
    let pid = record["process"]["pid"].as_u64().ok_or(TaskError::Silent("machine.json"))?;
    Ok(ConsoleCost { wall, processor: processor_seconds(pid)? })
}

/// Files that a machine booted from.
struct BootedFrom {
    kernel: PathBuf,
    initramfs: PathBuf,
    words: String,
}

impl BootedFrom {
    /// Reads them from the command line at the start of QEMU's log.
    fn of(machine: &Path) -> Result<Self, TaskError> {
        let log = fs_err::read_to_string(machine.join("qemu.log"))?;
        let after = |switch: &str| log.split_once(switch).map(|(_, rest)| rest.to_owned());
        let word = |switch: &str| after(switch)?.split(' ').next().map(PathBuf::from);
        let words = after(" -append '").and_then(|rest| rest.split_once('\'').map(|(words, _)| words.to_owned()));
        match (word(" -kernel "), word(" -initrd "), words) {
            (Some(kernel), Some(initramfs), Some(words)) => Ok(Self { kernel, initramfs, words }),
            _ => Err(TaskError::Silent("qemu.log")),
        }
    }

    /// Boots them with only a console, until the first process writes to it.
    async fn first_process(&self, workspace: &Workspace, board: &[&str]) -> Result<ConsoleCost, TaskError> {
        let command = qemu(workspace, board).arg("-kernel").arg(&self.kernel).arg("-initrd").arg(&self.initramfs);
        until(command.args(["-append", &self.words]), MARK).await
    }
}

/// Orders by wall-clock time.
fn median(mut costs: Vec<ConsoleCost>) -> ConsoleCost {
    costs.sort_by(|one, other| one.wall.total_cmp(&other.wall));
    costs[costs.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::BootedFrom;

    #[test]
    fn what_was_booted_is_read_from_the_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let line = "$ qemu -m 1 -kernel /k -initrd /i -append 'quiet a=b' -serial x\n";
        fs_err::write(folder.path().join("qemu.log"), line).expect("a file");
        let boot = BootedFrom::of(folder.path()).expect("a command line");
        assert_eq!((boot.kernel.to_str(), boot.initramfs.to_str()), (Some("/k"), Some("/i")));
        assert_eq!(boot.words, "quiet a=b");
    }
}
