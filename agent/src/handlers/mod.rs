//! What the agent does for each request. One file for each kind; the session calls them and carries their answers.

pub(crate) mod chain;

mod packages;
#[cfg(test)]
mod testing;

pub mod clock;
pub mod connect;
pub mod facts;
pub mod grow;
pub mod pack;
pub mod power;
pub mod provision;
pub mod steps;
pub mod validate;
