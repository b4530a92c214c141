//! The program people run: its command line (`cli`), its verbs (`commands`), and how events look (`report`).
//!
//! `docs/architecture.md` is the map.

pub mod cli;
pub mod commands;
pub mod config;
pub mod report;
