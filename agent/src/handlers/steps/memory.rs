//! Whether a program failed because there was no memory.
//!
//! A compiler that the kernel has ended says nothing, and `make` says `Error 1` or `Killed`. The kernel counts.

use vmbuild_protocol::{FailureKind, RequestFailure};

/// How many processes the kernel has ended for want of memory since it booted: this guest's own, or in a sandbox its
/// host's. Nothing where nobody counts. Source: proc(5), `oom_kill` in `/proc/vmstat`, since Linux 4.13.
pub(super) fn ended() -> Option<u64> {
    parse(&fs_err::read_to_string("/proc/vmstat").ok()?)
}

fn parse(table: &str) -> Option<u64> {
    table.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

/// The failure of a program before whose start so many processes had been ended.
pub(super) fn blamed(failure: RequestFailure, before: Option<u64>) -> RequestFailure {
    let since = |before: u64| ended()?.checked_sub(before);
    match before.and_then(since) {
        None | Some(0) => failure,
        Some(count) => {
            let processes = if count == 1 { "a process" } else { "processes" };
            let message = format!("the kernel ended {processes} for want of memory: {}", failure.message);
            RequestFailure { kind: FailureKind::NoMemory, message, ..failure }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{blamed, ended, parse};
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
    fn memory_is_blamed_if_processes_were_ended_meanwhile() {
        let Some(now) = ended() else { panic!("this kernel does not count") };
        assert_eq!(blamed(failure(), None), failure());
        assert_eq!(blamed(failure(), Some(u64::MAX)), failure());
        if let Some(before) = now.checked_sub(1) {
            let blamed = blamed(failure(), Some(before));
            assert_eq!((blamed.kind, blamed.step), (FailureKind::NoMemory, Some(4)));
            assert!(blamed.message.starts_with("the kernel ended "), "{}", blamed.message);
            assert!(blamed.message.ends_with("for want of memory: `make` exited with 2"), "{}", blamed.message);
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
                // Version 2: without it, swap takes what memory does not.
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
        let failure = build(&request, steps).await.expect_err("it is ended");
        assert_eq!(failure.kind, FailureKind::NoMemory, "{}", failure.message);
        assert!(failure.message.ends_with("exited with 2"), "{}", failure.message);
    }
}
