//! `vmbuild image …`: one function per verb. Data goes to standard output: a table, or one JSON document with
//! `schema: 1` (docs/image-verbs.md lists the fields).

mod build;
mod export;
mod fetch;
mod list;
mod prune;
mod show;
mod update;
mod verb;
mod verify;

pub(crate) use verb::image;
