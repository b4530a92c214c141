//! Steps of a release build before the optimized compilation: they provide the profile data.

use super::{ProfileDataPlace, ProfileSource, StepBuilder, WORK, env_var};
use crate::profile::Profile;
use crate::profile_data;
use vmbuild_protocol::{Action, CommandLine, Step, Watch};

/// Minimum number of profile data files: with fewer, the wrong interpreter was trained. A full run writes about 310.
const FEWEST_COUNTS: u32 = 100;

/// Folder of the profile data until it is used.
const PROFILE: &str = "/build/profile";

/// Library that makes trainings repeatable: it fixes the clock, random numbers and process ids.
pub(super) const STEADY: &str = include_str!("../../../../provision/cpython/steady.c");
const STEADY_FILE: &str = "steady.c";
/// Training script: CPython's own training, in two processes and without the tests whose counts vary.
pub(super) const TRAIN: &str = include_str!("../../../../provision/cpython/train.py");
const TRAIN_FILE: &str = "train.py";

/// Runs both halves. The first half's standard input ends when the second half exits for any reason (see train.py).
const HALVES: &str =
    r#"{ { "$@" second 2>&1 || echo "Result: ended with $?"; } | sed -u 's/^/second: /' >&2; } | "$@" first"#;

/// Temporary folder of the frozen modules.
const FROZEN: &str = "/build/frozen";

impl StepBuilder<'_> {
    /// Trains in the configured tree, saves the profile data and the frozen modules, and restores the tree as it was
    /// before: the next steps must not depend on the source of the profile data. Counts from building the interpreter
    /// itself are discarded.
    pub(super) fn train(&self) -> Vec<Step> {
        let (tree, aside) = (self.tree.as_str(), format!("{WORK}/configured"));
        let forget = ["find", ".", "-name", profile_data::PATTERN, "-delete"];
        let [counts_folder, take_counts] =
            self.collect(["counts-folder", "take-counts"], profile_data::PATTERN, &gcda());
        vec![
            self.files("set-aside", &["cp", "-a", tree, &aside], WORK),
            self.write("steady", STEADY_FILE, STEADY),
            self.write("train", TRAIN_FILE, TRAIN),
            self.instrumented(),
            self.files("forget", &forget, tree),
            self.training(),
            self.starts(),
            counts_folder,
            take_counts,
            self.make_with("take-frozen", &[&format!("VMBUILD_FROZEN_TO={FROZEN}")], "vmbuild-collect-frozen", 5),
            // Deleting it would take longer than everything else here, and the machine is discarded anyway.
            self.files("clear", &["mv", tree, &format!("{WORK}/trained")], WORK),
            self.files("put-back", &["mv", &aside, tree], WORK),
            self.files("place-frozen", &["cp", "-R", &format!("{FROZEN}/."), tree], WORK),
        ]
    }

    pub(super) fn given_counts(&self) -> Step {
        let into = format!("--one-top-level={PROFILE}");
        self.files("profile", &["tar", "-xf", &self.counts_archive(), &into, "--no-same-owner"], WORK)
    }

    pub(super) fn place_counts(&self) -> Step {
        self.files("place-counts", &["cp", "-R", &format!("{}/.", gcda()), &self.tree], WORK)
    }

    /// Path of the profile data archive, next to the source.
    fn counts_archive(&self) -> String {
        let folder = self.input.source.rsplit_once('/').map_or(".", |(folder, _)| folder);
        format!("{folder}/profile.tar")
    }

    pub(super) fn counts_place(&self) -> Option<ProfileDataPlace> {
        (self.input.profile == Profile::Release).then(|| match self.input.counts {
            ProfileSource::Trained => ProfileDataPlace::WrittenTo(PROFILE.to_owned()),
            ProfileSource::Given => ProfileDataPlace::ExpectedAt(self.counts_archive()),
        })
    }

    fn instrumented(&self) -> Step {
        self.make("instrumented", "vmbuild-instrumented", 60)
    }

    /// Always two halves, independent of the number of processors: the split between processes affects the counts.
    fn training(&self) -> Step {
        let halves = self.counting(&["sh", "-ec", HALVES, "sh"], &["-B", TRAIN_FILE]);
        self.run("training", halves, 60, Watch::RegressionTests)
    }

    /// Replaces the tests of CPython's training that run programs: start, import and exit.
    fn starts(&self) -> Step {
        let again = ["sh", "-ec", "for start in $(seq 50); do \"$@\"; done", "sh"];
        self.run("starts", self.counting(&again, &["-m", "json.tool", "--help"]), 5, Watch::LastLine)
    }

    /// Command that runs the instrumented interpreter with the same addresses, clock and random numbers each time.
    fn counting(&self, wrapper: &[&str], arguments: &[&str]) -> CommandLine {
        let python = format!("{}/python", self.tree);
        let argv = [wrapper, &["setarch", "-R", &python], arguments].concat();
        // No SOURCE_DATE_EPOCH: some of the tests examine its effects.
        let env = vec![
            env_var("LC_ALL", "C.UTF-8"),
            env_var("LD_LIBRARY_PATH", &self.tree),
            env_var("LD_PRELOAD", &format!("{}/vmbuild-steady.so", self.tree)),
            env_var("PYTHONHASHSEED", "0"),
        ];
        CommandLine { argv: argv.into_iter().map(str::to_owned).collect(), env, cwd: self.tree.clone() }
    }

    /// Requires that the training produced profile data.
    pub(super) fn counts(&self) -> Step {
        let action = Action::RequireFiles {
            under: self.tree.clone(),
            suffix: ".gcda".to_owned(),
            at_least: FEWEST_COUNTS,
            otherwise: "the training left no counts to optimise by".to_owned(),
        };
        Step { name: "counts".to_owned(), action }
    }
}

/// Folder of the `.gcda` files until they are used.
fn gcda() -> String {
    format!("{PROFILE}/{}", profile_data::FOLDER)
}
