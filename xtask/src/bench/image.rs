//! `cargo xtask bench image`: every step from nothing to golden machines, their exports, and the same packages by
//! mmdebstrap alone and by mkosi. One run, one store, one after the other.

use super::host;
use super::table::{TableRow, markdown};
use crate::agent;
use crate::workspace::{TaskError, Workspace, say};
use serde_json::Value;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use vmbuild_supervise::Command;

const IMAGE: &str = "debian-12";

/// Formats and compressions to export.
const EXPORTS: [(&str, &str); 7] = [
    ("raw", "none"),
    ("qcow2", "none"),
    ("qcow2", "zstd"),
    ("rootfs-tar", "none"),
    ("rootfs-tar", "zstd"),
    ("oci", "gzip"),
    ("vagrant-box", "gzip"),
];

/// Tools and results of the measurement.
struct ImageBench<'a> {
    workspace: &'a Workspace,
    vmbuild: PathBuf,
    agent: PathBuf,
    folder: PathBuf,
    rows: Vec<TableRow>,
}

/// Measures, prints the table and writes it to `target/bench/image.md`.
pub(crate) async fn run(workspace: &Workspace) -> Result<(), TaskError> {
    let agent = agent::build(workspace).await?;
    workspace.show(workspace.cargo().args(["build", "--release", "--package", "vmbuild"])).await?;
    let target = agent::target_folder(workspace).await?;
    let folder = target.join("bench");
    fs_err::create_dir_all(&folder)?;
    let machine = host::describe(workspace).await;
    let mut bench = ImageBench { workspace, vmbuild: target.join("release/vmbuild"), agent, folder, rows: Vec::new() };
    // What an earlier run left belongs to a namespace's users: vmbuild itself removes it.
    workspace.show(bench.vmbuild(&["clean", "--all"])).await?;
    bench.golden().await?;
    bench.exports().await?;
    bench.others().await?;
    let report = format!("{machine}\n\n{}", markdown(&bench.rows));
    let file = bench.folder.join("image.md");
    fs_err::write(&file, &report)?;
    say(&format!("\n{report}\nin {}", file.display()));
    Ok(())
}

