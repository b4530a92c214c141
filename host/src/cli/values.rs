//! Values from a closed set: parsed by name, offered by completion, listed in help. The types do not know clap.

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};
use std::ffi::OsStr;
use std::marker::PhantomData;
use std::str::FromStr;
use vmbuild_cpython::{Flavour, Profile};
use vmbuild_image::{Compression, ExportFormat};
use vmbuild_machine::{Accelerator, BackendChoice};

/// A type whose values have names.
pub(super) trait NamedValues:
    FromStr<Err: std::error::Error + Send + Sync> + Clone + Send + Sync + 'static
{
    /// The values, with their help.
    fn possible_values() -> Vec<PossibleValue>;
}

/// Accepts the values of `T`, which help and completion list. Others are refused in the words of the type's own error.
pub(super) fn one_of<T: NamedValues>() -> OneOf<T> {
    OneOf(PhantomData)
}

/// The parser that [`one_of`] returns.
#[derive(Debug, Clone)]
pub(super) struct OneOf<T>(PhantomData<T>);

impl<T: NamedValues> TypedValueParser for OneOf<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, option: Option<&Arg>, value: &OsStr) -> Result<T, Error> {
        StringValueParser::new().try_map(|text| text.parse::<T>()).parse_ref(command, option, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(T::possible_values().into_iter()))
    }
}

impl NamedValues for BackendChoice {
    fn possible_values() -> Vec<PossibleValue> {
        let value = |choice: Self| PossibleValue::new(choice.as_str()).help(choice.about()).hide(choice.is_hidden());
        Self::all().into_iter().map(value).collect()
    }
}

impl NamedValues for Accelerator {
    fn possible_values() -> Vec<PossibleValue> {
        Self::ALL.map(|accelerator| PossibleValue::new(accelerator.as_str()).help(accelerator.about())).to_vec()
    }
}

impl NamedValues for ExportFormat {
    fn possible_values() -> Vec<PossibleValue> {
        Self::ALL.map(|format| PossibleValue::new(format.as_str()).help(format.about())).to_vec()
    }
}

impl NamedValues for Compression {
    fn possible_values() -> Vec<PossibleValue> {
        Self::ALL.map(|how| PossibleValue::new(how.as_str()).help(how.about())).to_vec()
    }
}

impl NamedValues for Profile {
    fn possible_values() -> Vec<PossibleValue> {
        let help = |profile| match profile {
            Self::Release => "PGO and LTO, to be published",
            Self::Fast => "-O2 in one compilation",
            Self::Smoke => "-O0, for tests",
        };
        Self::ALL.map(|profile| PossibleValue::new(profile.name()).help(help(profile))).to_vec()
    }
}

impl NamedValues for Flavour {
    fn possible_values() -> Vec<PossibleValue> {
        let help = |flavour| match flavour {
            Self::FreeThreaded => "without the GIL, as the `t` behind a version",
            Self::Debug => "with assertions and reference counts (--with-pydebug)",
            Self::Asan => "with AddressSanitizer",
            Self::Ubsan => "with UndefinedBehaviorSanitizer",
            Self::Tsan => "with ThreadSanitizer",
            Self::Analyzer => "with GCC's static analyzer, whose findings are kept",
            Self::Clang => "compiled by clang",
        };
        Self::ALL.map(|flavour| PossibleValue::new(flavour.name()).help(help(flavour))).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::{Accelerator, BackendChoice, Flavour, NamedValues, Profile, one_of};
    use crate::cli::Cli;
    use clap::CommandFactory;
    use clap::builder::TypedValueParser;

    fn check<T: NamedValues>(verb: &str, option: &str) {
        let command = Cli::command();
        let verb = command.find_subcommand(verb).expect("a verb");
        let known = verb.get_arguments().find(|known| known.get_long() == Some(option)).expect("an option");
        let offered: Vec<String> = known.get_possible_values().iter().map(|it| it.get_name().to_owned()).collect();
        assert_eq!(offered.len(), T::possible_values().len(), "completion offers them: {offered:?}");
        for value in T::possible_values() {
            assert!(value.get_name().parse::<T>().is_ok(), "{value:?} is listed and not parsed");
            assert!(value.get_help().is_some(), "{value:?}");
        }
        let error = one_of::<T>().parse_ref(&command, None, "no-such".as_ref()).map(drop).expect_err("unknown");
        assert!(error.to_string().contains("unknown "), "{error}");
        assert!(error.to_string().contains("`no-such` (expected "), "{error}");
    }

    #[test]
    fn every_listed_value_is_parsed_and_offered_and_others_are_refused() {
        check::<BackendChoice>("up", "backend");
        check::<Accelerator>("up", "accel");
        check::<Profile>("build", "profile");
        check::<Flavour>("plan", "flavour");
    }
}
