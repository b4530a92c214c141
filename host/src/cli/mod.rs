//! The command line, as clap types only. Doc comments are the help.

mod global;
mod image;
mod lifecycle;
mod project;
mod values;

pub use global::{GlobalOptions, Verbosity, version};
pub use image::{BuildImage, ExportImage, ImageVerb, NamedImage, OneRole, PruneArgs, RoleArgs};
pub use lifecycle::{
    CopyPlace, CpArgs, DiskSize, LogsArgs, PortArgs, PortPair, ProvisionArgs, SshArgs, TargetArgs, TargetsArgs,
};
pub use project::{ConfigArgs, KnownSetting, command, known};

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use values::one_of;
use vmbuild_archive::Sha256;
use vmbuild_cpython::{BuildNumber, Extent, Flavour, Profile, Version};
use vmbuild_job::{MachineRequest, VagrantRequest};
use vmbuild_machine::{Accelerator, BackendChoice};
use vmbuild_source::FileOrUrl;

/// Compile CPython in reproducible throw-away machines.
#[derive(Debug, Parser)]
#[command(name = "vmbuild", version = version(), about, max_term_width = 100)]
pub struct Cli {
    /// Options of every verb.
    #[command(flatten)]
    pub global: GlobalOptions,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Start a named machine and leave it running.
    Up(UpArgs),
    /// Show the machines that exist.
    Status,
    /// Run a program in a named machine.
    Exec(ExecArgs),
    /// Compile CPython in a throw-away machine, validate it in a second one and publish the artifact.
    Build(BuildArgs),
    /// Print an artifact's plan, which is all of its inputs and their digest, as JSON.
    Plan(BuildInputArgs),
    /// Build an artifact again from its own plan and explain any differences.
    Reproduce(ReproduceArgs),
    /// Show what differs between two artifacts.
    Diff(DiffArgs),
    /// Run all checks on an artifact in a clean machine.
    Validate(ValidateArgs),
    /// List the CPython versions that vmbuild can build, and which are out of date.
    Versions,
    /// Print the names of the machines that exist.
    List,
    /// Open a terminal in a named machine. The guest needs neither SSH nor a network.
    Ssh(SshArgs),
    /// Copy files to or from a named machine.
    Cp(CpArgs),
    /// Install the image's packages in a running machine.
    Provision(ProvisionArgs),
    /// Print a named machine's console and QEMU's messages.
    Logs(LogsArgs),
    /// Forward a local port to a port of a named machine until Ctrl-C.
    Port(PortArgs),
    /// Stop named machines and keep their disks.
    Halt(TargetsArgs),
    /// Restart named machines from their own disks.
    Reload(TargetsArgs),
    /// Stop named machines and delete them.
    Destroy(TargetsArgs),
    /// Delete what can be made or downloaded again: leftover machines, caches, golden machines, sources.
    Clean(CleanArgs),
    /// Show each setting and the origin of its value.
    Config(ConfigArgs),
    /// Prepare, inspect, verify and export the images that machines start from.
    #[command(subcommand)]
    Image(ImageVerb),
    /// Check this host and suggest fixes.
    Doctor(DoctorArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// The image of a machine, and the backend that runs it.
#[derive(Debug, Clone, Args)]
pub struct MachineOptions {
    /// Image of the guest's operating system.
    #[arg(long, env = "VMBUILD_IMAGE", default_value = vmbuild_image::Image::DEFAULT)]
    pub image: String,
    /// Use exactly the packages in the image's lock file, or fail.
    #[arg(long)]
    pub locked: bool,
    /// Backend that runs machines.
    #[arg(long, env = "VMBUILD_BACKEND", value_parser = one_of::<BackendChoice>(), default_value_t)]
    pub backend: BackendChoice,
    /// Accelerator for QEMU, used without testing it first.
    #[arg(long, env = "VMBUILD_ACCEL", value_parser = one_of::<Accelerator>())]
    pub accel: Option<Accelerator>,
    /// Processors per machine [default: all of this host's].
    #[arg(long, env = "VMBUILD_CPUS", value_parser = clap::value_parser!(u32).range(1..=512))]
    pub cpus: Option<u32>,
    /// Memory per machine in MiB [default: half of this host's, from 1024 to 4096].
    #[arg(long, env = "VMBUILD_MEMORY", value_name = "MIB", value_parser = clap::value_parser!(u64).range(256..=1_048_576))]
    pub memory: Option<u64>,
    /// Vagrant machines.
    #[command(flatten)]
    pub vagrant: VagrantOptions,
}

/// Options of Vagrant machines.
#[derive(Debug, Clone, Args)]
pub struct VagrantOptions {
    /// Box of a named Vagrant machine [default: the Vagrantfile's].
    #[arg(id = "box", long = "box", env = "VMBUILD_BOX", value_name = "NAME", help_heading = VAGRANT)]
    pub box_name: Option<String>,
    /// Version of that box.
    #[arg(id = "box-version", long, env = "VMBUILD_BOX_VERSION", value_name = "VERSION", help_heading = VAGRANT)]
    pub box_version: Option<String>,
    /// Vagrant provider that runs machines [default: Vagrant's choice].
    #[arg(long, env = "VAGRANT_DEFAULT_PROVIDER", value_name = "NAME", help_heading = VAGRANT)]
    pub provider: Option<String>,
    /// Driver of libvirt: kvm, or qemu where no hypervisor works.
    #[arg(long, env = "VMBUILD_DRIVER", value_name = "NAME", help_heading = VAGRANT)]
    pub driver: Option<String>,
}

const VAGRANT: &str = "Vagrant options";

impl VagrantOptions {
    /// The request these options make. CI systems set variables to nothing: an empty value is none.
    pub(crate) fn request(&self) -> VagrantRequest {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        VagrantRequest {
            box_name: given(&self.box_name),
            box_version: given(&self.box_version),
            provider: given(&self.provider),
            driver: given(&self.driver),
        }
    }
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
            vagrant: self.vagrant.request(),
        }
    }
}

