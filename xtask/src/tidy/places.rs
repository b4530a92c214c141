//! Forbids addresses of package archives and paths of somebody's machine: both come from the machine's own settings.

use super::tree::SourceTree;

/// Places where apt keeps the addresses of this machine's package archives, which the repository must not name.
const SOURCES: [&str; 2] = ["/etc/apt/sources.list", "/etc/apt/sources.list.d"];

/// Beginnings of absolute paths below somebody's home.
const HOMES: [[&str; 2]; 2] = [["/ho", "me/"], ["/Us", "ers/"]];

pub(super) fn check(tree: &SourceTree) -> Vec<String> {
    let here = tree.root.to_string_lossy().into_owned();
    let banned: Vec<String> = archives().into_iter().chain(HOMES.map(|home| home.concat())).chain([here]).collect();
    let lines = tree.files.iter().flat_map(|file| file.lines().map(move |(number, line)| (file, number, line)));
    lines
        .filter_map(|(file, number, line)| {
            let word = banned.iter().find(|word| line.contains(word.as_str()))?;
            Some(format!("{}:{number}: names {word}", file.name))
        })
        .collect()
}

/// The host names of this machine's package archives.
fn archives() -> Vec<String> {
    let [file, folder] = SOURCES;
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let texts = entries.chain([file.into()]).filter_map(|path| fs_err::read_to_string(path).ok());
    texts.flat_map(|text| hosts(&text)).collect()
}

/// The hosts in apt's configuration, `deb http://host/path …` or `URIs: http://host/path`; comments do not count.
fn hosts(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let addresses = lines.flat_map(|line| line.split("://").skip(1));
    let hosts = addresses.filter_map(|rest| rest.split(['/', ' ', ':']).next());
    hosts.filter(|host| host.contains('.')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use crate::tidy::tree::one;

    fn check(text: &str, expect: usize) {
        assert_eq!(super::check(&one("a.md", text)).len(), expect, "{text}");
    }

    #[test]
    fn places_of_machines() {
        check(&format!("see /ho{}anna/x", "me/"), 1);
        check("see /repository/host", 1);
        check("python.org and $HOME/x and the home/ folder", 0);
    }

    #[test]
    fn hosts_of_both_forms() {
        let text = "# deb http://old.example.org/x y\ndeb [a=b] http://one.example.org/debian stable main\n\
                    URIs: https://two.example.org\nSuites: stable\n";
        assert_eq!(super::hosts(text), ["one.example.org", "two.example.org"]);
    }
}
