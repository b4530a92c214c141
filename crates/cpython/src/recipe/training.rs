//! The steps of a release build that come before its optimised one: where the counts are from.

use super::{CountsPlace, ProfileSource, Site, WORK, pair};
use crate::profile::Profile;
use crate::profile_data;
use vmbuild_protocol::{Action, CommandLine, Step, Watch};

/// Training that covers less than this has not run the interpreter it was meant to. A full run leaves about 310.
const FEWEST_COUNTS: u32 = 100;

/// Where the counts are while nobody uses them.
const PROFILE: &str = "/build/profile";

/// What makes a second training count the same: a clock, chance and process ids that are the same each time.
pub(super) const STEADY: &str = include_str!("../../../../provision/cpython/steady.c");
const STEADY_FILE: &str = "steady.c";
/// The training: CPython's own, in two processes and without the tests that count differently each time.
pub(super) const TRAIN: &str = include_str!("../../../../provision/cpython/train.py");
const TRAIN_FILE: &str = "train.py";

/// The first half's standard input ends when the second half has ended, however it did: so it knows (train.py).
const HALVES: &str =
    r#"{ { "$@" second 2>&1 || echo "Result: ended with $?"; } | sed -u 's/^/second: /' >&2; } | "$@" first"#;

/// Where the frozen modules are meanwhile.
const FROZEN: &str = "/build/frozen";

impl Site<'_> {
    /// Trains in the configured tree, takes the counts and the frozen modules out of it, and puts the tree back as it was
    /// before: what comes next must not depend on where the counts are from. What the making of the interpreter has
    /// counted is no training.
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
            // Deleting it would take longer than everything else here, and the machine is thrown away anyway.
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

    /// Beside the source.
    fn counts_archive(&self) -> String {
        let folder = self.input.source.rsplit_once('/').map_or(".", |(folder, _)| folder);
        format!("{folder}/profile.tar")
    }

    pub(super) fn counts_place(&self) -> Option<CountsPlace> {
        (self.input.profile == Profile::Release).then(|| match self.input.counts {
            ProfileSource::Trained => CountsPlace::LeftIn(PROFILE.to_owned()),
            ProfileSource::Given => CountsPlace::ExpectedAt(self.counts_archive()),
        })
    }

    fn instrumented(&self) -> Step {
        self.make("instrumented", "vmbuild-instrumented", 60)
    }

    /// Two halves, whatever the number of processors: which process ran what is seen in the counts.
    fn training(&self) -> Step {
        let halves = self.counting(&["sh", "-ec", HALVES, "sh"], &["-B", TRAIN_FILE]);
        self.run("training", halves, 60, Watch::RegressionTests)
    }

    /// What CPython's training does by tests that run programs: starting, importing and ending.
    fn starts(&self) -> Step {
        let again = ["sh", "-ec", "for start in $(seq 50); do \"$@\"; done", "sh"];
        self.run("starts", self.counting(&again, &["-m", "json.tool", "--help"]), 5, Watch::LastLine)
    }

    /// How the interpreter that counts is run: each time at the same addresses, with the same clock and chance.
    fn counting(&self, through: &[&str], words: &[&str]) -> CommandLine {
        let python = format!("{}/python", self.tree);
        let argv = [through, &["setarch", "-R", &python], words].concat();
        // No SOURCE_DATE_EPOCH: some of the tests look at how it changes things.
        let env = vec![
            pair("LC_ALL", "C.UTF-8"),
            pair("LD_LIBRARY_PATH", &self.tree),
            pair("LD_PRELOAD", &format!("{}/vmbuild-steady.so", self.tree)),
            pair("PYTHONHASHSEED", "0"),
        ];
        CommandLine { argv: argv.into_iter().map(str::to_owned).collect(), env, cwd: self.tree.clone() }
    }

    /// Demands that there are some.
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

/// The counts themselves, while nobody uses them.
fn gcda() -> String {
    format!("{PROFILE}/{}", profile_data::FOLDER)
}
