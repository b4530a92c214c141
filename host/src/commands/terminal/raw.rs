//! This terminal in raw mode, for as long as a guest program has it.
//!
//! In raw mode a terminal echoes nothing and turns Ctrl-C into a byte: the guest's terminal does both. A shell that
//! gets such a terminal back is unusable, so the mode goes with a guard: it is restored whether the work ends, fails,
//! is interrupted or panics. Only SIGKILL leaves no time for it.

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::io;
use vmbuild_protocol::TerminalSize;

/// The size of a terminal that reports none.
const USUAL: TerminalSize = TerminalSize { rows: 24, columns: 80 };

/// Restores the terminal when it goes.
#[derive(Debug)]
pub(super) struct RawMode(Termios);

impl RawMode {
    /// Puts the terminal on standard input into raw mode. Fails if there is none.
    pub(super) fn enter() -> io::Result<Self> {
        let before = tcgetattr(rustix::stdio::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self(before))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that is gone needs no mode. Nothing is waited for: output may be stuck.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.0);
    }
}

/// The size of the terminal on standard input.
pub(super) fn size() -> TerminalSize {
    match tcgetwinsize(rustix::stdio::stdin()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => TerminalSize { rows: size.ws_row, columns: size.ws_col },
        _ => USUAL,
    }
}
