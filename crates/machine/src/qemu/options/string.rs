//! The one place where values are escaped.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A value in QEMU's option syntax: `kind,key=value,key=value`.
///
/// A comma would end the value, so it is written twice; nothing else is special. Path names are bytes to Linux
/// and stay bytes here. Source: QEMU, `util/qemu-option.c`, `get_opt_value`; `util/keyval.c`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OptionString {
    bytes: Vec<u8>,
}

impl OptionString {
    /// Starts with the value whose key QEMU implies, such as the device of `-device`.
    pub(crate) fn of(kind: &str) -> Self {
        Self { bytes: escaped(OsStr::new(kind)).collect() }
    }

    /// Starts without an implied value.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds `key=value`.
    #[must_use]
    pub(crate) fn set(mut self, key: &'static str, value: impl AsRef<OsStr>) -> Self {
        if !self.bytes.is_empty() {
            self.bytes.push(b',');
        }
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.push(b'=');
        self.bytes.extend(escaped(value.as_ref()));
        self
    }

    /// Adds `key=<number>`.
    #[must_use]
    pub(crate) fn number(self, key: &'static str, value: impl Into<u64>) -> Self {
        self.set(key, value.into().to_string())
    }

    /// Adds `key=on` or `key=off`.
    #[must_use]
    pub(crate) fn switch(self, key: &'static str, value: QemuSwitch) -> Self {
        self.set(key, value.word())
    }

    /// The finished value.
    pub(crate) fn into_value(self) -> OsString {
        OsString::from_vec(self.bytes)
    }
}

/// QEMU's boolean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QemuSwitch {
    On,
    Off,
}

impl QemuSwitch {
    fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

fn escaped(value: &OsStr) -> impl Iterator<Item = u8> {
    value.as_bytes().iter().flat_map(|&byte| std::iter::repeat_n(byte, if byte == b',' { 2 } else { 1 }))
}

#[cfg(test)]
mod tests {
    use super::{OptionString, QemuSwitch};
    use proptest::prelude::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    fn check(value: &str, expect: &str) {
        assert_eq!(OptionString::of("socket").set("path", value).into_value(), expect);
    }

    #[test]
    fn only_commas_are_special() {
        check("agent.sock", "socket,path=agent.sock");
        check("", "socket,path=");
        check("a,b", "socket,path=a,,b");
        check(",", "socket,path=,,");
        check("a=b \"c\" 'd' \\ $e", "socket,path=a=b \"c\" 'd' \\ $e");
    }

    #[test]
    fn values_without_an_implied_one_start_with_their_key() {
        let made = OptionString::new().number("cpus", 4u32).switch("sandbox", QemuSwitch::Off).into_value();
        assert_eq!(made, "cpus=4,sandbox=off");
    }

    /// Reads one value the way QEMU does: up to a comma that no second one follows. Returns it and the rest.
    fn read_value(mut rest: &[u8]) -> (Vec<u8>, &[u8]) {
        let mut value = Vec::new();
        loop {
            let plain = rest.iter().position(|&byte| byte == b',').unwrap_or(rest.len());
            value.extend_from_slice(&rest[..plain]);
            rest = &rest[plain..];
            if !rest.starts_with(b",,") {
                return (value, rest.strip_prefix(b",").unwrap_or(rest));
            }
            value.push(b',');
            rest = &rest[2..];
        }
    }

    type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

    fn read_all(text: &[u8]) -> (Vec<u8>, Pairs) {
        let (kind, mut rest) = read_value(text);
        let mut pairs = Vec::new();
        while !rest.is_empty() {
            let equals = rest.iter().position(|&byte| byte == b'=').expect("every pair has a key");
            let (value, after) = read_value(&rest[equals + 1..]);
            pairs.push((rest[..equals].to_vec(), value));
            rest = after;
        }
        (kind, pairs)
    }

    proptest! {
        #[test]
        fn qemu_reads_what_was_meant(values in prop::collection::vec(prop::collection::vec(1u8.., 0..12), 0..5)) {
            let keys = ["path", "file.filename", "id", "name", "backing"];
            let mut option = OptionString::of("kind");
            let mut meant = Vec::new();
            for (key, value) in keys.into_iter().zip(values) {
                option = option.set(key, OsString::from_vec(value.clone()));
                meant.push((key.as_bytes().to_vec(), value));
            }
            let text = option.into_value();
            prop_assert_eq!(read_all(text.as_bytes()), (b"kind".to_vec(), meant));
        }

        #[test]
        fn commas_never_leak(value in "[,a=]{0,12}") {
            let text = OptionString::of("kind").set("key", &value).set("last", "1").into_value();
            let expect = vec![(b"key".to_vec(), value.into_bytes()), (b"last".to_vec(), b"1".to_vec())];
            prop_assert_eq!(read_all(text.as_bytes()), (b"kind".to_vec(), expect));
        }
    }
}
