//! Colour, or its absence.

use anstyle::{AnsiColor, Style};
use std::ffi::OsStr;

/// Whether a stream takes colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// ANSI escape sequences.
    Coloured,
    /// Text alone.
    Bare,
}

impl Paint {
    /// Colour on terminals, unless `NO_COLOR` is set to anything (<https://no-color.org>) or `TERM` is `dumb`.
    pub fn choose(is_terminal: bool) -> Self {
        let (no_color, term) = (std::env::var_os("NO_COLOR"), std::env::var_os("TERM"));
        Self::decide(is_terminal, no_color.as_deref(), term.as_deref())
    }

    fn decide(is_terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> Self {
        let unwanted = no_color.is_some_and(|value| !value.is_empty()) || term.is_some_and(|term| term == "dumb");
        if is_terminal && !unwanted { Self::Coloured } else { Self::Bare }
    }

    /// For what matters less.
    pub fn dim(self) -> Style {
        self.only(Style::new().dimmed())
    }

    /// For headings.
    pub fn bold(self) -> Style {
        self.only(Style::new().bold())
    }

    /// For what is well.
    pub fn green(self) -> Style {
        self.only(AnsiColor::Green.on_default())
    }

    /// For what deserves a look.
    pub fn yellow(self) -> Style {
        self.only(AnsiColor::Yellow.on_default())
    }

    /// For what failed.
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

/// `text` in `style`; nothing for nothing.
pub(super) fn styled(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
}

#[cfg(test)]
mod tests {
    use super::{Paint, styled};
    use std::ffi::OsStr;

    #[test]
    fn colour_needs_a_terminal_that_wants_it() {
        let check = |terminal, no_color: Option<&str>, term: Option<&str>, expect| {
            assert_eq!(Paint::decide(terminal, no_color.map(OsStr::new), term.map(OsStr::new)), expect);
        };
        check(true, None, Some("xterm"), Paint::Coloured);
        check(true, Some(""), None, Paint::Coloured);
        check(true, Some("1"), Some("xterm"), Paint::Bare);
        check(true, None, Some("dumb"), Paint::Bare);
        check(false, None, Some("xterm"), Paint::Bare);
    }

    #[test]
    fn bare_paint_leaves_no_trace() {
        assert_eq!(styled(Paint::Bare.red(), "text"), "text");
        assert_eq!(styled(Paint::Coloured.dim(), ""), "");
        assert_eq!(styled(Paint::Coloured.dim(), "text"), "\u{1b}[2mtext\u{1b}[0m");
    }
}
