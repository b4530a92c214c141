//! Installing packages with the guest's own package manager.

use super::packages::{self, PATH};
use crate::exec::run_program;
use crate::request::{Request, failure};
use std::time::Duration;
use vmbuild_protocol::{
    CommandLine, Exited, Failure, FailureKind, OutputStream, Package, PackageManager, PackageTrouble, Provision,
};

/// How long one of the commands may take: a slow mirror and an emulated processor together.
const LIMIT: Duration = Duration::from_hours(2);

/// Installs what is missing and returns everything that is installed then.
pub async fn provision(request: &Request, provision: Provision) -> Result<Vec<Package>, Failure> {
    check(&provision)?;
    if !provision.packages.is_empty() {
        for argv in commands(&provision, may_become_others()) {
            persist(request, &argv, provision.epoch).await?;
        }
    }
    packages::list(provision.manager, &request.cancel).await
}

fn check(provision: &Provision) -> Result<(), Failure> {
    let invalid = |text| Err(failure(FailureKind::Invalid, text));
    if let Some(name) = provision.packages.iter().find(|name| !is_package_name(name)) {
        return invalid(format!("`{name}` is not the name of a package"));
    }
    if let Some(path) = provision.sources.as_deref().filter(|path| !path.starts_with('/')) {
        return invalid(format!("`{path}` is not an absolute path"));
    }
    match provision.snapshot.as_deref().filter(|name| !name.chars().all(|c| c.is_ascii_alphanumeric())) {
        Some(name) => invalid(format!("`{name}` is not the name of a snapshot")),
        None => Ok(()),
    }
}

/// Names, and Debian's `name=version` and `name:arch`. A leading dash would be an option.
fn is_package_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+-._=:~^".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(allowed)
}

fn commands(provision: &Provision, sandbox_user: SandboxUser) -> Vec<Vec<String>> {
    match provision.manager {
        PackageManager::Apt => apt(provision, sandbox_user),
        PackageManager::Dnf => dnf(&provision.packages),
    }
}

/// Whether apt can become its download user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SandboxUser {
    Available,
    /// A user namespace that does not map that user: apt stays root.
    Missing,
}

fn may_become_others() -> SandboxUser {
    let map = fs_err::read_to_string("/proc/self/uid_map").unwrap_or_default();
    if is_full_map(&map) { SandboxUser::Available } else { SandboxUser::Missing }
}

/// The first user namespace maps every number onto itself: `0 0 4294967295`.
fn is_full_map(map: &str) -> bool {
    map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

fn apt(provision: &Provision, user: SandboxUser) -> Vec<Vec<String>> {
    // Waiting for dpkg's lock is apt's own; the lists' lock it gives up on at once, so that is tried again here.
    let mut apt_get =
        ["apt-get", "-y", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300"].map(str::to_owned).to_vec();
    // A machine that loses power while it installs packages is made anew, so dpkg need not wait for the disk.
    apt_get.extend(["-o", "Dpkg::Options::=--force-unsafe-io"].map(str::to_owned));
    let mut option = |text: String| apt_get.extend(["-o".to_owned(), text]);
    if user == SandboxUser::Missing {
        option("APT::Sandbox::User=root".to_owned());
    }
    if let Some(list) = &provision.sources {
        option(format!("Dir::Etc::SourceList={list}"));
        option("Dir::Etc::SourceParts=/dev/null".to_owned());
    }
    if let Some(snapshot) = &provision.snapshot {
        option(format!("APT::Snapshot={snapshot}"));
    }
    let with =
        |more: &[&str]| apt_get.iter().cloned().chain(more.iter().map(|&word| word.to_owned())).collect::<Vec<_>>();
    let mut install = with(&["install", "--no-install-recommends"]);
    if provision.packages.iter().any(|name| name.contains('=')) {
        // A version that was asked for may be older than the one the base image carries.
        install.push("--allow-downgrades".to_owned());
    }
    install.extend_from_slice(&provision.packages);
    let lists = ["find", "/var/lib/apt/lists", "-type", "f", "-delete"].map(str::to_owned).to_vec();
    // `Error-Mode=any`: without it a mirror that is down is a warning, and stale lists are used.
    vec![with(&["update", "-o", "APT::Update::Error-Mode=any"]), install, with(&["clean"]), lists]
}

fn dnf(packages: &[String]) -> Vec<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let mut install = words(&["dnf", "-y", "install", "--setopt=install_weak_deps=False"]);
    install.extend_from_slice(packages);
    vec![install, words(&["dnf", "clean", "all"])]
}

/// Runs one of the commands, again when its failure is of a kind that passes. The host reads why in the output.
async fn persist(request: &Request, argv: &[String], epoch: Option<u64>) -> Result<(), Failure> {
    let mut attempts = 0;
    loop {
        let Err(failed) = run(request, argv, epoch).await else { return Ok(()) };
        let trouble = PackageTrouble::of(&failed.tail);
        attempts += 1;
        let Some(pause) = trouble.pause(attempts).filter(|_| failed.kind == FailureKind::ProgramFailed) else {
            return Err(failed);
        };
        let why = format!("{}: trying again in {} s\n", trouble.reason(), pause.as_secs());
        request.output(OutputStream::Stderr, why.as_bytes()).await;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = request.cancel.cancelled() => return Err(failure(FailureKind::Cancelled, "installing was cancelled")),
        }
    }
}

