//! Makes the data files part of the program: every file of `images/`, its locks and keyrings, and
//! `provision/packages/`, under its own name. A new file is a new image; nothing names it in code.

use std::fmt::Write as _;
use std::path::Path;

/// The tables: their name, their folder under the workspace root, the ending of their files, and how a file is read.
const TABLES: [(&str, &str, &str, &str, &str); 4] = [
    ("IMAGES", "images", "toml", "str", "include_str"),
    ("LISTS", "provision/packages", "toml", "str", "include_str"),
    ("LOCKS", "images/locks", "toml", "str", "include_str"),
    ("KEYRINGS", "images/keyrings", "asc", "[u8]", "include_bytes"),
];

#[expect(clippy::disallowed_methods, reason = "build scripts keep to std: a dependency here slows every build")]
fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut code = String::new();
    for (name, folder, ending, of, read) in TABLES {
        let folder = root.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        let entries = std::fs::read_dir(&folder).expect("the clone has its data files");
        let paths = entries.map(|entry| entry.expect("the folder can be read").path());
        let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|is| is == ending)).collect();
        paths.sort_by_key(|path| path.file_stem().map(ToOwned::to_owned));
        let mut rows = String::new();
        for path in &paths {
            let (path, name) = (path.to_str().expect("UTF-8"), path.file_stem().and_then(|name| name.to_str()));
            write!(rows, "({:?}, {read}!({path:?})),", name.expect("it has a name")).expect("memory");
        }
        writeln!(code, "pub(super) const {name}: &[(&str, &{of})] = &[{rows}];").expect("memory");
    }
    let output = std::env::var_os("OUT_DIR").expect("cargo says where");
    std::fs::write(Path::new(&output).join("embedded.rs"), code).expect("cargo's folder can be written");
}
