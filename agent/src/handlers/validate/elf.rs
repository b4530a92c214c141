//! The properties of one program or library that a loader sees in its headers.

use goblin::elf::dynamic::{DF_1_NOW, DF_BIND_NOW, DF_TEXTREL, DT_BIND_NOW, DT_RPATH, DT_RUNPATH, DT_TEXTREL};
use goblin::elf::header::header64::SIZEOF_EHDR;
use goblin::elf::header::{EI_CLASS, ELFCLASS64, EM_386, EM_AARCH64, EM_ARM, EM_X86_64, ET_DYN, ET_EXEC};
use goblin::elf::program_header::{PF_X, PT_GNU_RELRO, PT_GNU_STACK};
use goblin::elf::section_header::SHT_NOBITS;
use goblin::elf::{Elf, Header, Sym};
use std::collections::BTreeSet;
use std::path::Path;

/// The first bytes of every program and library. Source: elf(5).
pub(super) const MAGIC: &[u8; 4] = b"\x7fELF";
/// Number of bytes of the header, which identifies a file.
pub(super) const START: usize = SIZEOF_EHDR;
/// The machine that this program runs on.
const THIS_MACHINE: u16 = if cfg!(target_arch = "aarch64") { EM_AARCH64 } else { EM_X86_64 };
/// Prefixes of the one function that a compiled module exports; the module's name follows. Source: PEP 489, PEP 793.
const MODULE_EXPORTS: [&str; 2] = ["PyInit_", "PyModExport_"];
/// Exported by the file that holds the interpreter, whether that is a library or the program.
const INTERPRETER: &str = "Py_BytesMain";

/// Findings in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ElfFindings {
    /// Properties that it should have and does not: fragments for people.
    pub(super) flaws: Vec<String>,
    /// Set if it holds the interpreter.
    pub(super) is_interpreter: bool,
    /// Set if it calls the C library's checking functions.
    pub(super) fortified: bool,
    /// The modules that it can give to an interpreter.
    pub(super) modules: BTreeSet<String>,
}

/// Demands an ELF file for this machine, by its first [`START`] bytes, and returns its header; the error says what it is
/// instead.
fn header_for_this_machine(start: &[u8]) -> Result<Header, String> {
    if start.starts_with(b"#!") {
        return Err("is a script, not an ELF file".to_owned());
    }
    if !start.starts_with(MAGIC) {
        return Err("is not an ELF file".to_owned());
    }
    let header = Elf::parse_header(start).map_err(|_| "is cut short".to_owned())?;
    if header.e_machine != THIS_MACHINE {
        return Err(format!("is for {}, this machine is {}", name_of(header.e_machine), name_of(THIS_MACHINE)));
    }
    if header.e_ident[EI_CLASS] != ELFCLASS64 {
        return Err("is not a 64-bit ELF file".to_owned());
    }
    Ok(header)
}

/// Demands also that it can be loaded: an object file or a core dump cannot.
pub(super) fn loadable(start: &[u8]) -> Result<(), String> {
    let header = header_for_this_machine(start)?;
    if is_loadable(&header) { Ok(()) } else { Err("is not a program or shared library".to_owned()) }
}

fn is_loadable(header: &Header) -> bool {
    matches!(header.e_type, ET_EXEC | ET_DYN)
}

fn name_of(machine: u16) -> String {
    match machine {
        EM_X86_64 => "x86_64".to_owned(),
        EM_AARCH64 => "aarch64".to_owned(),
        EM_386 => "i386".to_owned(),
        EM_ARM => "arm".to_owned(),
        other => format!("machine {other}"),
    }
}

/// Inspects a file in `folder`; `None` if a loader does not load such files. The error says why the file is not one for
/// this machine.
pub(super) fn inspect(bytes: &[u8], folder: &Path) -> Result<Option<ElfFindings>, String> {
    let header = header_for_this_machine(&bytes[..bytes.len().min(START)])?;
    let elf = Elf::parse(bytes).map_err(|error| format!("is damaged or cut short: {error}"))?;
    if end(&elf) > bytes.len() as u64 {
        return Err("is cut short".to_owned());
    }
    if !is_loadable(&header) {
        return Ok(None);
    }
    let has = |wanted: fn(&str) -> bool| names(&elf, |_| true).any(wanted);
    let exported: BTreeSet<&str> = names(&elf, |symbol| !symbol.is_import()).collect();
    let is_interpreter = exported.contains(INTERPRETER);
    let fortified = has(|name| name.starts_with("__") && name.ends_with("_chk"));
    let canaries = has(|name| name == "__stack_chk_fail");
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
    flaws.extend(search_path(&elf).into_iter().filter_map(|place| stray_folder(place, folder)));
    let module = |name: &&str| MODULE_EXPORTS.iter().find_map(|start| name.strip_prefix(start)).map(str::to_owned);
    let modules = exported.iter().filter_map(module).collect();
    Ok(Some(ElfFindings { flaws, is_interpreter, fortified, modules }))
}

/// The names of the symbols that the loader binds.
fn names<'a>(elf: &Elf<'a>, wanted: fn(&Sym) -> bool) -> impl Iterator<Item = &'a str> {
    let symbols: Vec<Sym> = elf.dynsyms.iter().filter(wanted).collect();
    let texts: Vec<&'a str> = symbols.iter().filter_map(|symbol| elf.dynstrtab.get_at(symbol.st_name)).collect();
    texts.into_iter()
}

/// The first byte after everything that its headers speak of.
fn end(elf: &Elf<'_>) -> u64 {
    let header = &elf.header;
    let table = header.e_shoff.saturating_add(u64::from(header.e_shnum) * u64::from(header.e_shentsize));
    let segments = elf.program_headers.iter().map(|segment| segment.p_offset.saturating_add(segment.p_filesz));
    let filled = elf.section_headers.iter().filter(|section| section.sh_type != SHT_NOBITS);
    let sections = filled.map(|section| section.sh_offset.saturating_add(section.sh_size));
    segments.chain(sections).fold(table, u64::max)
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

/// The flaw of such a folder, if any: it must be in the artifact, wherever that lies.
fn stray_folder(place: &str, folder: &Path) -> Option<String> {
    let inside = place.strip_prefix("$ORIGIN").filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match inside {
        None => Some(format!("looks for libraries in `{place}`")),
        Some(rest) if folder.join(rest.trim_start_matches('/')).is_dir() => None,
        Some(_) => Some(format!("looks for libraries in {place}, which does not exist")),
    }
}
