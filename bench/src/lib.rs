//! Load tools, measured against a peer and against ourselves, with recorded results.
#![doc = include_str!("../README.md")]
#![allow(clippy::print_stdout)] // Tables for people.

pub use figures::{machine, report};

pub mod depth;
pub mod engine;
pub mod http;
pub mod http_load;
pub mod intake;
pub mod mails;
pub mod measure;
pub mod peers;
pub mod postfix;
pub mod procfs;
pub mod sink;
pub mod sink_process;
pub mod smtp_load;
pub mod tarpit;
pub mod tarpits;
