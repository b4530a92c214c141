//! Recipe of a CPython build as data: the steps that the agent runs in order.
//!
//! CPython's own `make` runs the optimized build in one go: it reports no progress, and a failure in the
//! training is lost between two compilations. Here its stages are separate steps, each with a time limit and a
//! watcher for its output. `provision/cpython/vmbuild.mk` holds the make rules for that.
//!
//! A recipe depends on its input alone, not on the machine that computes it or on the time.

use crate::configure;
use crate::flavour::{self, Flavour};
use crate::layout::{self, Extent};
use crate::minor::{MinorFacts, Quirk};
use crate::profile::Profile;
use crate::version::Version;
use vmbuild_protocol::{Action, CommandLine, Step, Steps, Watch};

/// Make rules for the stages, written next to CPython's own Makefile.
const RULES: &str = include_str!("../../../../provision/cpython/vmbuild.mk");
const RULES_FILE: &str = "vmbuild.mk";

/// Script that finishes the installed tree; the make rules run it with the tree's own interpreter.
const FINISH: &str = include_str!("../../../../provision/cpython/finish.py");
const FINISH_FILE: &str = "finish.py";

/// Input of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeInput {
    /// CPython version.
    pub version: Version,
    /// Build profile.
    pub profile: Profile,
    /// Number of parallel jobs, at least 1.
    pub jobs: u32,
    /// Absolute path of the source archive in the guest.
    pub source: String,
    /// Speed of the guest.
    pub guest_speed: GuestSpeed,
    /// Source of a release build's profile data.
    pub counts: ProfileSource,
    /// Amount of CPython that goes into the artifact.
    pub extent: Extent,
}

/// Source of the profile data that a release build is optimized with. Other builds have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileSource {
    /// The build runs its own training.
    Trained,
    /// An earlier training's profile data, as published: [`ProfileDataPlace::ExpectedAt`].
    Given,
}

/// Speed of a guest compared with the machine that it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestSpeed {
    /// Native speed, or nearly.
    Native,
    /// The processor is emulated: everything takes about fifteen times as long.
    Emulated,
}

impl GuestSpeed {
    fn scale_timeout(self, minutes: u64) -> u64 {
        match self {
            Self::Native => minutes,
            Self::Emulated => minutes * 15,
        }
    }
}

/// Working directory in the guest. It is always the same: debug info and the build's own configuration contain the
/// path, so another one would make another artifact.
pub const WORK: &str = "/build";

/// Folder of the separated debug info.
const DEBUG: &str = "/build/debug";

/// Instructions to compile one CPython.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Steps that the agent runs.
    pub steps: Steps,
    input: RecipeInput,
    /// Path of the source archive in the guest, as in the input.
    pub source: String,
    /// The folder in the guest whose contents become the artifact.
    pub destination: String,
    /// The folder in the guest whose contents become the debug tarball, in the format of [`layout::DEBUG_INFO`].
    pub debug_info: String,
    /// Path of `.build-info` in the guest, inside the destination.
    pub build_info: String,
    /// Place of the profile data in the guest: the training's output, to be published, or the input archive next to the
    /// source. `None` for builds without profile data.
    pub counts: Option<ProfileDataPlace>,
    /// Command line of configure, quoted for a shell.
    pub configure_line: String,
}

/// Place of profile data in the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileDataPlace {
    /// The training writes it to this folder, in the format of [`crate::profile_data`].
    WrittenTo(String),
    /// An uncompressed tar archive of such a folder is expected at this path.
    ExpectedAt(String),
}

impl Recipe {
    /// Returns the steps as in a [plan](crate::Plan): for one job on a native machine, with a fixed source path. Differences
    /// between machines that do not change the result must not appear in a plan.
    pub fn plan_steps(&self) -> Steps {
        let source = format!("{WORK}/source");
        recipe(&RecipeInput { jobs: 1, source, guest_speed: GuestSpeed::Native, ..self.input.clone() }).steps
    }
}

