//! The order of the workspace's crates: Cargo rejects cycles, this rejects an edge upwards.

use super::tree::{SourceText, SourceTree};
use std::collections::BTreeMap;

/// Every crate, lowest first. A crate depends only on crates before it.
const ORDER: [&str; 17] = [
    "crates/protocol",
    "crates/supervise",
    "crates/archive",
    "crates/core",
    "crates/fetch",
    "crates/packages",
    "crates/guest",
    "crates/machine",
    "crates/cpython",
    "crates/image",
    "crates/source",
    "crates/artifact",
    "crates/job",
    "crates/operations",
    "crates/testkit",
    "agent",
    "host",
];

/// Crates of ours that a crate may not have although they are below it, and foreign crates that would break a promise.
const NEVER: [(&str, &[&str], &str); 5] = [
    ("crates/protocol", &["tokio", "fs-err", "rustix", "nix"], "the protocol does no I/O"),
    ("crates/cpython", &["tokio", "fs-err", "rustix", "nix", "vmbuild-core", "vmbuild-supervise"], "it is pure"),
    ("crates/archive", &["vmbuild-supervise", "nix", "ureq"], "it starts no process and opens no socket"),
    ("agent", HOST_ONLY, "the agent does not know the host"),
    ("crates/operations", &["clap", "indicatif"], "operations have no command line"),
];

/// Libraries of the host's side.
const HOST_ONLY: &[&str] = &[
    "vmbuild-core",
    "vmbuild-fetch",
    "vmbuild-guest",
    "vmbuild-machine",
    "vmbuild-image",
    "vmbuild-source",
    "vmbuild-artifact",
    "vmbuild-job",
    "vmbuild-operations",
];

#[derive(serde::Deserialize)]
struct CrateManifest {
    #[serde(default)]
    dependencies: BTreeMap<String, toml::Value>,
}

pub(super) fn check(tree: &SourceTree) -> Vec<String> {
    let manifests = ORDER
        .iter()
        .enumerate()
        .filter_map(|(rank, folder)| tree.file(&format!("{folder}/Cargo.toml")).map(|file| (rank, *folder, file)));
    manifests.flat_map(|(rank, folder, file)| edges(rank, folder, file)).collect()
}

fn edges(rank: usize, folder: &str, file: &SourceText) -> Vec<String> {
    let Ok(manifest) = toml::from_str::<CrateManifest>(&file.text) else {
        return vec![format!("{}: not a manifest", file.name)];
    };
    let upwards = |name: &str| {
        let target = name.strip_prefix("vmbuild-")?;
        let above = ORDER.iter().skip(rank).find(|place| place.rsplit('/').next() == Some(target))?;
        Some(format!("{}: depends on `{name}`, which is above it ({above})", file.name))
    };
    let refused = |name: &str| {
        let (_, _, why) = NEVER.iter().find(|(of, never, _)| *of == folder && never.contains(&name))?;
        Some(format!("{}: depends on `{name}`, but {why}", file.name))
    };
    manifest.dependencies.keys().flat_map(|name| upwards(name).into_iter().chain(refused(name))).collect()
}

#[cfg(test)]
mod tests {
    use crate::tidy::tree::one;

    fn check(name: &str, dependency: &str, expect: usize) {
        let text = format!("[dependencies]\n{dependency}.workspace = true\n");
        assert_eq!(super::check(&one(name, &text)).len(), expect, "{name} on {dependency}");
    }

    #[test]
    fn edges_lead_downwards() {
        check("crates/machine/Cargo.toml", "vmbuild-image", 1);
        check("crates/image/Cargo.toml", "vmbuild-machine", 0);
        check("crates/guest/Cargo.toml", "vmbuild-machine", 1);
        check("crates/guest/Cargo.toml", "vmbuild-guest", 1);
        check("host/Cargo.toml", "vmbuild-operations", 0);
    }

    #[test]
    fn pure_crates_stay_pure() {
        check("crates/protocol/Cargo.toml", "tokio", 1);
        check("crates/protocol/Cargo.toml", "tokio-util", 0);
        check("crates/cpython/Cargo.toml", "vmbuild-supervise", 1);
        check("crates/operations/Cargo.toml", "clap", 1);
        check("agent/Cargo.toml", "vmbuild-image", 1);
        check("agent/Cargo.toml", "vmbuild-archive", 0);
    }
}