/// A named machine to start.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// The machines.
    #[command(flatten)]
    pub targets: TargetsArgs,
    /// Image and backend.
    #[command(flatten)]
    pub machine: MachineOptions,
    /// Size of the machine's disk, such as 20G; QEMU only [default: the image's].
    #[arg(long, value_name = "SIZE", env = "VMBUILD_DISK")]
    pub disk: Option<DiskSize>,
}

/// A program to run in a named machine.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// The machine.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Pass standard input on to the program.
    #[arg(short, long)]
    pub interactive: bool,
    /// Allocate a terminal for the program; standard input must be one.
    #[arg(short, long)]
    pub tty: bool,
    /// Working directory in the guest, as an absolute path.
    #[arg(long, default_value = "/root")]
    pub cwd: String,
    /// Set an environment variable for the program.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub env: Vec<(String, String)>,
    /// End the program and everything it started after this many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// The program and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    pub argv: Vec<String>,
}

/// The profile of a build.
#[derive(Debug, Clone, Args)]
pub struct ProfileOption {
    /// Build profile [default: release; fast with a flavour other than freethreaded].
    #[arg(long, env = "VMBUILD_PROFILE", value_parser = one_of::<Profile>())]
    pub profile: Option<Profile>,
}

/// Options of a build that do not change the artifact.
#[derive(Debug, Clone, Args)]
pub struct BuildOptions {
    /// Parallel compiler processes [default: the machine's processors].
    #[arg(long, env = "VMBUILD_JOBS", value_parser = clap::value_parser!(u32).range(1..=512))]
    pub jobs: Option<u32>,
    /// Folder for artifacts.
    #[arg(long, env = "VMBUILD_ARTIFACTS", value_name = "DIR", default_value = "artifacts")]
    pub artifacts: PathBuf,
}

