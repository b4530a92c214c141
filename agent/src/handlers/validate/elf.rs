//! What a loader does with one program or library, as its headers say.

use goblin::elf::Elf;
use goblin::elf::dynamic::{DF_1_NOW, DF_BIND_NOW, DF_TEXTREL, DT_BIND_NOW, DT_RPATH, DT_RUNPATH, DT_TEXTREL};
use goblin::elf::header::{ET_DYN, ET_EXEC};
use goblin::elf::program_header::{PF_X, PT_GNU_RELRO, PT_GNU_STACK};
use std::path::Path;

/// The first bytes of every program and library. Source: elf(5).
pub(super) const MAGIC: &[u8; 4] = b"\x7fELF";
/// Exported by the file that holds the interpreter, whether that is a library or the program.
const INTERPRETER: &str = "Py_BytesMain";

/// What was found in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Properties that it should have and has not: fragments for people.
    pub(super) flaws: Vec<String>,
    /// Whether it holds the interpreter.
    pub(super) is_interpreter: bool,
    /// Whether it calls the C library's checking functions.
    pub(super) fortified: bool,
}

/// Looks at a file; `None` if it is nothing that a loader loads. `folder` is where it lies.
pub(super) fn look(bytes: &[u8], folder: &Path) -> Result<Option<Found>, String> {
    let elf = Elf::parse(bytes).map_err(|error| error.to_string())?;
    if !matches!(elf.header.e_type, ET_EXEC | ET_DYN) {
        return Ok(None);
    }
    let symbols = |wanted: fn(&str) -> bool| {
        let name = |symbol: goblin::elf::Sym| elf.dynstrtab.get_at(symbol.st_name).is_some_and(wanted);
        elf.dynsyms.iter().any(name)
    };
    let is_interpreter = elf
        .dynsyms
        .iter()
        .any(|symbol| !symbol.is_import() && elf.dynstrtab.get_at(symbol.st_name) == Some(INTERPRETER));
    let fortified = symbols(|name| name.starts_with("__") && name.ends_with("_chk"));
    let canaries = symbols(|name| name == "__stack_chk_fail");
    let flags = [
        (elf.header.e_type == ET_EXEC, "is not position-independent"),
        (!is_stack_plain(&elf), "has an executable stack"),
        (!elf.program_headers.iter().any(|header| header.p_type == PT_GNU_RELRO), "has no RELRO"),
        (!is_bound_at_start(&elf), "is not bound at start (BIND_NOW)"),
        (rewrites_code(&elf), "has code that the loader must rewrite"),
        (is_interpreter && !canaries, "has no stack protector"),
    ];
    let mut flaws: Vec<String> =
        flags.iter().filter(|(flawed, _)| *flawed).map(|(_, flaw)| (*flaw).to_owned()).collect();
    flaws.extend(search_path(&elf).into_iter().filter_map(|place| stray(place, folder)));
    Ok(Some(Found { flaws, is_interpreter, fortified }))
}

fn is_stack_plain(elf: &Elf<'_>) -> bool {
    // Without the header, the kernel takes it that the stack must be executable.
    elf.program_headers.iter().any(|header| header.p_type == PT_GNU_STACK && header.p_flags & PF_X == 0)
}

fn is_bound_at_start(elf: &Elf<'_>) -> bool {
    let Some(dynamic) = &elf.dynamic else { return true };
    let said = dynamic.info.flags & DF_BIND_NOW != 0 || dynamic.info.flags_1 & DF_1_NOW != 0;
    said || dynamic.dyns.iter().any(|entry| entry.d_tag == DT_BIND_NOW)
}

fn rewrites_code(elf: &Elf<'_>) -> bool {
    let Some(dynamic) = &elf.dynamic else { return false };
    dynamic.info.flags & DF_TEXTREL != 0 || dynamic.dyns.iter().any(|entry| entry.d_tag == DT_TEXTREL)
}

/// The folders where the loader looks for its libraries first.
fn search_path<'a>(elf: &Elf<'a>) -> Vec<&'a str> {
    let Some(dynamic) = &elf.dynamic else { return Vec::new() };
    let paths = dynamic.dyns.iter().filter(|entry| matches!(entry.d_tag, DT_RPATH | DT_RUNPATH));
    let texts = paths.filter_map(|entry| elf.dynstrtab.get_at(usize::try_from(entry.d_val).ok()?));
    texts.flat_map(|text| text.split(':')).collect()
}

/// What is wrong with such a folder, if anything: it must be in the artifact, wherever that lies.
fn stray(place: &str, folder: &Path) -> Option<String> {
    let inside = place.strip_prefix("$ORIGIN").filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match inside {
        None => Some(format!("looks for libraries in `{place}`")),
        Some(rest) if folder.join(rest.trim_start_matches('/')).is_dir() => None,
        Some(_) => Some(format!("looks for libraries in {place}, which is not there")),
    }
}
