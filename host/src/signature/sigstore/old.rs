//! Bundles of the first form.
//!
//! Early clients left the signed head of the log out, and without it a proof of inclusion proves nothing. Many of
//! CPython's bundles are such: those of 3.12.5, for one. Their form asks for the log's signed promise only, and that is
//! in them. Source: CPython issue 122785, sigstore-python issue 1088, `sigstore_bundle.proto` on version 0.1.

use serde_json::Value;
use std::borrow::Cow;
use vmbuild_cpython::LogProof;

const FIRST_FORM: &str = "application/vnd.dev.sigstore.bundle+json;version=0.1";

/// The bundle without such useless proofs, and what is left to prove that the log took it in.
pub(super) fn readable(text: &str) -> (Cow<'_, str>, LogProof) {
    let bundle = serde_json::from_str::<Value>(text).ok().filter(|bundle| bundle["mediaType"] == FIRST_FORM);
    match bundle.and_then(without_proofs) {
        Some(bundle) => (Cow::Owned(bundle.to_string()), LogProof::Promise),
        None => (Cow::Borrowed(text), LogProof::Inclusion),
    }
}

/// Nothing unless there is a promise for each entry, and a proof without a head of the log in one.
fn without_proofs(mut bundle: Value) -> Option<Value> {
    let entries = bundle.pointer_mut("/verificationMaterial/tlogEntries")?.as_array_mut()?;
    let promised = entries.iter().all(|entry| entry["inclusionPromise"]["signedEntryTimestamp"].is_string());
    let headless = entries.iter().any(|entry| entry["inclusionProof"]["checkpoint"].is_null());
    if entries.is_empty() || !promised || !headless {
        return None;
    }
    for entry in entries {
        entry.as_object_mut()?.remove("inclusionProof");
    }
    Some(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(form: &str, entry: &Value, expect: LogProof) {
        let bundle = json!({ "mediaType": form, "verificationMaterial": { "tlogEntries": [entry] } }).to_string();
        let (text, log) = readable(&bundle);
        assert_eq!((text.contains("inclusionProof"), log), (expect == LogProof::Inclusion, expect), "{bundle}");
    }

    #[test]
    fn only_old_bundles_are_taken_at_a_promise() {
        let promise = json!({ "signedEntryTimestamp": "MEUC" });
        let headless = json!({ "inclusionPromise": promise, "inclusionProof": { "hashes": [] } });
        let whole = json!({ "inclusionPromise": promise, "inclusionProof": { "checkpoint": { "envelope": "x" } } });
        check(FIRST_FORM, &headless, LogProof::Promise);
        check(FIRST_FORM, &whole, LogProof::Inclusion);
        check(FIRST_FORM, &json!({ "inclusionProof": {} }), LogProof::Inclusion);
        check("application/vnd.dev.sigstore.bundle.v0.3+json", &headless, LogProof::Inclusion);
        assert_eq!(readable("no JSON").1, LogProof::Inclusion);
    }
}
