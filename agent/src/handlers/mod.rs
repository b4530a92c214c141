//! Request handlers: one file or folder for each kind of request. The session dispatches calls to them and sends their
//! results as replies.

pub mod clock;
pub mod connect;
pub mod exec;
pub mod facts;
pub mod files;
pub mod grow_root;
pub mod interactive;
pub mod pack;
pub mod provision;
pub mod steps;
pub mod validate;
