//! The command line, as clap types only. Doc comments are the help.

mod image;
mod lifecycle;
mod project;
mod values;

pub use image::{BuildImage, ExportImage, ImageVerb, NamedImage, OneRole, PruneArgs, Roles};
pub use lifecycle::{
    CopyPlace, CpArgs, DiskSize, LogsArgs, PortArgs, Ports, ProvisionArgs, SshArgs, TargetArgs, TargetsArgs,
};
pub use project::{Config, KnownSetting, command, known};

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use values::one_of;
use vmbuild_archive::Sha256;
use vmbuild_cpython::{BuildNumber, Extent, Flavour, Profile, Version};
use vmbuild_job::MachineRequest;
use vmbuild_machine::{Accelerator, BackendChoice};
use vmbuild_source::FileOrUrl;

/// Compile CPython in reproducible throw-away machines.
#[derive(Debug, Parser)]
#[command(name = "vmbuild", version, about, max_term_width = 100)]
pub struct Cli {
    /// Print one JSON event per line to stdout instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What people can ask for.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Start a named machine and leave it running.
    Up(UpArgs),
    /// Show the machines that exist.
    Status,
    /// Run a program in a named machine.
    Exec(ExecArgs),
    /// Compile CPython in a throw-away machine, validate it in a second one, publish the artifact.
    Build(BuildArgs),
    /// Print everything that determines an artifact, and its digest, as JSON.
    Plan(BuildInputArgs),
    /// Build an artifact again from the plan in it, and say what differs and why.
    Reproduce(ReproduceArgs),
    /// Say what differs between two artifacts.
    Diff(DiffArgs),
    /// Run the 11 checks on an artifact in a clean machine.
    Validate(ValidateArgs),
    /// List the CPython versions that are known, which are still maintained, and which are behind.
    Versions,
    /// Print the names of the machines that exist.
    List,
    /// Open a terminal in a named machine. It needs neither SSH nor a network in the guest.
    Ssh(SshArgs),
    /// Copy files into a named machine or out of it.
    Cp(CpArgs),
    /// Install the image's packages in a named machine that runs.
    Provision(ProvisionArgs),
    /// Print what a named machine's console showed, and what QEMU said.
    Logs(LogsArgs),
    /// Forward a port of this host's loopback to a port of a named machine, until Ctrl-C.
    Port(PortArgs),
    /// Stop named machines, keeping their disks.
    Halt(TargetsArgs),
    /// Stop named machines and start them again from their own disks.
    Reload(TargetsArgs),
    /// Stop named machines and delete everything they had.
    Destroy(TargetsArgs),
    /// Delete what can be made again: left-over machines, golden machines, sources, caches.
    Clean(CleanArgs),
    /// Show each setting and where its value came from.
    Config(Config),
    /// Prepare, look at, verify and export the images that machines start from.
    #[command(subcommand)]
    Image(ImageVerb),
    /// Say what is missing on this host, and how to mend it.
    Doctor(DoctorArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Which image, and what runs it.
#[derive(Debug, Clone, Args)]
pub struct MachineOptions {
    /// The guest's operating system.
    #[arg(long, env = "VMBUILD_IMAGE", default_value = vmbuild_image::Image::DEFAULT)]
    pub image: String,
    /// Make the image of exactly the packages its lock names, or fail.
    #[arg(long)]
    pub locked: bool,
    /// What runs machines.
    #[arg(long, env = "VMBUILD_BACKEND", value_parser = one_of::<BackendChoice>(), default_value_t)]
    pub backend: BackendChoice,
    /// Which accelerator QEMU uses; believed without a probe.
    #[arg(long, env = "VMBUILD_ACCEL", value_parser = one_of::<Accelerator>())]
    pub accel: Option<Accelerator>,
    /// Processors per machine [default: all of this host's].
    #[arg(long, env = "VMBUILD_CPUS", value_parser = clap::value_parser!(u32).range(1..=512))]
    pub cpus: Option<u32>,
    /// Memory per machine in MiB [default: half of this host's, from 1024 to 4096].
    #[arg(long, env = "VMBUILD_MEMORY", value_name = "MIB", value_parser = clap::value_parser!(u64).range(256..=1_048_576))]
    pub memory: Option<u64>,
}

impl MachineOptions {
    /// The request these options make.
    pub(crate) fn request(&self) -> MachineRequest {
        MachineRequest {
            image: self.image.clone(),
            locked: self.locked,
            backend: self.backend,
            accelerator: self.accel,
            cpus: self.cpus,
            memory_mib: self.memory,
        }
    }
}

/// A named machine to start.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Which machines.
    #[command(flatten)]
    pub targets: TargetsArgs,
    /// Image and backend.
    #[command(flatten)]
    pub machine: MachineOptions,
    /// Room on the machine's disk, such as 20G; QEMU only [default: the image's].
    #[arg(long, value_name = "SIZE", env = "VMBUILD_DISK")]
    pub disk: Option<DiskSize>,
}

/// A program to run in a named machine.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Which machine.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Pass standard input on to the program.
    #[arg(short, long)]
    pub interactive: bool,
    /// Give the program a terminal of its own; standard input must be one.
    #[arg(short, long)]
    pub tty: bool,
    /// Absolute working directory in the guest.
    #[arg(long, default_value = "/root")]
    pub cwd: String,
    /// A variable for the program.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub env: Vec<(String, String)>,
    /// Seconds after which the program and all it started end.
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// The program and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    pub argv: Vec<String>,
}