/// The inputs of an artifact that people choose.
#[derive(Debug, Clone, Args)]
pub struct BuildInputArgs {
    /// Version, such as 3.13.5, 3.15.0rc1, 3.14.10t for the free-threaded build, or 3.13.5+debug.
    pub version: Version,
    /// Build flavours, combined; `3.13.5+debug` does the same as `--flavour debug`.
    #[arg(long, value_name = "FLAVOUR", value_delimiter = ',', value_parser = one_of::<Flavour>())]
    pub flavour: Vec<Flavour>,
    /// Image and backend.
    #[command(flatten)]
    pub machine: MachineOptions,
    /// Its profile.
    #[command(flatten)]
    pub compiled: ProfileOption,
    /// Omit CPython's own tests, IDLE and static libraries.
    #[arg(long, env = "VMBUILD_SLIM")]
    pub slim: bool,
    /// Take the source from this file or URL instead of searching for it.
    #[arg(long, value_name = "FILE|URL")]
    pub source: Option<FileOrUrl>,
    /// SHA-256 of the source; required for versions that vmbuild does not list.
    #[arg(long, value_name = "HEX")]
    pub source_sha256: Option<Sha256>,
    /// Refuse a source without a verified signature, even if its SHA-256 is known.
    #[arg(long)]
    pub require_signature: bool,
    /// Optimise with this published profile data instead of training.
    #[arg(long, value_name = "FILE")]
    pub profile_data: Option<PathBuf>,
}

impl BuildInputArgs {
    /// The part of CPython that goes into the artifact.
    pub(crate) fn extent(&self) -> Extent {
        if self.slim { Extent::Slim } else { Extent::Full }
    }
}

/// A CPython to build.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Its inputs.
    #[command(flatten)]
    pub wanted: BuildInputArgs,
    /// Its other options.
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
    /// Train even if an earlier build of the same inputs published its profile data.
    #[arg(long, conflicts_with = "profile_data")]
    pub train: bool,
    /// Train a release build even on an emulated processor; the build record notes it.
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
    /// The tarball, which contains its plan.
    pub artifact: PathBuf,
    /// Backend that runs machines.
    #[arg(long, value_parser = one_of::<BackendChoice>(), default_value_t)]
    pub backend: BackendChoice,
    /// Accelerator for QEMU, used without testing it first.
    #[arg(long, value_parser = one_of::<Accelerator>())]
    pub accel: Option<Accelerator>,
    /// Vagrant machines.
    #[command(flatten)]
    pub vagrant: VagrantOptions,
    /// Take the source from this file or URL instead of searching for it.
    #[arg(long, value_name = "FILE|URL")]
    pub source: Option<FileOrUrl>,
    /// Profile data that the artifact was optimised with [default: the file published with it].
    #[arg(long, value_name = "FILE")]
    pub profile_data: Option<PathBuf>,
    /// Train even on an emulated processor, if the artifact's plan trains.
    #[arg(long)]
    pub allow_emulated_pgo: bool,
    /// Keep the new build in this folder if it differs, or the logs if it fails.
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
    /// The tarball; its checksum file must be in the same folder.
    pub artifact: PathBuf,
    /// Image and backend.
    #[command(flatten)]
    pub machine: MachineOptions,
    /// Warn instead of failing when checks 4, 10 or 11 do not hold.
    #[arg(long)]
    pub lenient: bool,
}

/// Parts of the store to delete. Without options: leftover machines and caches.
#[derive(Debug, Args)]
pub struct CleanArgs {
    /// Also delete golden machines: the next build bootstraps again.
    #[arg(long)]
    pub images: bool,
    /// Also delete downloaded sources.
    #[arg(long)]
    pub sources: bool,
    /// Also delete publishers' disks and packages: everything but machines, their base images and your own files.
    #[arg(long)]
    pub all: bool,
}

/// Options of the check of this host.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Show the commands that fix what was found, run them, and check again.
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

    const README: &str = include_str!("../../../README.md");

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
