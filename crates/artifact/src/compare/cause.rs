//! Why two files of the same name are not the same: a guess that says so.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// The likely cause of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceCause {
    /// A time got in.
    Time,
    /// A path got in.
    Path,
    /// The kernel's release or the processor's name got in.
    Machine,
    /// The same things in another order.
    Order,
    /// Code compiled by another training run's counts.
    Profile,
    /// The plans differ, and so does this.
    Plan,
}

impl fmt::Display for DifferenceCause {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Time => "time",
            Self::Path => "path",
            Self::Machine => "kernel or processor",
            Self::Order => "order",
            Self::Profile => "profile",
            Self::Plan => "plan",
        })
    }
}

/// Facts about the two builds.
#[derive(Debug, Clone, Default)]
pub struct BuildSurroundings {
    /// Words that name the machines: kernel releases, processors.
    pub machines: Vec<String>,
    /// True if the interpreter was optimised by counts of a training run of its own.
    pub trained: bool,
}

impl DifferenceCause {
    /// Compares two files. `None` where nothing can be told.
    pub(super) fn of(path: &str, one: &[u8], other: &[u8], around: &BuildSurroundings) -> Option<Self> {
        if path.ends_with("/.build-info") {
            return Some(Self::Plan);
        }
        if Path::new(path).extension().is_some_and(|end| end == "pyc") {
            return byte_code(one, other);
        }
        let binary = one.starts_with(b"\x7fELF");
        if binary && around.trained {
            return Some(Self::Profile);
        }
        let (one, other) = (lines(one), lines(other));
        if one == other {
            return None;
        }
        let (mut one, mut other) = subtract(&one, &other);
        if one.is_empty() && other.is_empty() {
            return Some(Self::Order);
        }
        one.sort_unstable();
        other.sort_unstable();
        words(&one, &other, around)
    }
}

/// The first 16 bytes say what the rest belongs to: a time or a hash. Source: PEP 552.
fn byte_code(one: &[u8], other: &[u8]) -> Option<DifferenceCause> {
    match (one.get(16..), other.get(16..)) {
        (Some(one), Some(other)) if one == other => Some(DifferenceCause::Time),
        // Marshalled references are numbered as they are met: which objects were shared decides about every number.
        (Some(one), Some(other)) if one.len().abs_diff(other.len()) < one.len() / 50 + 16 => {
            Some(DifferenceCause::Order)
        }
        _ => None,
    }
}

/// A text's lines, or the readable pieces of anything else.
fn lines(bytes: &[u8]) -> Vec<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.lines().collect(),
        Err(_) => bytes
            .split(|byte| !(b' '..=b'~').contains(byte))
            .filter(|piece| piece.len() >= 4)
            .filter_map(|piece| std::str::from_utf8(piece).ok())
            .collect(),
    }
}

/// Items that only one of the two has.
fn subtract<'a>(one: &[&'a str], other: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    let mut count: BTreeMap<&str, i64> = BTreeMap::new();
    for (lines, sign) in [(one, 1), (other, -1)] {
        for line in lines {
            *count.entry(line).or_default() += sign;
        }
    }
    let left = |sign: i64| {
        let more = count.iter().filter(move |(_, count)| **count * sign > 0);
        more.map(|(line, _)| *line).collect::<Vec<&str>>()
    };
    (left(1), left(-1))
}

fn words(one: &[&str], other: &[&str], around: &BuildSurroundings) -> Option<DifferenceCause> {
    let first: Vec<&str> = one.iter().flat_map(|line| tokens(line)).collect();
    let second: Vec<&str> = other.iter().flat_map(|line| tokens(line)).collect();
    let dated = [one, other].iter().any(|lines| lines.iter().any(|line| names_a_month(line)));
    let (a, b) = subtract(&first, &second);
    if a.is_empty() && b.is_empty() {
        return Some(DifferenceCause::Order);
    }
    let all = |is: &dyn Fn(&str) -> bool| a.iter().chain(&b).all(|word| is(word));
    if all(&|word| is_time(word) || (dated && is_number(word)) || names_a_month(word)) {
        Some(DifferenceCause::Time)
    } else if all(&|word| around.machines.iter().any(|name| name.split_whitespace().any(|part| part == word))) {
        Some(DifferenceCause::Machine)
    } else if all(&|word| word.contains('/')) {
        Some(DifferenceCause::Path)
    } else {
        None
    }
}

fn tokens(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || "\"'`,;=()[]{}<>".contains(c)).filter(|word| !word.is_empty())
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// `12:34:56`, `2026-01-02`, or seconds since the epoch in this century.
fn is_time(word: &str) -> bool {
    let parts = |by: char| word.split(by).filter(|part| !part.is_empty() && is_number(part)).count();
    let clock = word.contains(':') && parts(':') == word.split(':').count();
    let date = parts('-') == 3 && word.split('-').count() == 3;
    let epoch = word.len() == 10 && is_number(word) && word.starts_with(['1', '2']);
    clock || date || epoch
}

fn names_a_month(text: &str) -> bool {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    text.split(|c: char| !c.is_ascii_alphabetic()).any(|word| MONTHS.contains(&word))
}
