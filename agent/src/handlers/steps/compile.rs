//! Counting the objects a compiler run makes, from the commands `make` prints.

use std::path::Path;

/// How far a compiler run is.
#[derive(Debug, Default)]
pub(super) struct CompileCounter {
    /// Objects compiled.
    pub(super) done: u64,
    /// A command so far, where `make` prints it on several lines.
    continued: String,
}

impl CompileCounter {
    /// Takes the next line.
    pub(super) fn line(&mut self, line: &str) {
        if let Some(start) = line.strip_suffix('\\') {
            self.continued.push_str(start);
            self.continued.push(' ');
            return;
        }
        let start = std::mem::take(&mut self.continued);
        self.done += u64::from(compiles(&(start + line)));
    }
}

/// Returns whether a command compiles one C file: it has the argument `-c` and one that ends in `.c`.
fn compiles(command: &str) -> bool {
    let mut words = command.split_ascii_whitespace().skip(1);
    let named = |word: &str| Path::new(word.trim_end_matches(['\'', '"', ';', ')'])).extension() == Some("c".as_ref());
    words.clone().any(|word| word == "-c") && words.any(named)
}

#[cfg(test)]
mod tests {
    use super::CompileCounter;
    use crate::handlers::steps::lines::LineSplitter;

    fn count(output: &str) -> u64 {
        let (mut lines, mut compile) = (LineSplitter::default(), CompileCounter::default());
        lines.push(output.as_bytes(), |line| compile.line(line));
        compile.done
    }

    #[test]
    fn a_command_that_compiles_counts_one() {
        let cases = [
            ("gcc -c -Wall -O3 -o Objects/abstract.o Objects/abstract.c\n", 1),
            ("gcc -pthread -fPIC -I./Include -c ./Modules/_ssl.c -o Modules/_ssl.o\n", 1),
            ("gcc -c \\\n\t-DPREFIX='\"/opt\"' \\\n\t-o Modules/getpath.o ./Modules/getpath.c\n", 1),
            ("gcc -c -o a.o a.c\ngcc -c -o b.o b.c\n", 2),
            ("gcc -shared -o libpython3.13.so Modules/main.o\n", 0),
            ("gcc -o Programs/_freeze_module Programs/_freeze_module.c\n", 0),
            ("ar rcs libpython.a Parser/token.o\n", 0),
            ("checking for -c with gcc... yes\n", 0),
            ("-c a.c\n", 0),
            ("./python -E -c 'import sys'\n", 0),
            ("", 0),
        ];
        for (output, expect) in cases {
            assert_eq!(count(output), expect, "{output}");
        }
    }

    #[test]
    fn commands_cut_between_chunks_count_once() {
        let output = b"gcc -c -o a.o a.c\ngcc -c \\\n -o b.o b.c\n";
        for cut in 0..output.len() {
            let (mut lines, mut compile) = (LineSplitter::default(), CompileCounter::default());
            for piece in [&output[..cut], &output[cut..]] {
                lines.push(piece, |line| compile.line(line));
            }
            assert_eq!(compile.done, 2, "cut at {cut}");
        }
    }
}
