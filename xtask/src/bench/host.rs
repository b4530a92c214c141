//! Describes the measured machine: a time means nothing without it.

use crate::workspace::Workspace;

/// A sentence about processor, memory, kernel, load and the measured commit.
pub(super) async fn describe(workspace: &Workspace) -> String {
    let read = |path: &str| fs_err::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let model = field(&read("/proc/cpuinfo"), "model name");
    let kib: u64 = field(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0);
    let load = read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let system = read("/etc/os-release");
    let system =
        system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or_default().trim_matches('"');
    let commit = workspace.read(workspace.program("git").args(["rev-parse", "--short", "HEAD"])).await;
    format!(
        "{cpus} × {model}, {:.0} GB, {system}, Linux {kernel}; load at the start {load}; commit {}",
        kib as f64 / 1e6,
        commit.unwrap_or_default().trim(),
    )
}
