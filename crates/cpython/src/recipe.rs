//! How one CPython is compiled, as data: the steps that the agent runs in order.
//!
//! CPython's own `make` does the optimised build in one go: it cannot say how far it is, and what went wrong in the
//! training is lost between two compilations. Here its stages are steps of their own, each with a time limit and with
//! what must be seen in its output. `provision/cpython/vmbuild.mk` holds the make rules for that.
//!
//! A recipe depends on nothing but its input: not on the machine that computes it, not on the time.

use crate::configure;
use crate::flavour::{self, Flavour};
use crate::layout::{self, Extent};
use crate::minor::{Minor, Quirk};
use crate::profile::Profile;
use crate::version::Version;
use vmbuild_protocol::{Action, CommandLine, Step, Steps, Watch};

/// Make rules for the stages; written beside CPython's own Makefile.
const RULES: &str = include_str!("../../../provision/cpython/vmbuild.mk");
const RULES_FILE: &str = "vmbuild.mk";

/// What is done to the installed tree; run by those rules, with the tree's own interpreter.
const FINISH: &str = include_str!("../../../provision/cpython/finish.py");
const FINISH_FILE: &str = "finish.py";

/// What a recipe is computed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeInput {
    /// Which CPython.
    pub version: Version,
    /// How much work goes into it.
    pub profile: Profile,
    /// Processes to run at a time; at least 1.
    pub jobs: u32,
    /// The source archive in the guest: an absolute path.
    pub source: String,
    /// How fast the guest is.
    pub slowness: Slowness,
    /// Where a release build has its counts from.
    pub counts: ProfileSource,
    /// How much of CPython goes into the artifact.
    pub extent: Extent,
}

/// Where a release build has the counts from that it is optimised by. Other builds have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileSource {
    /// From a training run of its own.
    Trained,
    /// From an earlier one's, as published: [`CountsPlace::ExpectedAt`].
    Given,
}

/// How fast a guest is, compared with the machine it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slowness {
    /// As fast, or nearly.
    Native,
    /// Its processor is emulated: everything takes about fifteen times as long.
    Emulated,
}

impl Slowness {
    fn stretch(self, minutes: u64) -> u64 {
        match self {
            Self::Native => minutes,
            Self::Emulated => minutes * 15,
        }
    }
}

/// Where the work is done in the guest. Always the same place: debugging information and the build's own configuration
/// name it, so another one would make another artifact.
pub const WORK: &str = "/build";

/// Where the debug info lies that was split off.
const DEBUG: &str = "/build/debug";

/// How to compile one CPython.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// What the agent runs.
    pub steps: Steps,
    input: RecipeInput,
    /// Where in the guest the source archive must lie: as asked for.
    pub source: String,
    /// The folder in the guest whose contents become the artifact.
    pub destination: String,
    /// The folder in the guest whose contents become the debug tarball, in the form of [`layout::DEBUG_INFO`].
    pub debug_info: String,
    /// Where in the guest `.build-info` belongs, below the destination.
    pub build_info: String,
    /// Where in the guest the counts lie: made there by the training, to be published; or expected there as an archive
    /// beside the source. Nothing where there are no counts.
    pub counts: Option<CountsPlace>,
    /// How configure is called, quoted for a shell.
    pub configure_line: String,
}

/// Where in the guest counts lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CountsPlace {
    /// The training leaves them in this folder, in the form of [`counts`].
    LeftIn(String),
    /// An uncompressed tar archive of such a folder must lie here.
    ExpectedAt(String),
}

impl Recipe {
    /// The steps as a [plan](crate::Plan) knows them: for one job on a fast machine, with the source in one place. What
    /// differs between machines without changing the result must not show in a plan.
    pub fn plan_steps(&self) -> Steps {
        let source = format!("{WORK}/source");
        recipe(&RecipeInput { jobs: 1, source, slowness: Slowness::Native, ..self.input.clone() }).steps
    }
}

/// The recipe for an input.
pub fn recipe(input: &RecipeInput) -> Recipe {
    let site = Site::new(input);
    let installed = format!("{}{}", site.destination, layout::prefix(&input.version));
    let mut steps =
        vec![site.unpack(), site.write("rules", RULES_FILE, RULES), site.write("finish", FINISH_FILE, FINISH)];
    let analyzed = input.version.flavours().has(Flavour::Analyzer);
    if analyzed {
        steps.push(site.analyzer());
    }
    steps.push(site.configure());
    match input.profile {
        Profile::Release => {
            steps.extend(match input.counts {
                ProfileSource::Trained => site.train(),
                ProfileSource::Given => vec![site.frozen(), site.given_counts()],
            });
            steps.extend([site.place_counts(), site.counts(), site.optimised()]);
        }
        Profile::Fast | Profile::Smoke if analyzed => steps.push(site.analyzed()),
        Profile::Fast | Profile::Smoke => steps.push(site.compile()),
    }
    steps.extend([site.install(), site.licence(&installed)]);
    if analyzed {
        steps.extend(site.findings(&installed));
    }
    let configure_line = site.configure_argv().iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
    Recipe {
        steps: Steps { steps },
        input: input.clone(),
        source: input.source.clone(),
        build_info: format!("{installed}/{}", layout::BUILD_INFO),
        counts: site.counts_place(),
        debug_info: DEBUG.to_owned(),
        destination: site.destination,
        configure_line,
    }
}

