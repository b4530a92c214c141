//! Presentation of events: the only part of vmbuild that prints.
//!
//! A build takes ten minutes, and three kinds of reader follow it: a person at a terminal, who wants one line per
//! phase that moves; a CI log, which wants few lines, each complete; a program, which wants every event as data.
//! One stream of [`Event`](vmbuild_core::event::Event)s serves all three. Standard output carries data only (the
//! artifact's path, tables that were asked for, JSON); everything else goes to standard error.
//!
//! Only `terminal` knows indicatif.

mod error;
mod findings;
mod format;
mod json;
mod output;
mod paint;
mod plain;
mod progress;
mod quiet;
mod run;
mod summary;
mod table;
mod terminal;
#[cfg(test)]
mod tests;
mod words;

pub use error::event as error_event;
pub use findings::{finding_json, finding_table};
pub use format::ReportFormat;
pub use output::{printed, program_output, to_stdout};
pub use paint::ColorPaint;
pub use run::{fail, run};
pub use table::{TableCell, columns};
