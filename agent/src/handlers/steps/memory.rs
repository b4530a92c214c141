//! Detection of programs that failed because the guest ran out of memory.
//!
//! A compiler that the kernel has killed prints nothing, and `make` prints `Error 1` or `Killed`. The kernel counts its
//! OOM kills.

use vmbuild_protocol::{FailureKind, RequestFailure};

/// How many processes the kernel has OOM-killed since it booted: the guest's own kernel, or in a sandbox the host's. None
/// where the kernel does not count. Source: proc(5), `oom_kill` in `/proc/vmstat`, since Linux 4.13.
pub(super) fn oom_kills() -> Option<u64> {
    parse(&fs_err::read_to_string("/proc/vmstat").ok()?)
}

fn parse(table: &str) -> Option<u64> {
    table.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

/// Marks the failure of a program as one for lack of memory, if there have been OOM kills since `before`.
pub(super) fn blame_memory(failure: RequestFailure, before: Option<u64>) -> RequestFailure {
    let since = |before: u64| oom_kills()?.checked_sub(before);
    match before.and_then(since) {
        None | Some(0) => failure,
        Some(count) => {
            let processes = if count == 1 { "process" } else { "processes" };
            let message = format!("the kernel OOM-killed {count} {processes}: {}", failure.message);
            RequestFailure { kind: FailureKind::NoMemory, message, ..failure }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{blame_memory, oom_kills, parse};
    use crate::handlers::steps::build;
    use crate::testing::request;
    use std::path::{Path, PathBuf};
    use vmbuild_protocol::{Action, CommandLine, FailureKind, RequestFailure, Step, Steps, Watch};

    fn failure() -> RequestFailure {
        let message = "`make` exited with 2".to_owned();
        RequestFailure { kind: FailureKind::ProgramFailed, message, step: Some(4), tail: "Killed".to_owned() }
    }

    #[test]
    fn the_kernels_count_is_read() {
        assert_eq!(parse("pgfault 7\noom_kill 16\nnuma_hit 1\n"), Some(16));
        assert_eq!(parse("pgfault 7\n"), None);
    }

    #[test]
    fn memory_is_blamed_if_processes_were_killed_meanwhile() {
        let Some(now) = oom_kills() else { panic!("this kernel does not count") };
        assert_eq!(blame_memory(failure(), None), failure());
        assert_eq!(blame_memory(failure(), Some(u64::MAX)), failure());
        if let Some(before) = now.checked_sub(1) {
            let blamed = blame_memory(failure(), Some(before));
            assert_eq!((blamed.kind, blamed.step), (FailureKind::NoMemory, Some(4)));
            assert!(blamed.message.starts_with("the kernel OOM-killed "), "{}", blamed.message);
            assert!(blamed.message.ends_with(": `make` exited with 2"), "{}", blamed.message);
        }
    }

    /// A control group whose processes get 16 MB together.
    struct NarrowGroup(PathBuf);

    impl NarrowGroup {
        /// None where this user cannot make one.
        fn make() -> Option<Self> {
            let made =
                [("memory/", "memory.limit_in_bytes"), ("", "memory.max")].into_iter().find_map(|(folder, limit)| {
                    let group =
                        Path::new("/sys/fs/cgroup").join(format!("{folder}vmbuild-test-{}", std::process::id()));
                    fs_err::create_dir(&group).ok()?;
                    let made = Self(group);
                    fs_err::write(made.0.join(limit), "16777216").ok().map(|()| made)
                });
            if let Some(Self(group)) = &made {
                // Version 2: without it, the rest goes to swap.
                let _ = fs_err::write(group.join("memory.swap.max"), "0");
                let _ = fs_err::write(group.join("memory.swappiness"), "0");
            }
            made
        }
    }

    impl Drop for NarrowGroup {
        fn drop(&mut self) {
            let _ = fs_err::remove_dir(&self.0);
        }
    }

    /// `tail` keeps what it reads until a line ends, which never happens.
    #[tokio::test(flavor = "current_thread")]
    async fn a_program_that_takes_all_memory_is_found_out() {
        let Some(narrow) = NarrowGroup::make() else {
            eprintln!("skipped: this user can make no control group with a memory limit");
            return;
        };
        let script = format!("sh -c 'echo $$ > {}/cgroup.procs; exec tail /dev/zero' || exit 2", narrow.0.display());
        let argv = ["sh", "-c", &script].map(str::to_owned).to_vec();
        let command = CommandLine { argv, env: Vec::new(), cwd: "/".to_owned() };
        let action = Action::Run { command, timeout_ms: 60_000, watch: Watch::LastLine };
        let (request, _heard) = request();
        let steps = Steps { steps: vec![Step { name: "greedy".to_owned(), action }] };
        let failure = build(&request, steps).await.expect_err("it is killed");
        assert_eq!(failure.kind, FailureKind::NoMemory, "{}", failure.message);
        assert!(failure.message.ends_with("exited with 2"), "{}", failure.message);
    }
}
