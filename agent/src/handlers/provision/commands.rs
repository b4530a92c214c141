//! The package manager's command lines.

use super::snapshot;
use vmbuild_protocol::{PackageManager, Provision, Stage};

/// Weak dependencies are what apt calls recommended.
const DNF_INSTALL: [&str; 4] = ["dnf", "-y", "install", "--setopt=install_weak_deps=False"];

/// The commands of a provision.
pub(super) fn commands(provision: &Provision, user: SandboxUser) -> Vec<Vec<String>> {
    match provision.manager {
        PackageManager::Apt => AptCommands::new(provision, user).commands(provision.stage),
        PackageManager::Dnf => dnf(provision),
    }
}

/// The user that apt downloads as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SandboxUser {
    Available,
    /// A user namespace that does not map that user: apt stays root.
    Missing,
}

pub(super) fn sandbox_user() -> SandboxUser {
    let map = fs_err::read_to_string("/proc/self/uid_map").unwrap_or_default();
    if is_full_map(&map) { SandboxUser::Available } else { SandboxUser::Missing }
}

/// The first user namespace maps every number onto itself: `0 0 4294967295`.
fn is_full_map(map: &str) -> bool {
    map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

/// `apt-get` with the options of one provision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AptCommands {
    options: Vec<String>,
    packages: Vec<String>,
}

impl AptCommands {
    pub(super) fn new(provision: &Provision, user: SandboxUser) -> Self {
        // apt itself waits for dpkg's lock; at the lists' lock it gives up immediately, so the command is retried here.
        let mut options = ["-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300"].map(str::to_owned).to_vec();
        // A machine that loses power while it installs packages is made anew, so dpkg need not wait for the disk.
        options.extend(["-o", "Dpkg::Options::=--force-unsafe-io"].map(str::to_owned));
        let mut option = |text: String| options.extend(["-o".to_owned(), text]);
        if user == SandboxUser::Missing {
            option("APT::Sandbox::User=root".to_owned());
        }
        if let Some(list) = &provision.sources {
            option(format!("Dir::Etc::SourceList={list}"));
            option("Dir::Etc::SourceParts=/dev/null".to_owned());
        }
        if let Some(snapshot) = &provision.snapshot {
            option(format!("APT::Snapshot={snapshot}"));
            if provision.sources.is_none() {
                option(format!("Dir::Etc::SourceList={}", snapshot::LIST));
            }
        }
        Self { options, packages: provision.packages.clone() }
    }

    /// Updates the package lists. `Error-Mode=any`: without it a mirror that is down is a warning, and stale lists are used.
    pub(super) fn update(&self) -> Vec<String> {
        self.args(&["-y"], &["update", "-o", "APT::Update::Error-Mode=any"])
    }

    /// Prints the packages that would be installed.
    pub(super) fn simulate(&self) -> Vec<String> {
        self.install(&["-s", "-q"])
    }

    fn commands(&self, stage: Stage) -> Vec<Vec<String>> {
        match stage {
            Stage::Whole => {
                let lists = ["find", "/var/lib/apt/lists", "-type", "f", "-delete"].map(str::to_owned).to_vec();
                vec![self.update(), self.install(&["-y"]), self.args(&["-y"], &["clean"]), lists]
            }
            Stage::Install => vec![self.install(&["-y"])],
            Stage::Download => vec![self.install(&["-y", "--download-only"])],
        }
    }

    fn install(&self, flags: &[&str]) -> Vec<String> {
        let mut install = self.args(flags, &["install", "--no-install-recommends"]);
        if self.packages.iter().any(|name| name.contains('=')) {
            // A version that was asked for may be older than the one the base image carries.
            install.push("--allow-downgrades".to_owned());
        }
        install.extend_from_slice(&self.packages);
        install
    }

    fn args(&self, flags: &[&str], command: &[&str]) -> Vec<String> {
        let own = |args: &[&str]| args.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        [own(&["apt-get"]), own(flags), self.options.clone(), own(command)].concat()
    }
}

