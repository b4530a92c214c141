//! `cargo xtask bench build`: CPython's own optimised build against vmbuild's, in one run, with the same packages on the
//! same processors, and both interpreters against each other.
//!
//! The plain build follows CPython's documentation, in a machine that has every package already. vmbuild's times
//! are those of the whole command: machine, copying, packing, and the checks in a second machine included.

mod memory;
mod plain;
mod speed;
mod usage;

use super::host;
use super::machine::{BenchProgram, CompiledProgram};
use crate::workspace::{TaskError, Workspace, say};
use memory::MemoryWatch;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use usage::ProcessorUsage;

const IMAGE: &str = "debian-12";

/// Cost of a build.
struct BuildCost {
    what: String,
    wall: Duration,
    /// Seconds of all processors together.
    processors: f64,
    /// Peak memory of the machine's processes.
    peak: u64,
    /// Size of the output in bytes, compressed by vmbuild's packer where there is one.
    bytes: Option<u64>,
    /// Seconds by stage.
    stages: String,
}

/// Everything that a part of this measurement uses.
struct BuildBench<'a> {
    workspace: &'a Workspace,
    program: BenchProgram,
    version: String,
    folder: PathBuf,
    name: String,
    /// The machine, before anything was measured.
    machine: String,
}

/// Measures the cost of building, then the interpreters' speed; prints both and writes them to
/// `target/bench/build`.
pub(crate) async fn run(workspace: &Workspace, version: &str, rounds: usize) -> Result<(), TaskError> {
    let bench = BuildBench::of(workspace, version).await?;
    if bench.folder.exists() {
        fs_err::remove_dir_all(&bench.folder)?;
    }
    fs_err::create_dir_all(&bench.folder)?;
    let report = bench.in_machine(bench.costs()).await?;
    bench.publish("build.md", &report)?;
    speed::run(&bench, None, rounds).await
}

/// Measures the interpreters that an earlier [`run`] left, or the artifact against the tree in a tarball.
pub(crate) async fn speed(
    workspace: &Workspace,
    version: &str,
    against: Option<PathBuf>,
    rounds: usize,
) -> Result<(), TaskError> {
    speed::run(&BuildBench::of(workspace, version).await?, against, rounds).await
}

impl<'a> BuildBench<'a> {
    async fn of(workspace: &'a Workspace, version: &str) -> Result<Self, TaskError> {
        let program = BenchProgram::build(workspace, CompiledProgram::Release).await?;
        let folder = crate::agent::target_folder(workspace).await?.join("bench/build");
        let name = format!("bench-build-{}", std::process::id());
        let machine = host::describe(workspace).await;
        Ok(Self { workspace, program, version: version.to_owned(), folder, name, machine })
    }

    /// Does work that needs the machine.
    async fn in_machine(&self, work: impl Future<Output = Result<String, TaskError>>) -> Result<String, TaskError> {
        self.vmbuild(&["up", "--name", &self.name, "--image", IMAGE, "--backend", "sandbox"]).await?;
        let done = work.await;
        self.program.destroy(self.workspace, &self.name).await;
        done
    }

    fn publish(&self, file: &str, measured: &str) -> Result<(), TaskError> {
        let report = format!("{}\n\n{measured}", self.machine);
        let file = self.folder.join(file);
        fs_err::write(&file, &report)?;
        say(&format!("\n{report}\nin {}", file.display()));
        Ok(())
    }

    async fn costs(&self) -> Result<String, TaskError> {
        let source = self.source().await?;
        let plain = plain::measure(self, &source).await?;
        self.bring(plain::TARBALL, &self.folder.join(plain::FILE)).await?;
        say(&table(std::slice::from_ref(&plain)));
        let cold = self.build("cold", &["--train", "--no-cache"]).await?;
        let profile = self.newest_output("cold", "-profile.tar.zst")?;
        let profile = profile.to_string_lossy().into_owned();
        let given = self.build("given", &["--no-cache", "--profile-data", &profile]).await?;
        let again = self.build("given", &["--profile-data", &profile]).await?;
        let costs = [
            plain,
            BuildCost { what: "`vmbuild build --train --no-cache`".to_owned(), ..cold },
            BuildCost { what: "`vmbuild build --no-cache --profile-data FILE`".to_owned(), ..given },
            BuildCost { what: "the same again, without `--no-cache`".to_owned(), ..again },
        ];
        Ok(table(&costs))
    }

