//! vmbuild: compile CPython in reproducible throw-away machines.
//!
//! `docs/architecture.md` is the map. In one line: `commands` use {`image`, `machine`, `guest`, `source`,
//! `artifact`}, which emit `event`s, which `report` shows.

pub mod agent_binary;
pub mod artifact;
pub mod cli;
pub mod commands;
pub mod config;
pub mod doctor;
pub mod download;
pub mod event;
pub mod failure;
pub mod guest;
pub mod image;
pub mod machine;
pub mod report;
pub mod signature;
pub mod source;
pub mod store;
