//! From QEMU's start to a ready agent, against a bare kernel that only reaches its first process.
//!
//! Wall-clock time says what people wait for, on a quiet machine; QEMU's processor time says what it costs, on any.

use super::console::{Cost, children_seconds, processor_seconds, qemu, until};
use super::machine::{Compiled, Program, describe};
use super::systemd::Systemd;
use super::vagrant;
use crate::workshop::{TaskError, Workshop, say};
use std::path::{Path, PathBuf};
use std::time::Instant;

const NAME: &str = "bench-boot";
/// Small commands per machine.
const EXECS: usize = 20;
/// What the agent's lines on the console begin with.
const MARK: &str = "vmbuild-agent: ";
const Q35: [&str; 2] = ["-machine", "q35,vmport=off,sata=off,smbus=off,hpet=off"];
const MICROVM: [&str; 2] = ["-machine", "microvm"];

/// Each row is printed as soon as it is known: one that takes long takes none of the others with it.
pub(super) async fn run(workshop: &Workshop, rounds: usize, compiled: Compiled) -> Result<(), TaskError> {
    let program = Program::build(workshop, compiled).await?;
    let machine = describe(workshop).await?;
    let Ours { ready, runs, boot } = ours(workshop, &program, rounds).await?;
    let (mut floor, mut micro) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        floor.push(boot.first_process(workshop, &Q35).await?);
        micro.push(boot.first_process(workshop, &MICROVM).await?);
    }
    let floor = median(floor);
    say(&format!("\n{machine}, medians of {rounds}\n"));
    say("| what | seconds | of the floor | processor seconds | of the floor |\n|---|---|---|---|---|");
    say(&row("bare kernel to its first process, q35: the floor", floor, floor));
    say(&row("the same, microvm", median(micro), floor));
    say(&row("`vmbuild up`, agent ready", median(ready), floor));
    let (exec, alone) = (median(runs), "| `vmbuild exec -- true`, its own processor time |");
    say(&format!("{alone} {:.3} | - | {:.3} | - |", exec.wall, exec.processor));
    say(&match systemd(workshop, &program, rounds).await {
        Ok(costs) => row("Debian's own kernel and systemd to a login prompt", median(costs), floor),
        Err(why) => absent("systemd to a login prompt", &format!("did not run: {why}")),
    });
    say(&match vagrant::up(workshop, &program).await {
        Ok(cost) => row("`vagrant up` of a halted machine, to SSH; once", cost, floor),
        Err(why) => absent("`vagrant up` of a halted machine, to SSH", &why),
    });
    say(&absent("packer", &vagrant::why_no_packer(workshop).await));
    Ok(())
}

fn row(what: &str, Cost { wall, processor }: Cost, floor: Cost) -> String {
    let of_floor = [wall / floor.wall, processor / floor.processor];
    format!("| {what} | {wall:.2} | {:.2} | {processor:.2} | {:.2} |", of_floor[0], of_floor[1])
}

fn absent(what: &str, why: &str) -> String {
    format!("| {what} | - | - | - | {why} |")
}

/// What vmbuild's own machines took, and what the last of them was booted from.
struct Ours {
    ready: Vec<Cost>,
    runs: Vec<Cost>,
    boot: Boot,
}

async fn ours(workshop: &Workshop, program: &Program, rounds: usize) -> Result<Ours, TaskError> {
    let (mut ready, mut runs, mut boot) = (Vec::new(), Vec::new(), None);
    for _ in 0..rounds {
        ready.push(up(workshop, program).await?);
        boot = Some(Boot::of(&program.store.join("machines").join(NAME))?);
        runs.extend(execs(workshop, program).await?);
        program.destroy(workshop, NAME).await;
    }
    Ok(Ours { ready, runs, boot: boot.ok_or(TaskError::Silent("vmbuild up"))? })
}

/// A small command some times. The host's processor time is counted in ticks, so it is that of all together.
async fn execs(workshop: &Workshop, program: &Program) -> Result<Vec<Cost>, TaskError> {
    let (before, mut walls) = (children_seconds()?, Vec::new());
    for _ in 0..EXECS {
        let since = Instant::now();
        workshop.read(program.command(workshop, &["exec", "--name", NAME, "--", "true"])).await?;
        walls.push(since.elapsed().as_secs_f64());
    }
    let processor = (children_seconds()? - before) / walls.len() as f64;
    Ok(walls.into_iter().map(|wall| Cost { wall, processor }).collect())
}

async fn systemd(workshop: &Workshop, program: &Program, rounds: usize) -> Result<Vec<Cost>, TaskError> {
    let (systemd, mut costs) = (Systemd::make(workshop, program).await?, Vec::new());
    for _ in 0..rounds {
        costs.push(systemd.login(workshop, &Q35).await?);
    }
    Ok(costs)
}

async fn up(workshop: &Workshop, program: &Program) -> Result<Cost, TaskError> {
    let since = Instant::now();
    let backend = ["--backend", "qemu", "--accel", "tcg", "--cpus", "1", "--memory", "512"];
    program.up(workshop, NAME, &backend).await?;
    let wall = since.elapsed().as_secs_f64();
    let record = fs_err::read(program.store.join("machines").join(NAME).join("machine.json"))?;
    let record: serde_json::Value = serde_json::from_slice(&record).map_err(|_| TaskError::Silent("machine.json"))?;
    let pid = record["process"]["pid"].as_u64().ok_or(TaskError::Silent("machine.json"))?;
    Ok(Cost { wall, processor: processor_seconds(pid)? })
}

/// What a machine was booted from.
struct Boot {
    kernel: PathBuf,
    initramfs: PathBuf,
    words: String,
}

impl Boot {
    /// From the command line that QEMU's log begins with.
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

    /// Boots it with no device but a console, until its first process speaks.
    async fn first_process(&self, workshop: &Workshop, board: &[&str]) -> Result<Cost, TaskError> {
        let command = qemu(workshop, board).arg("-kernel").arg(&self.kernel).arg("-initrd").arg(&self.initramfs);
        until(command.args(["-append", &self.words]), MARK).await
    }
}

/// By wall clock.
fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by(|one, other| one.wall.total_cmp(&other.wall));
    costs[costs.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::Boot;

    #[test]
    fn what_was_booted_is_read_from_the_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let line = "$ qemu -m 1 -kernel /k -initrd /i -append 'quiet a=b' -serial x\n";
        fs_err::write(folder.path().join("qemu.log"), line).expect("a file");
        let boot = Boot::of(folder.path()).expect("a command line");
        assert_eq!((boot.kernel.to_str(), boot.initramfs.to_str()), (Some("/k"), Some("/i")));
        assert_eq!(boot.words, "quiet a=b");
    }
}