    /// The source archive, fetched and verified by vmbuild.
    async fn source(&self) -> Result<PathBuf, TaskError> {
        let plan = self.vmbuild(&["plan", &self.version, "--image", IMAGE, "--backend", "sandbox"]).await?;
        let plan: Value = serde_json::from_str(&plan).map_err(|_| TaskError::Silent("vmbuild plan"))?;
        let digest = plan["source_sha256"].as_str().or(plan["plan"]["source_sha256"].as_str());
        let slot = self.program.store.join("sources").join(digest.ok_or(TaskError::Silent("vmbuild plan"))?);
        let is_source =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("Python"));
        let mut files = fs_err::read_dir(slot)?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        files.find(is_source).ok_or(TaskError::Silent("vmbuild plan"))
    }

    async fn build(&self, into: &str, more: &[&str]) -> Result<BuildCost, TaskError> {
        let artifacts = self.folder.join(into).to_string_lossy().into_owned();
        let words = ["build", &self.version, "--image", IMAGE, "--backend", "sandbox", "--artifacts", &artifacts];
        let (watched, processors, since) = (MemoryWatch::start(), ProcessorUsage::now()?, Instant::now());
        self.vmbuild(&[&words[..], more].concat()).await?;
        let (wall, processors, peak) = (since.elapsed(), processors.since()?, watched.peak());
        let tarball = self.newest_output(into, ".tgz")?;
        let record = fs_err::read(format!("{}.build.json", tarball.display()))?;
        let record: Value = serde_json::from_slice(&record).map_err(|_| TaskError::Silent("the record"))?;
        let stages = if record["origin"] == "cache" { "taken from the cache".to_owned() } else { stages(&record) };
        let bytes = Some(fs_err::metadata(&tarball)?.len());
        Ok(BuildCost { what: String::new(), wall, processors, peak, bytes, stages })
    }

    /// The newest file with this ending among a build's artifacts.
    fn newest_output(&self, build: &str, ending: &str) -> Result<PathBuf, TaskError> {
        let all = fs_err::read_dir(self.folder.join(build))?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let mut fitting: Vec<PathBuf> = all.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
        fitting.sort();
        fitting.pop().ok_or(TaskError::Silent("vmbuild build"))
    }

    async fn vmbuild(&self, words: &[&str]) -> Result<String, TaskError> {
        say(&format!("$ vmbuild {}", words.join(" ")));
        self.workspace.read(self.program.command(self.workspace, words)).await
    }

    /// Runs a program in the machine.
    async fn inside(&self, words: &[&str]) -> Result<String, TaskError> {
        let words = [&["exec", &self.name, "--"], words].concat();
        self.workspace.read(self.program.command(self.workspace, &words)).await
    }

    /// Copies into the machine.
    async fn copy(&self, from: &Path, to: &str) -> Result<(), TaskError> {
        let (from, to) = (from.to_string_lossy(), format!("{}:{to}", self.name));
        self.workspace.read(self.program.command(self.workspace, &["cp", "-r", &from, &to])).await.map(drop)
    }

    /// Copies out of the machine.
    async fn bring(&self, from: &str, to: &Path) -> Result<(), TaskError> {
        let (from, to) = (format!("{}:{from}", self.name), to.to_string_lossy());
        self.workspace.read(self.program.command(self.workspace, &["cp", &from, &to])).await.map(drop)
    }
}

/// The stages that took a second or more.
fn stages(record: &Value) -> String {
    let stages = record["measured"]["stage_seconds"].as_object();
    let stages = stages.into_iter().flatten().filter_map(|(name, seconds)| Some((name, seconds.as_f64()?)));
    let long = stages.filter(|(_, seconds)| *seconds >= 1.0).map(|(name, seconds)| format!("{name} {seconds:.0}"));
    let checks = record["validation_seconds"].as_f64().map(|seconds| format!("checks {seconds:.0}"));
    long.chain(checks).collect::<Vec<_>>().join(", ")
}

fn table(costs: &[BuildCost]) -> String {
    let first = costs.first().map_or(1.0, |cost| cost.wall.as_secs_f64());
    let line = |cost: &BuildCost| {
        let wall = cost.wall.as_secs_f64();
        format!(
            "| {} | {wall:.1} s | {:.2} | {:.0} s | {:.0} MB | {} | {} |\n",
            cost.what,
            wall / first,
            cost.processors,
            cost.peak as f64 / 1e6,
            cost.bytes.map(|bytes| format!("{:.1} MB", bytes as f64 / 1e6)).unwrap_or_default(),
            cost.stages,
        )
    };
    let lines: Vec<String> = costs.iter().map(line).collect();
    let head = "| what | wall | of plain | processors | peak memory | size | seconds by stage |\n|---|---:|---:|---:|---:|---:|---|\n";
    format!("{head}{}", lines.concat())
}

#[cfg(test)]
mod tests {
    use super::{BuildCost, stages, table};
    use insta::assert_snapshot;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn short_stages_are_left_out() {
        let record =
            json!({"measured": {"stage_seconds": {"configure": 21.4, "rules": 0.1}}, "validation_seconds": 4.2});
        assert_eq!(stages(&record), "configure 21, checks 4");
    }

    #[test]
    fn costs_are_set_against_the_first() {
        let cost = |what: &str, seconds, bytes| BuildCost {
            what: what.to_owned(),
            wall: Duration::from_secs(seconds),
            processors: 10.0,
            peak: 2_000_000,
            bytes,
            stages: "make 9".to_owned(),
        };
        assert_snapshot!(table(&[cost("plain", 900, None), cost("vmbuild", 300, Some(50_000_000))]), @r"
        | what | wall | of plain | processors | peak memory | size | seconds by stage |
        |---|---:|---:|---:|---:|---:|---|
        | plain | 900.0 s | 1.00 | 10 s | 2 MB |  | make 9 |
        | vmbuild | 300.0 s | 0.33 | 10 s | 2 MB | 50.0 MB | make 9 |
        ");
    }
}
