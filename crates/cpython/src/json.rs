//! The form of our JSON files.

use serde::Serialize;

/// Indented JSON with a line break at its end; fields in the order of their declaration.
pub(crate) fn pretty(data: &impl Serialize) -> String {
    let json = serde_json::to_string_pretty(data);
    format!("{}\n", json.expect("plain data with text keys always becomes JSON"))
}
