//! Every dependency has its row in `docs/dependencies.md`: its job, and why this crate.

use super::tree::SourceTree;
use std::collections::BTreeMap;

const DOCUMENT: &str = "docs/dependencies.md";

#[derive(serde::Deserialize)]
struct WorkspaceManifest {
    workspace: WorkspaceTable,
}

#[derive(serde::Deserialize)]
struct WorkspaceTable {
    dependencies: BTreeMap<String, toml::Value>,
}

pub(super) fn check(tree: &SourceTree) -> Vec<String> {
    let text = |name| tree.file(name).map_or("", |file| file.text.as_str());
    let Ok(manifest) = toml::from_str::<WorkspaceManifest>(text("Cargo.toml")) else {
        return vec!["Cargo.toml: no [workspace.dependencies]".to_owned()];
    };
    let names: Vec<String> = manifest.workspace.dependencies.into_keys().collect();
    let documented: Vec<&str> = text(DOCUMENT).lines().filter_map(entry).collect();
    let missing = names.iter().filter(|name| !name.starts_with("vmbuild-") && !documented.contains(&name.as_str()));
    let stale = documented.iter().filter(|name| !names.iter().any(|known| known == *name));
    let missing = missing.map(|name| format!("{DOCUMENT}: has no line for `{name}`"));
    missing.chain(stale.map(|name| format!("{DOCUMENT}: `{name}` is no longer used"))).collect()
}

/// The crate that a table row is about: "| `clap` | … |".
fn entry(line: &str) -> Option<&str> {
    line.strip_prefix("| `")?.split('`').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::SourceText;

    #[test]
    fn both_ways() {
        let manifest =
            "[workspace.dependencies]\nclap = \"4\"\nhex = \"1\"\nvmbuild-protocol = { path = \"protocol\" }\n";
        let document = "| crate | job |\n|---|---|\n| `clap` | options |\n| `anyhow` | errors |\n";
        let file = |name: &str, text: &str| SourceText { name: name.to_owned(), text: text.to_owned() };
        let files = vec![file("Cargo.toml", manifest), file(DOCUMENT, document)];
        let tree = SourceTree { root: "/repository".into(), files };
        let expect = ["has no line for `hex`", "`anyhow` is no longer used"].map(|text| format!("{DOCUMENT}: {text}"));
        assert_eq!(check(&tree), expect);
    }
}
