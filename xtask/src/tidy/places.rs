//! No address of a package archive and no path of somebody's machine: both come from the machine's own settings.

use super::tree::Tree;

/// Package archives and registries, in halves, so that this file passes.
const HOSTS: [[&str; 2]; 9] = [
    ["deb", "debian.org"],
    ["security", "debian.org"],
    ["archive", "ubuntu.com"],
    ["security", "ubuntu.com"],
    ["ports", "ubuntu.com"],
    ["static", "crates.io"],
    ["index", "crates.io"],
    ["pypi", "org"],
    ["registry", "npmjs.org"],
];

/// What begins an absolute path below somebody's home.
const HOMES: [[&str; 2]; 2] = [["/ho", "me/"], ["/Us", "ers/"]];

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let here = tree.root.to_string_lossy().into_owned();
    let fixed = HOSTS.map(|host| host.join(".")).into_iter().chain(HOMES.map(|home| home.concat()));
    let banned: Vec<String> = fixed.chain([here]).collect();
    let lines = tree.files.iter().flat_map(|file| file.lines().map(move |(number, line)| (file, number, line)));
    lines
        .filter_map(|(file, number, line)| {
            let word = banned.iter().find(|word| line.contains(word.as_str()))?;
            Some(format!("{}:{number}: names {word}", file.name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::tidy::tree::one;

    fn check(text: &str, expect: usize) {
        assert_eq!(super::check(&one("a.md", text)).len(), expect, "{text}");
    }

    #[test]
    fn places_of_machines() {
        check(&format!("http://{}.org/debian", "deb.debian"), 1);
        check(&format!("see /ho{}anna/x", "me/"), 1);
        check("see /repository/host", 1);
        check("python.org and $HOME/x and the home/ folder", 0);
    }
}
