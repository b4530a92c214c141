//! Format of vmbuild's data files: the schema version, checked by its type, and the JSON layout.

use serde::{Deserialize, Serialize};

/// `schema = 1`. Any other number fails to parse, with an error that contains it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Schema;

impl TryFrom<u32> for Schema {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        if number == 1 { Ok(Self) } else { Err(format!("unsupported schema {number} (expected 1)")) }
    }
}

impl From<Schema> for u32 {
    fn from(_: Schema) -> Self {
        1
    }
}

/// Returns indented JSON with a trailing newline; fields in the order of their declaration.
pub(crate) fn pretty_json(data: &impl Serialize) -> String {
    let json = serde_json::to_string_pretty(data);
    format!("{}\n", json.expect("plain data with text keys always becomes JSON"))
}
