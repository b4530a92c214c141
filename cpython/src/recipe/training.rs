//! The steps of a release build that come before its optimised one: where the counts are from.

use super::{Counts, CountsPlace, Site, WORK, pair};
use crate::counts;
use crate::profile::Profile;
use vmbuild_protocol::{Action, CommandLine, Step, Watch};

/// Training that covers less than this has not run the interpreter it was meant to. A full run leaves about 310.
const FEWEST_COUNTS: u32 = 100;

/// Where the counts are while nobody uses them.
const PROFILE: &str = "/build/profile";

/// Where the frozen modules are meanwhile.
const FROZEN: &str = "/build/frozen";

impl Site<'_> {
    /// Trains in the configured tree, takes the counts and the frozen modules out of it, and puts the tree back as it was
    /// before: what comes next must not depend on where the counts are from. What the making of the interpreter has
    /// counted is no training.
    pub(super) fn train(&self) -> Vec<Step> {
        let (tree, aside, gcda) = (self.tree.as_str(), format!("{WORK}/configured"), gcda());
        let forget = ["find", ".", "-name", counts::PATTERN, "-delete"];
        let collect = ["find", ".", "-name", counts::PATTERN, "-exec", "cp", "--parents", "-t", &gcda, "{}", "+"];
        vec![
            self.files("set-aside", &["cp", "-a", tree, &aside], WORK),
            self.instrumented(),
            self.files("forget", &forget, tree),
            self.training(),
            self.files("profile-folder", &["mkdir", "-p", &gcda], WORK),
            self.files("collect-counts", &collect, tree),
            self.make_with("collect-frozen", &[&format!("VMBUILD_FROZEN_TO={FROZEN}")], "vmbuild-collect-frozen", 5),
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
            Counts::Trained => CountsPlace::LeftIn(PROFILE.to_owned()),
            Counts::Given => CountsPlace::ExpectedAt(self.counts_archive()),
        })
    }

    fn instrumented(&self) -> Step {
        self.make("instrumented", "vmbuild-instrumented", 60)
    }

    fn training(&self) -> Step {
        let limit = format!("--timeout={}", self.input.slowness.stretch(20) * 60);
        let mut argv =
            vec![format!("{}/python", self.tree), "-m".to_owned(), "test".to_owned(), "--pgo".to_owned(), limit];
        if self.input.jobs > 1 {
            // GCC's counts of several processes are added up under a lock on the file.
            argv.push(format!("-j{}", self.input.jobs));
        }
        // The tests see a plain environment: some of them look at how SOURCE_DATE_EPOCH changes things.
        let env = vec![pair("LC_ALL", "C.UTF-8"), pair("LD_LIBRARY_PATH", &self.tree)];
        let command = CommandLine { argv, env, cwd: self.tree.clone() };
        self.run("training", command, 60, Watch::RegressionTests)
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
    format!("{PROFILE}/{}", counts::FOLDER)
}
