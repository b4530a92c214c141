//! Months, as in release schedules: `2026-10`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A month of a year, in the format of ISO 8601: `2026-10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: u16,
    month: u8,
}

/// Invalid month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid month `{0}` (expected YYYY-MM)")]
pub struct MonthError(String);

impl Month {
    /// Returns `None` unless the month is from 1 to 12 and the year has at most four digits.
    pub fn new(year: u16, month: u8) -> Option<Self> {
        ((1..=12).contains(&month) && year <= 9999).then_some(Self { year, month })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let parse = || {
            let (year, month) = text.split_once('-')?;
            Self::new(year.parse().ok()?, month.parse().ok()?)
        };
        parse().filter(|month| month.to_string() == text).ok_or_else(|| MonthError(text.to_owned()))
    }
}

impl TryFrom<String> for Month {
    type Error = MonthError;

    fn try_from(text: String) -> Result<Self, MonthError> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, good: bool) {
        let parsed = text.parse::<Month>();
        assert_eq!(parsed.map(|month| month.to_string()).ok().as_deref(), good.then_some(text), "{text}");
    }

    #[test]
    fn months_round_trip() {
        check("2026-10", true);
        check("1999-01", true);
        for bad in ["2026-13", "2026-00", "2026-1", "26-10", "2026", "2026-10-01", "-10", "2026-+1", "12026-10"] {
            check(bad, false);
        }
    }

    #[test]
    fn months_are_ordered_in_time() {
        assert!(["2025-12", "2026-01", "2026-10"].map(|text| text.parse::<Month>().unwrap()).is_sorted());
    }
}