/// The folders of one build, and the steps in them.
struct Site<'a> {
    input: &'a RecipeInput,
    tree: String,
    destination: String,
}

impl<'a> Site<'a> {
    fn new(input: &'a RecipeInput) -> Self {
        // In the source tree itself, as CPython's own optimised builds are: the counts are found by object path.
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
        // Through `sh`: configure takes the source folder from its own name, and only `./` means "build in here".
        let program = ["sh", "./configure"].map(str::to_owned);
        program.into_iter().chain(configure::flags(&self.input.version, self.input.profile)).collect()
    }

    fn configure(&self) -> Step {
        let command = CommandLine { argv: self.configure_argv(), env: fixed(), cwd: self.tree.clone() };
        self.run("configure", command, 10, Watch::LastLine)
    }

    /// The modules that are part of the interpreter, before there is one.
    fn frozen(&self) -> Step {
        self.make("frozen", "vmbuild-frozen", 60)
    }

    /// A step that moves files about.
    fn files(&self, name: &str, argv: &[&str], cwd: &str) -> Step {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        self.run(name, CommandLine { argv, env: Vec::new(), cwd: cwd.to_owned() }, 5, Watch::LastLine)
    }

    /// Two steps: a new folder, and into it what has such a name in the tree, with the folders it is in.
    fn collect(&self, [make, copy]: [&str; 2], pattern: &str, into: &str) -> [Step; 2] {
        let argv = ["find", ".", "-name", pattern, "-exec", "cp", "--parents", "-t", into, "{}", "+"];
        [self.files(make, &["mkdir", "-p", into], WORK), self.files(copy, &argv, &self.tree)]
    }

    fn optimised(&self) -> Step {
        let parts = Minor::of(&self.input.version).has(Quirk::OneLtoPartition);
        let words: &[&str] = if parts { &["VMBUILD_LTO_PARTITION=balanced"] } else { &[] };
        self.make_with("optimised", words, "vmbuild-optimised", 120)
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
        let command = CommandLine { argv, env: fixed(), cwd: self.tree.clone() };
        self.run("install", command, 30, Watch::LastLine)
    }

    fn licence(&self, installed: &str) -> Step {
        let to = format!("{installed}/{}", layout::LICENSE);
        let argv = ["install", "-m", "644", layout::LICENSE, &to].map(str::to_owned).to_vec();
        let command = CommandLine { argv, env: Vec::new(), cwd: self.tree.clone() };
        self.run("licence", command, 1, Watch::LastLine)
    }

    fn make(&self, name: &str, target: &str, minutes: u64) -> Step {
        self.make_with(name, &[], target, minutes)
    }

    fn make_with(&self, name: &str, words: &[&str], target: &str, minutes: u64) -> Step {
        let jobs = format!("-j{}", self.input.jobs);
        let words = [words, &[jobs.as_str(), target]].concat();
        let command = CommandLine { argv: self.make_argv(&words), env: fixed(), cwd: self.tree.clone() };
        self.run(name, command, minutes, Watch::Compile { total: Minor::of(&self.input.version).objects })
    }

    fn make_argv(&self, more: &[&str]) -> Vec<String> {
        let link_jobs = format!("VMBUILD_JOBS={}", self.input.jobs);
        let argv = ["make", "-f", RULES_FILE, &link_jobs];
        argv.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    fn run(&self, name: &str, mut command: CommandLine, minutes: u64, watch: Watch) -> Step {
        // Said here and not left to the agent: what decides which compiler is found belongs into the plan.
        command.env.insert(0, pair("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"));
        let flavours = flavour::environment(self.input.version.flavours());
        command.env.extend(flavours.map(|(name, value)| pair(name, value)));
        let timeout_ms = self.input.slowness.stretch(minutes) * 60_000;
        Step { name: name.to_owned(), action: Action::Run { command, timeout_ms, watch } }
    }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// What could otherwise differ between two builds: language, time zone, the time compiled into texts, and the order of
/// sets in byte code.
fn fixed() -> Vec<(String, String)> {
    vec![
        pair("LC_ALL", "C.UTF-8"),
        pair("TZ", "UTC"),
        pair("PYTHONHASHSEED", "0"),
        pair("SOURCE_DATE_EPOCH", &layout::MTIME.to_string()),
    ]
}

/// Quotes a word for a POSIX shell where it needs it.
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