fn dnf(provision: &Provision) -> Vec<Vec<String>> {
    let args = |args: &[&str]| args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>();
    let install = |flags: &[&str]| [args(&DNF_INSTALL), args(flags), provision.packages.clone()].concat();
    // `resolve` inspects the packages in the cache.
    let keep = "--setopt=keepcache=True";
    match provision.stage {
        Stage::Whole => vec![install(&[]), args(&["dnf", "clean", "all"])],
        Stage::Install => vec![install(&[keep])],
        Stage::Download => vec![install(&[keep, "--downloadonly"])],
    }
}

#[cfg(test)]
mod tests {
    use super::{SandboxUser, commands, is_full_map};
    use vmbuild_protocol::{PackageManager, Provision, Stage};

    fn of(manager: PackageManager, packages: &[&str]) -> Provision {
        let packages = packages.iter().map(|&name| name.to_owned()).collect();
        Provision { manager, packages, sources: None, snapshot: None, epoch: None, stage: Stage::Whole }
    }

    fn lines(manager: PackageManager, user: SandboxUser, stage: Stage) -> String {
        let provision = Provision { stage, ..of(manager, &["gcc", "libssl-dev=3.0"]) };
        commands(&provision, user).iter().map(|argv| argv.join(" ")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_commands_are_these() {
        insta::assert_snapshot!(lines(PackageManager::Apt, SandboxUser::Available, Stage::Whole), @r"
        apt-get -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-unsafe-io update -o APT::Update::Error-Mode=any
        apt-get -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-unsafe-io install --no-install-recommends --allow-downgrades gcc libssl-dev=3.0
        apt-get -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-unsafe-io clean
        find /var/lib/apt/lists -type f -delete
        ");
        insta::assert_snapshot!(lines(PackageManager::Apt, SandboxUser::Available, Stage::Install), @"apt-get -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-unsafe-io install --no-install-recommends --allow-downgrades gcc libssl-dev=3.0");
        insta::assert_snapshot!(lines(PackageManager::Apt, SandboxUser::Available, Stage::Download), @"apt-get -y --download-only -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-unsafe-io install --no-install-recommends --allow-downgrades gcc libssl-dev=3.0");
        let as_root = lines(PackageManager::Apt, SandboxUser::Missing, Stage::Whole);
        assert_eq!(as_root.matches("-o APT::Sandbox::User=root").count(), 3, "{as_root}");
        insta::assert_snapshot!(lines(PackageManager::Dnf, SandboxUser::Missing, Stage::Whole), @r"
        dnf -y install --setopt=install_weak_deps=False gcc libssl-dev=3.0
        dnf clean all
        ");
    }

    #[test]
    fn other_archives_and_a_snapshot_are_options() {
        let (sources, snapshot) = (Some("/run/list".to_owned()), Some("20260705T000000Z".to_owned()));
        let dated = Provision { snapshot, ..of(PackageManager::Apt, &["a"]) };
        let provision = Provision { sources, ..dated.clone() };
        let argvs = commands(&provision, SandboxUser::Available);
        let options =
            "-o Dir::Etc::SourceList=/run/list -o Dir::Etc::SourceParts=/dev/null -o APT::Snapshot=20260705T000000Z";
        for argv in &argvs[..2] {
            assert!(argv.join(" ").contains(options), "{argv:?}");
        }
        assert!(!argvs[1].contains(&"--allow-downgrades".to_owned()));
        let own = commands(&dated, SandboxUser::Available)[0].join(" ");
        assert!(own.contains("-o Dir::Etc::SourceList=/run/vmbuild-sources.list"), "{own}");
    }

    #[test]
    fn a_user_namespace_shows_in_its_map() {
        assert!(is_full_map("         0          0 4294967295\n"));
        assert!(!is_full_map("         0       1000          1\n"));
        assert!(!is_full_map("0 100000 65536\n"));
        assert!(!is_full_map(""));
    }
}
