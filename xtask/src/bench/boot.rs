//! From QEMU's start to a ready agent, against a bare kernel that only reaches its first process.
//!
//! Wall-clock time says what people wait for, on a quiet machine; QEMU's processor time says what it costs, on any.

use super::machine::{Program, describe};
use crate::workshop::{TaskError, Workshop, say};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use vmbuild_supervise::{Child, Command};

const NAME: &str = "bench-boot";
const ROUNDS: usize = 5;
/// What the agent's lines on the console begin with.
const MARK: &str = "vmbuild-agent: ";

/// Seconds: wall clock, and QEMU's processor time.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Cost {
    wall: f64,
    processor: f64,
}

pub(super) async fn run(workshop: &Workshop) -> Result<(), TaskError> {
    let program = Program::build(workshop).await?;
    say(&format!("{}\n", describe(workshop).await?));
    let (mut ready, mut runs, mut boot) = (Vec::new(), Vec::new(), None);
    for _ in 0..ROUNDS {
        ready.push(up(workshop, &program).await?);
        boot = Some(Boot::of(&program.store.join("machines").join(NAME))?);
        for _ in 0..4 {
            let since = Instant::now();
            workshop.read(program.command(workshop, &["exec", "--name", NAME, "--", "true"])).await?;
            runs.push(Cost { wall: since.elapsed().as_secs_f64(), processor: 0.0 });
        }
        program.destroy(workshop, NAME).await;
    }
    let boot = boot.ok_or(TaskError::Silent("vmbuild up"))?;
    let (mut floor, mut micro) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        floor.push(boot.first_process(workshop, &["-machine", "q35,vmport=off,sata=off,smbus=off,hpet=off"]).await?);
        micro.push(boot.first_process(workshop, &["-machine", "microvm"]).await?);
    }
    let floor = median(floor);
    say("| what | seconds | processor seconds | of the floor |\n|---|---|---|---|");
    let machine = [("bare kernel to its first process, q35: the floor", floor), ("the same, microvm", median(micro))];
    for (what, cost) in machine.into_iter().chain([("`vmbuild up`, agent ready", median(ready))]) {
        let Cost { wall, processor } = cost;
        say(&format!("| {what} | {wall:.2} | {processor:.2} | {:.2} |", processor / floor.processor));
    }
    say(&format!("| `vmbuild exec -- true` | {:.3} | - | - |", median(runs).wall));
    Ok(())
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

/// A process's time in user and kernel mode. Source: proc(5), `/proc/<pid>/stat`, fields 14 and 15, in ticks of 10 ms.
fn processor_seconds(pid: u64) -> Result<f64, TaskError> {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat"))?;
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = rest.split_ascii_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok());
    Ok(f64::from(ticks.sum::<u32>()) / 100.0)
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
        let fixed = ["-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "qemu64", "-m", "512M", "-nodefaults"];
        let silent = ["-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"];
        let command = workshop.program("qemu-system-x86_64").args(board).args(fixed).args(silent);
        let command = command.arg("-kernel").arg(&self.kernel).arg("-initrd").arg(&self.initramfs);
        let since = Instant::now();
        let mut child = console(command.args(["-append", &self.words]))?;
        let spoke = until_first_words(&mut child).await;
        let cost = child.id().map(|pid| processor_seconds(u64::from(pid)));
        let wall = since.elapsed().as_secs_f64();
        child.shutdown().await;
        match (spoke, cost) {
            (true, Some(processor)) => Ok(Cost { wall, processor: processor? }),
            _ => Err(TaskError::Silent("qemu-system-x86_64")),
        }
    }
}

fn console(command: Command) -> Result<Child, TaskError> {
    Ok(command.stderr(std::process::Stdio::inherit()).spawn()?)
}

async fn until_first_words(child: &mut Child) -> bool {
    let Some(console) = child.take_stdout() else { return false };
    let mut lines = BufReader::new(console).split(b'\n');
    let speaking = async {
        while let Ok(Some(line)) = lines.next_segment().await {
            if String::from_utf8_lossy(&line).contains(MARK) {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(Duration::from_mins(2), speaking).await.unwrap_or(false)
}

/// By wall clock.
fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by(|one, other| one.wall.total_cmp(&other.wall));
    costs[costs.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::{Boot, processor_seconds};

    #[test]
    fn what_was_booted_is_read_from_the_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let line = "$ qemu -m 1 -kernel /k -initrd /i -append 'quiet a=b' -serial x\n";
        fs_err::write(folder.path().join("qemu.log"), line).expect("a file");
        let boot = Boot::of(folder.path()).expect("a command line");
        assert_eq!((boot.kernel.to_str(), boot.initramfs.to_str()), (Some("/k"), Some("/i")));
        assert_eq!(boot.words, "quiet a=b");
    }

    #[test]
    fn processor_time_is_counted() {
        assert!(processor_seconds(std::process::id().into()).expect("it is ours") >= 0.0);
        assert!(processor_seconds(u64::from(u32::MAX)).is_err());
    }
}