impl ImageBench<'_> {
    fn vmbuild(&self, words: &[&str]) -> Command {
        let command = self.workspace.program(&self.vmbuild).args(words);
        command.env("VMBUILD_HOME", self.folder.join("store")).env("VMBUILD_AGENT", &self.agent)
    }

    /// Runs vmbuild, and returns its JSON lines and how long it took.
    async fn timed(&self, words: &[&str]) -> Result<(Vec<Value>, Duration), TaskError> {
        say(&format!("$ vmbuild {}", words.join(" ")));
        let since = Instant::now();
        let said = self.workspace.read(self.vmbuild(&[&["--json"], words].concat())).await?;
        let took = since.elapsed();
        let lines = said.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        Ok((lines.map_err(|_| TaskError::Silent("vmbuild --json"))?, took))
    }

    async fn golden(&mut self) -> Result<(), TaskError> {
        let (lines, took) = self.timed(&["image", "build", IMAGE, "--disk"]).await?;
        self.rows.push(TableRow::new(format!("`vmbuild image build {IMAGE} --disk`, from nothing")).took(took));
        let mut abouts = lines.iter().filter(|line| line["event"] == "started");
        let mut about = |phase: &Value| {
            let found = abouts.find(|line| line["phase"] == *phase);
            found.and_then(|line| line["about"].as_str()).unwrap_or_default().to_owned()
        };
        let finished = lines.iter().filter(|line| line["event"] == "finished");
        let steps = finished.map(|line| {
            let phase = &line["phase"];
            let seconds = Duration::from_secs_f64(line["seconds"].as_f64().unwrap_or_default());
            // Without the archive's address: the table may be published.
            let about = about(phase);
            let about = about.split(" from ").next().and_then(|about| about.split(" at ").next());
            TableRow::new(format!("· {}", phase["phase"].as_str().unwrap_or_default()))
                .took(seconds)
                .remark(about.unwrap_or_default())
        });
        self.rows.extend(steps.collect::<Vec<_>>());
        let (_, again) = self.timed(&["image", "build", IMAGE, "--disk"]).await?;
        self.rows.push(TableRow::new("the same again").took(again));
        let (_, verify) = self.timed(&["image", "verify", IMAGE]).await?;
        self.rows.push(TableRow::new("`vmbuild image verify`").took(verify));
        self.sizes(&lines)
    }

    /// Adds the sizes of files in the store.
    fn sizes(&mut self, lines: &[Value]) -> Result<(), TaskError> {
        let document = document(lines)?;
        let path = |value: &Value| PathBuf::from(value.as_str().unwrap_or_default());
        for golden in document["golden"].as_array().into_iter().flatten() {
            let role = golden["role"].as_str().unwrap_or_default();
            let layer = path(&golden["tree"][0]);
            self.rows.push(TableRow::new(format!("{role}: uppermost layer of the tree")).bytes(on_disk(&layer)));
            self.rows.push(TableRow::new(format!("{role}: disk")).bytes(on_disk(&path(&golden["disk"]["path"]))));
        }
        let disk = &document["golden"][0]["disk"];
        self.rows.push(TableRow::new("kernel").bytes(on_disk(&path(&disk["kernel"]))));
        self.rows.push(TableRow::new("initramfs with the agent").bytes(on_disk(&path(&disk["initramfs"]))));
        Ok(())
    }

    async fn exports(&mut self) -> Result<(), TaskError> {
        let output = self.folder.join("export");
        for (format, compress) in EXPORTS {
            if output.is_dir() {
                fs_err::remove_dir_all(&output)?;
            } else if output.exists() {
                fs_err::remove_file(&output)?;
            }
            let path = output.to_string_lossy().into_owned();
            let words = ["--format", format, "--compress", compress, "--role", "build", "--output", &path];
            let (_, took) = self.timed(&[&["image", "export", IMAGE], &words[..]].concat()).await?;
            let row = TableRow::new(format!("export {format}, {compress}")).took(took).bytes(on_disk(&output));
            self.rows.push(row.remark("role build"));
        }
        Ok(())
    }

    /// Builds the same packages from the same archive with other tools.
    async fn others(&mut self) -> Result<(), TaskError> {
        let (lines, _) = self.timed(&["image", "show", IMAGE]).await?;
        let shown = document(&lines)?;
        let archive = shown["here"]["golden"][0]["archive"].as_str().unwrap_or_default().to_owned();
        let suite = shown["description"]["source"]["suite"].as_str().unwrap_or_default().to_owned();
        let list = |purpose: &str| -> Vec<String> {
            let names = shown["packages"][purpose].as_array().into_iter().flatten();
            names.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let runtime = list("runtime");
        let all = [runtime.clone(), list("toolchain"), list("cpython")].concat();
        for (what, packages) in [("clean", &runtime), ("build", &all)] {
            let tar = self.folder.join("mmdebstrap.tar");
            let include = format!("--include={}", packages.join(","));
            let words = ["--variant=apt", "--aptopt=APT::Install-Recommends \"false\"", &include, &suite];
            let command = self.workspace.program("mmdebstrap").args(words).arg(&tar).arg(&archive);
            let name = format!("mmdebstrap alone, to a tar archive: {what}'s packages");
            self.other(name, command, &tar).await?;
        }
        let tree = self.folder.join("mkosi");
        let words = ["--distribution=debian", "--format=directory", "--bootable=no", "--force"];
        let command = self.workspace.program("mkosi").args(words).arg(format!("--release={suite}"));
        let command = command.arg(format!("--mirror={archive}")).arg(format!("--output-dir={}", tree.display()));
        let command = command.arg(format!("--package={}", runtime.join(","))).arg("build");
        self.other("mkosi, to a folder: clean's packages".to_owned(), command, &tree).await
    }

    /// Runs another tool: its time and output size, or its last line of output.
    async fn other(&mut self, what: String, command: Command, made: &Path) -> Result<(), TaskError> {
        if made.is_file() {
            fs_err::remove_file(made)?;
        } else if made.is_dir() {
            fs_err::remove_dir_all(made)?;
        }
        say(&format!("$ {}", command.line()));
        let since = Instant::now();
        self.rows.push(match self.workspace.read(command).await {
            Ok(_) => TableRow::new(what).took(since.elapsed()).bytes(on_disk(made)),
            Err(TaskError::Run(vmbuild_supervise::RunError::NotStarted { .. })) => {
                TableRow::new(what).remark("not installed")
            }
            Err(error) => {
                let text = error.to_string();
                TableRow::new(what).remark(format!("did not run: {}", text.lines().last().unwrap_or_default().trim()))
            }
        });
        Ok(())
    }
}

/// Finds the document among the events.
fn document(lines: &[Value]) -> Result<&Value, TaskError> {
    lines.iter().find(|line| line["schema"] == 1).ok_or(TaskError::Silent("vmbuild --json"))
}

/// Bytes that a file or tree takes on disk.
fn on_disk(path: &Path) -> u64 {
    let Ok(metadata) = path.symlink_metadata() else { return 0 };
    let below = metadata.is_dir().then(|| fs_err::read_dir(path).into_iter().flatten().flatten());
    metadata.blocks() * 512 + below.into_iter().flatten().map(|entry| on_disk(&entry.path())).sum::<u64>()
}