/// How a CPython is compiled.
#[derive(Debug, Clone, Args)]
pub struct ProfileOption {
    /// How it is compiled: release (PGO and LTO), fast (-O2) or smoke (-O0, for tests) [default: release; fast with a
    /// flavour other than freethreaded].
    #[arg(long, env = "VMBUILD_PROFILE")]
    pub profile: Option<Profile>,
}

/// How a build is made, and where it goes.
#[derive(Debug, Clone, Args)]
pub struct BuildOptions {
    /// Parallel compiler processes [default: the machine's processors].
    #[arg(long, env = "VMBUILD_JOBS", value_parser = clap::value_parser!(u32).range(1..=512))]
    pub jobs: Option<u32>,
    /// Where artifacts go.
    #[arg(long, env = "VMBUILD_ARTIFACTS", value_name = "DIR", default_value = "artifacts")]
    pub artifacts: PathBuf,
}

/// What determines an artifact, as far as people say it.
#[derive(Debug, Clone, Args)]
pub struct BuildInputArgs {
    /// The version, such as 3.13.5, 3.15.0rc1, 3.14.10t for the free-threaded build, or 3.13.5+debug.
    pub version: Version,
    /// Which builds of its source at once: freethreaded (as the `t` behind a version), debug, asan, ubsan, tsan, analyzer,
    /// clang. `3.13.5+debug` says the same.
    #[arg(long, value_name = "FLAVOUR", value_delimiter = ',')]
    pub flavour: Vec<Flavour>,
    /// Image and backend.
    #[command(flatten)]
    pub machine: MachineOptions,
    /// How.
    #[command(flatten)]
    pub compiled: ProfileOption,
    /// Leave out CPython's own tests, IDLE and static libraries.
    #[arg(long, env = "VMBUILD_SLIM")]
    pub slim: bool,
    /// Take the source from this file or URL instead of looking for it.
    #[arg(long, value_name = "FILE|URL")]
    pub source: Option<FileOrUrl>,
    /// SHA-256 the source must have; needed for versions vmbuild does not list.
    #[arg(long, value_name = "HEX")]
    pub source_sha256: Option<Sha256>,
    /// Build only from a source whose signature was verified, and not from one that its sha256 alone vouches for.
    #[arg(long)]
    pub require_signature: bool,
    /// Optimise by this published profile instead of training.
    #[arg(long, value_name = "FILE")]
    pub profile_data: Option<PathBuf>,
}

