//! Progress of a step, as its output shows it.

use super::compile::CompileCounter;
use super::lines::LineSplitter;
use super::regrtest::RegressionTests;
use vmbuild_protocol::{OutputStream, Watch};

/// How far a step is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StepAdvance {
    /// Units done.
    pub(super) done: u64,
    /// Units in total, where known.
    pub(super) total: Option<u64>,
    /// The last complete line that is not blank.
    pub(super) last_line: String,
}

/// Reads a program's output as its step asks for.
#[derive(Debug)]
pub(super) struct OutputWatcher {
    stdout: LineSplitter,
    stderr: LineSplitter,
    heard: WatchedLine,
}

#[derive(Debug)]
struct WatchedLine {
    reader: OutputReader,
    last_line: String,
    changed: bool,
}

#[derive(Debug)]
enum OutputReader {
    LastLine,
    CompileCounter { compile: CompileCounter, total: Option<u64> },
    RegressionTests(RegressionTests),
}

impl OutputWatcher {
    pub(super) fn new(watch: Watch) -> Self {
        let reader = match watch {
            Watch::LastLine => OutputReader::LastLine,
            Watch::Compile { total } => OutputReader::CompileCounter { compile: CompileCounter::default(), total },
            Watch::RegressionTests => OutputReader::RegressionTests(RegressionTests::default()),
        };
        let heard = WatchedLine { reader, last_line: String::new(), changed: false };
        Self { stdout: LineSplitter::default(), stderr: LineSplitter::default(), heard }
    }

    /// Takes the next output.
    pub(super) fn push(&mut self, stream: OutputStream, bytes: &[u8]) {
        let heard = &mut self.heard;
        match stream {
            OutputStream::Stdout => self.stdout.push(bytes, |line| heard.line(line)),
            OutputStream::Stderr => self.stderr.push(bytes, |line| heard.line(line)),
        }
    }

    /// Takes the end of both streams.
    pub(super) fn finish(&mut self) {
        let heard = &mut self.heard;
        self.stdout.finish(|line| heard.line(line));
        self.stderr.finish(|line| heard.line(line));
    }

    /// How far the step is, if that is news.
    pub(super) fn take_news(&mut self) -> Option<StepAdvance> {
        std::mem::take(&mut self.heard.changed).then(|| self.advance())
    }

    /// How far the step is.
    pub(super) fn advance(&self) -> StepAdvance {
        let (done, total) = match &self.heard.reader {
            OutputReader::LastLine => (0, None),
            OutputReader::CompileCounter { compile, total } => (compile.done, *total),
            OutputReader::RegressionTests(tests) => tests.counted(),
        };
        StepAdvance { done, total, last_line: self.heard.last_line.clone() }
    }

    /// Explanation of a failure, from the output.
    pub(super) fn explanation(&self) -> Option<String> {
        match &self.heard.reader {
            OutputReader::RegressionTests(tests) => tests.failures(),
            OutputReader::LastLine | OutputReader::CompileCounter { .. } => None,
        }
    }

    /// The reason to doubt a program that exited with 0, if there is one.
    pub(super) fn doubt(&self) -> Option<String> {
        match &self.heard.reader {
            OutputReader::RegressionTests(tests) => tests.doubt(),
            OutputReader::LastLine | OutputReader::CompileCounter { .. } => None,
        }
    }
}

impl WatchedLine {
    fn line(&mut self, line: &str) {
        match &mut self.reader {
            OutputReader::LastLine => {}
            OutputReader::CompileCounter { compile, .. } => compile.line(line),
            OutputReader::RegressionTests(tests) => tests.line(line),
        }
        if !line.trim().is_empty() {
            // A frame carries it several times a second: a screen's width is enough.
            self.last_line = line.chars().take(300).collect();
            self.changed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{OutputWatcher, StepAdvance};
    use vmbuild_protocol::{OutputStream, Watch};

    #[test]
    fn streams_do_not_mix_and_news_come_once() {
        let mut watcher = OutputWatcher::new(Watch::Compile { total: Some(2) });
        watcher.push(OutputStream::Stdout, b"gcc -c -o a.o ");
        assert_eq!(watcher.take_news(), None);
        watcher.push(OutputStream::Stderr, b"warning: x\n");
        watcher.push(OutputStream::Stdout, b"a.c\n\n");
        let line = "gcc -c -o a.o a.c".to_owned();
        assert_eq!(watcher.take_news(), Some(StepAdvance { done: 1, total: Some(2), last_line: line }));
        assert_eq!(watcher.take_news(), None);
        watcher.push(OutputStream::Stdout, b"gcc -c -o b.o b.c");
        watcher.finish();
        assert_eq!(watcher.advance().done, 2);
    }
}
