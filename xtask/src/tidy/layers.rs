//! Who may know whom. `docs/architecture.md` states these as invariants.

use super::tree::{Text, Tree};

/// Files under `below` (but not those under `except`) must not name any of `never`.
struct Layer {
    below: &'static str,
    except: &'static [&'static str],
    never: &'static [&'static str],
    because: &'static str,
}

const LAYERS: [Layer; 9] = [
    Layer {
        below: "host/src/",
        except: &["host/src/report/terminal.rs", "host/src/report/tests.rs"],
        never: &["indicatif"],
        because: "only the terminal reporter knows indicatif",
    },
    Layer {
        below: "host/src/",
        except: &["host/src/report/", "host/src/commands/", "host/src/cli.rs", "host/src/main.rs"],
        never: &["crate::report", "crate::commands", "crate::cli", "io::stdout()", "io::stderr()"],
        because: "libraries emit events; commands and report are above them",
    },
    Layer {
        below: "host/src/machine/",
        except: &[],
        never: &["crate::image", "crate::source", "crate::artifact"],
        because: "a machine is made of files and does not know where they came from",
    },
    Layer {
        below: "host/src/guest/",
        except: &[],
        never: &["crate::machine", "crate::image"],
        because: "a session does not know what carries it",
    },
    Layer {
        below: "protocol/src/",
        except: &[],
        never: &["tokio::net", "tokio::fs", "std::fs", "fs_err", "std::net", "process::Command", "vmbuild_"],
        because: "the protocol does no I/O and depends on nothing of ours",
    },
    Layer {
        below: "cpython/src/",
        except: &[],
        never: &["process::Command", "std::net", "tokio", "vmbuild_supervise", "std::fs", "fs_err"],
        because: "what we know about CPython is pure: no process, no socket, no file",
    },
    Layer {
        below: "supervise/src/",
        except: &[],
        never: &["vmbuild_"],
        because: "supervision depends on nothing of ours",
    },
    Layer {
        below: "archive/src/",
        except: &[],
        never: &["vmbuild_", "process::Command", "std::net"],
        because: "archives depend on nothing of ours and start nothing",
    },
    Layer {
        below: "agent/src/",
        except: &[],
        never: &["vmbuild::"],
        because: "the agent does not know the host program",
    },
];

/// What `report` may import of its own crate: events, failures, and the doctor's findings as data.
const REPORT_KNOWS: [&str; 4] = ["crate::event", "crate::failure", "crate::doctor", "crate::report"];

pub(super) fn check(tree: &Tree) -> Vec<String> {
    tree.rust().flat_map(|file| layered(file).into_iter().chain(report(file))).collect()
}

fn layered(file: &Text) -> Vec<String> {
    let applies = |layer: &&Layer| {
        file.name.starts_with(layer.below) && !layer.except.iter().any(|except| file.name.starts_with(except))
    };
    let broken = |layer: &'static Layer| {
        file.code().filter_map(move |(number, line)| {
            let word = layer.never.iter().find(|word| line.contains(**word))?;
            Some(format!("{}:{number}: names `{word}`, but {}", file.name, layer.because))
        })
    };
    LAYERS.iter().filter(applies).flat_map(broken).collect()
}

fn report(file: &Text) -> Vec<String> {
    if !file.name.starts_with("host/src/report/") {
        return Vec::new();
    }
    let foreign = |line: &str| line.contains("crate::") && !REPORT_KNOWS.iter().any(|known| line.contains(known));
    let lines = file.code().filter(|(_, line)| foreign(line));
    lines.map(|(number, _)| format!("{}:{number}: report knows events only", file.name)).collect()
}

#[cfg(test)]
mod tests {
    use crate::tidy::tree::one;

    fn check(name: &str, text: &str, expect: usize) {
        let findings = super::check(&one(name, text));
        assert_eq!(findings.len(), expect, "{name}: {text}: {findings:?}");
    }

    #[test]
    fn directions() {
        check("host/src/image/mod.rs", "use indicatif::ProgressBar;", 1);
        check("host/src/report/terminal.rs", "use indicatif::ProgressBar;", 0);
        check("host/src/machine/qemu/mod.rs", "use crate::image::Golden;", 1);
        check("host/src/machine/qemu/mod.rs", "// crate::image makes the disk", 0);
        check("host/src/report/plain.rs", "use crate::machine::Backend;", 1);
        check("host/src/report/plain.rs", "use crate::event::{Event, Kind};", 0);
        check("host/src/commands/build.rs", "use crate::report::run;", 0);
        check("cpython/src/lib.rs", "std::process::Command::new(\"make\")", 1);
        check("protocol/src/codec.rs", "use tokio_util::codec::Decoder;", 0);
        check("protocol/src/codec.rs", "use tokio::net::UnixStream;", 1);
        check("host/src/guest/session.rs", "#[cfg(test)]\nuse crate::machine::X;", 0);
    }
}
