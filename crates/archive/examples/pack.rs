//! Packs a folder by hand: `cargo run -p vmbuild-archive --example pack -- ROOT ARCHIVE`.

use std::io::Write;
use vmbuild_archive::pack_tree;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [root, to] = words.as_slice() else { return Err("expected two arguments: ROOT ARCHIVE".into()) };
    let summary = pack_tree(root.as_ref(), to.as_ref(), 1_704_067_200)?;
    writeln!(std::io::stdout(), "{summary:?}")?;
    Ok(())
}
