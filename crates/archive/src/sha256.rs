//! A SHA-256 digest as a type of its own, so that no other text is ever compared with one.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A SHA-256 digest. Written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256(pub [u8; 32]);

/// The text is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SHA-256: 64 hexadecimal digits are expected")]
pub struct Sha256Error(String);

impl Sha256 {
    /// The digest's 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight digits, for lines that people read.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..4])
    }
}

impl From<[u8; 32]> for Sha256 {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Sha256 {
    type Err = Sha256Error;

    fn from_str(text: &str) -> Result<Self, Sha256Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| Sha256Error(text.to_owned()))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Sha256({self})")
    }
}

impl TryFrom<String> for Sha256 {
    type Error = Sha256Error;

    fn try_from(text: String) -> Result<Self, Sha256Error> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Sha256;

    fn check(input: &str, expect: Option<&str>) {
        assert_eq!(input.parse::<Sha256>().ok().map(|digest| digest.to_string()).as_deref(), expect, "{input}");
    }

    #[test]
    fn is_sixty_four_digits() {
        check(&"0a".repeat(32), Some(&"0a".repeat(32)));
        check(&"0A".repeat(32), Some(&"0a".repeat(32)));
        check(&"0a".repeat(31), None);
        check(&"0g".repeat(32), None);
        check(&format!(" {}", "0a".repeat(32)), None);
        check("", None);
    }

    #[test]
    fn shortens_to_eight_digits() {
        let digest: Sha256 = "12345678".repeat(8).parse().expect("64 digits");
        assert_eq!(digest.short(), "12345678");
    }
}
