//! Options of every verb, and the program's version.

use clap::{ArgAction, Args};
use vmbuild_protocol::BUILD_ID;

/// Options of every verb.
#[derive(Debug, Clone, Args)]
pub struct GlobalOptions {
    /// Print one JSON event per line to stdout instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print more about decisions and retries; repeat for details.
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,
    /// Print only warnings, errors and data.
    #[arg(short, long, global = true)]
    quiet: bool,
}

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Warnings, errors and data.
    Quiet,
    /// Events, and as much of the trace as `-v` was given times.
    Levels(u8),
}

impl GlobalOptions {
    /// How much is to be printed.
    pub fn verbosity(&self) -> Verbosity {
        if self.quiet { Verbosity::Quiet } else { Verbosity::Levels(self.verbose) }
    }
}

/// The version and the commit it was built from, or the build id where there is no repository: `0.1.0 (e63aba6 2026-11-27)`.
pub fn version() -> String {
    let build = option_env!("VMBUILD_COMMIT").unwrap_or(BUILD_ID);
    format!("{} ({build})", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::{Verbosity, version};
    use crate::cli::Cli;
    use clap::Parser;

    #[test]
    fn verbosity_is_counted_and_quiet_excludes_it() {
        let check = |words: &str, expect: Option<Verbosity>| {
            let words = std::iter::once("vmbuild").chain(words.split_whitespace());
            assert_eq!(Cli::try_parse_from(words).ok().map(|cli| cli.global.verbosity()), expect);
        };
        check("status", Some(Verbosity::Levels(0)));
        check("-vv status", Some(Verbosity::Levels(2)));
        check("status -v", Some(Verbosity::Levels(1)));
        check("exec -q work -- true -v", Some(Verbosity::Quiet));
        check("status -q -v", None);
    }

    #[test]
    fn the_version_names_a_build() {
        let (number, build) =
            version().split_once(" (").map(|(one, other)| (one.to_owned(), other.to_owned())).unwrap();
        assert_eq!(number, env!("CARGO_PKG_VERSION"));
        assert!(build.ends_with(')') && build.len() > 8, "{build}");
    }
}