async fn run(request: &Request, argv: &[String], epoch: Option<u64>) -> Result<(), Failure> {
    let line = argv.join(" ");
    let env = [("DEBIAN_FRONTEND", "noninteractive"), ("LC_ALL", "C.UTF-8"), ("PATH", PATH)];
    let mut env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    env.extend(epoch.map(|seconds| ("SOURCE_DATE_EPOCH".to_owned(), seconds.to_string())));
    let command = CommandLine { argv: argv.to_vec(), env, cwd: "/".to_owned() };
    let (exited, tail) = run_program(request, &command, Some(LIMIT), &mut |_, _| {}).await?;
    let ended = match exited {
        Exited::Code(0) => return Ok(()),
        Exited::Code(code) => format!("exited with {code}"),
        Exited::Signal(signal) => format!("was ended by signal {signal}"),
    };
    let message = format!("`{line}` {ended}");
    Err(Failure { kind: FailureKind::ProgramFailed, message, step: None, tail: tail.text() })
}

#[cfg(test)]
mod tests {
    use super::{SandboxUser, commands, is_full_map, is_package_name, provision};
    use crate::handlers::testing::request;
    use vmbuild_protocol::{FailureKind, PackageManager, Provision};

    fn of(manager: PackageManager, packages: &[&str]) -> Provision {
        let packages = packages.iter().map(|&name| name.to_owned()).collect();
        Provision { manager, packages, sources: None, snapshot: None, epoch: None }
    }

    fn lines(manager: PackageManager, user: SandboxUser) -> String {
        let commands = commands(&of(manager, &["gcc", "libssl-dev=3.0"]), user);
        commands.iter().map(|argv| argv.join(" ")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_commands_are_these() {
        insta::assert_snapshot!(lines(PackageManager::Apt, SandboxUser::Available), @r"
        apt-get -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-unsafe-io update -o APT::Update::Error-Mode=any
        apt-get -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-unsafe-io install --no-install-recommends --allow-downgrades gcc libssl-dev=3.0
        apt-get -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-unsafe-io clean
        find /var/lib/apt/lists -type f -delete
        ");
        let as_root = lines(PackageManager::Apt, SandboxUser::Missing);
        assert_eq!(as_root.matches("-o APT::Sandbox::User=root").count(), 3, "{as_root}");
        insta::assert_snapshot!(lines(PackageManager::Dnf, SandboxUser::Missing), @r"
        dnf -y install --setopt=install_weak_deps=False gcc libssl-dev=3.0
        dnf clean all
        ");
    }

    #[test]
    fn other_archives_and_a_snapshot_are_options() {
        let sources = Some("/run/list".to_owned());
        let wish =
            Provision { sources, snapshot: Some("20260705T000000Z".to_owned()), ..of(PackageManager::Apt, &["a"]) };
        let commands = commands(&wish, SandboxUser::Available);
        let options =
            "-o Dir::Etc::SourceList=/run/list -o Dir::Etc::SourceParts=/dev/null -o APT::Snapshot=20260705T000000Z";
        for argv in &commands[..2] {
            assert!(argv.join(" ").contains(options), "{argv:?}");
        }
        assert!(!commands[1].contains(&"--allow-downgrades".to_owned()));
    }

    #[test]
    fn an_option_is_no_package() {
        for good in ["gcc", "libstdc++6", "libssl-dev=3.0.15-1~deb12u1", "zlib1g:amd64", "7zip"] {
            assert!(is_package_name(good), "{good}");
        }
        for bad in ["", "--allow-downgrades", "a b", "a;b", "/tmp/x.deb", "+x"] {
            assert!(!is_package_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_user_namespace_shows_in_its_map() {
        assert!(is_full_map("         0          0 4294967295\n"));
        assert!(!is_full_map("         0       1000          1\n"));
        assert!(!is_full_map("0 100000 65536\n"));
        assert!(!is_full_map(""));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn nothing_to_install_lists_what_there_is() {
        let (request, _heard) = request();
        let nothing = of(PackageManager::Apt, &[]);
        match provision(&request, nothing).await {
            Ok(packages) => assert!(packages.iter().any(|package| package.name == "dpkg"), "{packages:?}"),
            Err(failure) => println!("skipped: no dpkg here: {}", failure.message),
        }
        let apt = || of(PackageManager::Apt, &[]);
        let bad = [
            of(PackageManager::Apt, &["-o"]),
            Provision { sources: Some("here".to_owned()), ..apt() },
            Provision { snapshot: Some("no such".to_owned()), ..apt() },
        ];
        for bad in bad {
            assert_eq!(provision(&request, bad).await.unwrap_err().kind, FailureKind::Invalid);
        }
    }
}
