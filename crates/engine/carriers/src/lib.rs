//! A domain's mail hosts and whose they are.
#![doc = include_str!("../README.md")]

mod answer;
mod directory;
mod memory;
mod resolver;
mod route;

pub use directory::Directory;
pub use resolver::Resolver;
pub use route::{MxHost, Route};