/// Computes the recipe for an input.
pub fn recipe(input: &RecipeInput) -> Recipe {
    let build = StepBuilder::new(input);
    let installed = format!("{}{}", build.destination, layout::prefix(&input.version));
    let mut steps =
        vec![build.unpack(), build.write("rules", RULES_FILE, RULES), build.write("finish", FINISH_FILE, FINISH)];
    let analyzed = input.version.flavours().has(Flavour::Analyzer);
    if analyzed {
        steps.push(build.analyzer());
    }
    steps.push(build.configure());
    match input.profile {
        Profile::Release => {
            steps.extend(match input.counts {
                ProfileSource::Trained => build.train(),
                ProfileSource::Given => vec![build.frozen(), build.given_counts()],
            });
            steps.extend([build.place_counts(), build.counts(), build.optimised()]);
        }
        Profile::Fast | Profile::Smoke if analyzed => steps.push(build.analyzed()),
        Profile::Fast | Profile::Smoke => steps.push(build.compile()),
    }
    steps.extend([build.install(), build.license(&installed)]);
    if analyzed {
        steps.extend(build.findings(&installed));
    }
    let configure_line = build.configure_argv().iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
    Recipe {
        steps: Steps { steps },
        input: input.clone(),
        source: input.source.clone(),
        build_info: format!("{installed}/{}", layout::BUILD_INFO),
        counts: build.counts_place(),
        debug_info: DEBUG.to_owned(),
        destination: build.destination,
        configure_line,
    }
}

/// Builds the steps of one recipe.
struct StepBuilder<'a> {
    input: &'a RecipeInput,
    tree: String,
    destination: String,
}

impl<'a> StepBuilder<'a> {
    fn new(input: &'a RecipeInput) -> Self {
        // In the source tree itself, like CPython's own optimized builds: profile data is found by object path.
        Self { input, tree: format!("{WORK}/src"), destination: format!("{WORK}/dest") }
    }

    fn unpack(&self) -> Step {
        let into = format!("--one-top-level={}", self.tree);
        let argv = ["tar", "-xf", &self.input.source, &into, "--strip-components=1", "--no-same-owner"];
        let command = CommandLine { argv: argv.map(str::to_owned).to_vec(), env: Vec::new(), cwd: "/".to_owned() };
        self.run("unpack", command, 5, Watch::LastLine)
    }

    fn write(&self, name: &str, file: &str, contents: &str) -> Step {
        let path = format!("{}/{file}", self.tree);
        let action = Action::Write { path, contents: contents.to_owned(), mode: 0o644 };
        Step { name: name.to_owned(), action }
    }

    fn configure_argv(&self) -> Vec<String> {
        // Via `sh`: configure derives the source folder from its own name, and only `./` means an in-tree build.
        let program = ["sh", "./configure"].map(str::to_owned);
        program.into_iter().chain(configure::flags(&self.input.version, self.input.profile)).collect()
    }

    fn configure(&self) -> Step {
        let command = CommandLine { argv: self.configure_argv(), env: reproducible_env(), cwd: self.tree.clone() };
        self.run("configure", command, 10, Watch::LastLine)
    }

    /// Builds the modules that are frozen into the interpreter, before there is one.
    fn frozen(&self) -> Step {
        self.make("frozen", "vmbuild-frozen", 60)
    }

    /// A step that copies or moves files.
    fn files(&self, name: &str, argv: &[&str], cwd: &str) -> Step {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        self.run(name, CommandLine { argv, env: Vec::new(), cwd: cwd.to_owned() }, 5, Watch::LastLine)
    }

    /// Two steps: create a folder, and copy the matching files of the tree into it with their parent folders.
    fn collect(&self, [make, copy]: [&str; 2], pattern: &str, into: &str) -> [Step; 2] {
        let argv = ["find", ".", "-name", pattern, "-exec", "cp", "--parents", "-t", into, "{}", "+"];
        [self.files(make, &["mkdir", "-p", into], WORK), self.files(copy, &argv, &self.tree)]
    }