impl BuildInputArgs {
    /// How much of CPython goes into the artifact.
    pub(crate) fn extent(&self) -> Extent {
        if self.slim { Extent::Slim } else { Extent::Full }
    }
}

/// A CPython to build.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// What.
    #[command(flatten)]
    pub wanted: BuildInputArgs,
    /// How it is made.
    #[command(flatten)]
    pub options: BuildOptions,
    /// The artifact's build number [default: the next free one].
    #[arg(long, value_name = "N")]
    pub build_number: Option<BuildNumber>,
    /// Replace an artifact that already has this name.
    #[arg(long)]
    pub force: bool,
    /// Warn instead of failing when checks 4, 10 or 11 do not hold.
    #[arg(long)]
    pub lenient: bool,
    /// Train even if an earlier build of the same inputs published its profile.
    #[arg(long, conflicts_with = "profile_data")]
    pub train: bool,
    /// Train a release build even on an emulated processor; the record says so.
    #[arg(long)]
    pub allow_emulated_pgo: bool,
    /// Compile even if this plan has been built before.
    #[arg(long)]
    pub no_cache: bool,
    /// Print the plan and build nothing.
    #[arg(long)]
    pub print_plan: bool,
}

/// An artifact to build again.
#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// The tarball. Its plan is read out of it.
    pub artifact: PathBuf,
    /// What runs machines.
    #[arg(long, value_parser = one_of::<BackendChoice>(), default_value_t)]
    pub backend: BackendChoice,
    /// Which accelerator QEMU uses; believed without a probe.
    #[arg(long, value_parser = one_of::<Accelerator>())]
    pub accel: Option<Accelerator>,
    /// Take the source from this file or URL instead of looking for it.
    #[arg(long, value_name = "FILE|URL")]
    pub source: Option<FileOrUrl>,
    /// The profile that the artifact was optimised by [default: the one published beside it].
    #[arg(long, value_name = "FILE")]
    pub profile_data: Option<PathBuf>,
    /// Train even on an emulated processor, where the artifact's plan trains.
    #[arg(long)]
    pub allow_emulated_pgo: bool,
    /// Keep in this folder what was built, if it differs, or the logs, if building fails.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// Two artifacts to compare.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The first tarball.
    pub one: PathBuf,
    /// The second.
    pub other: PathBuf,
}

/// An artifact to validate.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The tarball; its checksum file lies beside it.
    pub artifact: PathBuf,
    /// Image and backend.
    #[command(flatten)]
    pub machine: MachineOptions,
    /// Warn instead of failing when checks 4, 10 or 11 do not hold.
    #[arg(long)]
    pub lenient: bool,
}

/// What to delete. Without options: what killed runs left, and caches.
#[derive(Debug, Args)]
pub struct CleanArgs {
    /// Also golden machines: the next build bootstraps again.
    #[arg(long)]
    pub images: bool,
    /// Also downloaded sources.
    #[arg(long)]
    pub sources: bool,
    /// Also publishers' disks and packages: everything but machines, what they stand on, and what the user wrote.
    #[arg(long)]
    pub all: bool,
}

/// How to look at this host.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Show the commands that mend what is missing, run them, and look again.
    #[arg(long)]
    pub fix: bool,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::{CommandFactory, Parser};

    const README: &str = include_str!("../../README.md");

    #[test]
    fn the_definition_has_no_clashes() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_readme_is_understood() {
        let lines = README.lines().filter_map(|line| line.strip_prefix("    vmbuild "));
        let commands: Vec<&str> = lines.map(|line| line.split('#').next().unwrap_or(line).trim()).collect();
        assert!(commands.len() >= 10, "the README shows the verbs: {commands:?}");
        for command in commands {
            let words = std::iter::once("vmbuild").chain(command.split_whitespace());
            assert!(Cli::try_parse_from(words).is_ok(), "`vmbuild {command}` is not understood");
        }
    }
}
