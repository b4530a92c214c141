//! Value parsers for types that do not know clap.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use std::str::FromStr;
use vmbuild_machine::{Accelerator, BackendChoice};

/// A type whose values have names.
pub(super) trait NamedValues:
    FromStr<Err: std::error::Error + Send + Sync> + Clone + Send + Sync + 'static
{
    /// The values, with their help.
    fn possible_values() -> Vec<PossibleValue>;
}

/// Accepts the values of `T`, which help and completion list.
pub(super) fn one_of<T: NamedValues>() -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(T::possible_values()).try_map(|name| name.parse::<T>())
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

#[cfg(test)]
mod tests {
    use super::{Accelerator, BackendChoice, NamedValues};

    fn check<T: NamedValues>() {
        for value in T::possible_values() {
            assert!(value.get_name().parse::<T>().is_ok(), "{value:?} is listed and not parsed");
            assert!(value.get_help().is_some(), "{value:?}");
        }
    }

    #[test]
    fn every_listed_value_is_parsed() {
        check::<BackendChoice>();
        check::<Accelerator>();
    }
}