    fn optimised(&self) -> Step {
        let partitioned = MinorFacts::of(&self.input.version).has_quirk(Quirk::OneLtoPartition);
        let variables: &[&str] = if partitioned { &["VMBUILD_LTO_PARTITION=balanced"] } else { &[] };
        self.make_with("optimised", variables, "vmbuild-optimised", 120)
    }

    fn compile(&self) -> Step {
        self.make("compile", "build_all", 60)
    }

    fn install(&self) -> Step {
        let destination = format!("DESTDIR={}", self.destination);
        let byte_code = match self.input.profile {
            // Under emulation, byte-compiling alone takes half an hour.
            Profile::Smoke => "VMBUILD_BYTE_CODE=no",
            Profile::Release | Profile::Fast => "VMBUILD_BYTE_CODE=yes",
        };
        let extent = match self.input.extent {
            Extent::Full => "VMBUILD_SLIM=no",
            Extent::Slim => "VMBUILD_SLIM=yes",
        };
        let debug = format!("VMBUILD_DEBUG={DEBUG}");
        let argv = self.make_argv(&[&destination, &debug, byte_code, extent, "vmbuild-install"]);
        let command = CommandLine { argv, env: reproducible_env(), cwd: self.tree.clone() };
        self.run("install", command, 30, Watch::LastLine)
    }

    fn license(&self, installed: &str) -> Step {
        let to = format!("{installed}/{}", layout::LICENSE);
        let argv = ["install", "-m", "644", layout::LICENSE, &to].map(str::to_owned).to_vec();
        let command = CommandLine { argv, env: Vec::new(), cwd: self.tree.clone() };
        self.run("licence", command, 1, Watch::LastLine)
    }

    fn make(&self, name: &str, target: &str, minutes: u64) -> Step {
        self.make_with(name, &[], target, minutes)
    }

    fn make_with(&self, name: &str, variables: &[&str], target: &str, minutes: u64) -> Step {
        let jobs = format!("-j{}", self.input.jobs);
        let arguments = [variables, &[jobs.as_str(), target]].concat();
        let command = CommandLine { argv: self.make_argv(&arguments), env: reproducible_env(), cwd: self.tree.clone() };
        self.run(name, command, minutes, Watch::Compile { total: MinorFacts::of(&self.input.version).objects })
    }

    fn make_argv(&self, more: &[&str]) -> Vec<String> {
        let link_jobs = format!("VMBUILD_JOBS={}", self.input.jobs);
        let argv = ["make", "-f", RULES_FILE, &link_jobs];
        argv.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    fn run(&self, name: &str, mut command: CommandLine, minutes: u64, watch: Watch) -> Step {
        // Set here and not by the agent: PATH decides which compiler is found, so it belongs in the plan.
        command.env.insert(0, env_var("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"));
        let flavours = flavour::environment(self.input.version.flavours());
        command.env.extend(flavours.map(|(name, value)| env_var(name, value)));
        let timeout_ms = self.input.guest_speed.scale_timeout(minutes) * 60_000;
        Step { name: name.to_owned(), action: Action::Run { command, timeout_ms, watch } }
    }
}

fn env_var(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Environment variables that make builds reproducible: language, time zone, embedded timestamps, and the order of
/// sets in byte code.
fn reproducible_env() -> Vec<(String, String)> {
    vec![
        env_var("LC_ALL", "C.UTF-8"),
        env_var("TZ", "UTC"),
        env_var("PYTHONHASHSEED", "0"),
        env_var("SOURCE_DATE_EPOCH", &layout::MTIME.to_string()),
    ]
}

/// Quotes an argument for a POSIX shell if necessary.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

mod analyzer;
mod training;

#[cfg(test)]
mod tests;
