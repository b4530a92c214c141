//! Colours.

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

/// Colour, or plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorPaint {
    /// ANSI escape sequences.
    Coloured,
    /// Text alone.
    Bare,
}

impl ColorPaint {
    /// The choice for standard output.
    pub fn of_stdout() -> Self {
        Self::choose(&std::io::stdout())
    }

    /// The choice for standard error.
    pub(super) fn of_stderr() -> Self {
        Self::choose(&std::io::stderr())
    }

    /// The choice for a stream, by the same rules as clap's help: colour on terminals, `NO_COLOR`
    /// (<https://no-color.org>), `CLICOLOR`, `CLICOLOR_FORCE` and `TERM=dumb`.
    fn choose(stream: &impl RawStream) -> Self {
        if AutoStream::choice(stream) == ColorChoice::Never { Self::Bare } else { Self::Coloured }
    }

    /// For details.
    pub fn dim(self) -> Style {
        self.only(Style::new().dimmed())
    }

    /// For headings.
    pub fn bold(self) -> Style {
        self.only(Style::new().bold())
    }

    /// For success.
    pub fn green(self) -> Style {
        self.only(AnsiColor::Green.on_default())
    }

    /// For warnings.
    pub fn yellow(self) -> Style {
        self.only(AnsiColor::Yellow.on_default())
    }

    /// For failures.
    pub fn red(self) -> Style {
        self.only(AnsiColor::Red.on_default().bold())
    }

    /// For bars and hints.
    pub fn cyan(self) -> Style {
        self.only(AnsiColor::Cyan.on_default())
    }

    fn only(self, style: Style) -> Style {
        match self {
            Self::Coloured => style,
            Self::Bare => Style::new(),
        }
    }
}

/// `text` in `style`; empty if `text` is.
pub(super) fn styled(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
}

#[cfg(test)]
mod tests {
    use super::{ColorPaint, styled};

    #[test]
    fn bare_paint_leaves_no_trace() {
        assert_eq!(styled(ColorPaint::Bare.red(), "text"), "text");
        assert_eq!(styled(ColorPaint::Coloured.dim(), ""), "");
        assert_eq!(styled(ColorPaint::Coloured.dim(), "text"), "\u{1b}[2mtext\u{1b}[0m");
    }
}
