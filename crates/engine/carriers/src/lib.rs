//! A domain's mail hosts and whose they are.
#![doc = include_str!("../README.md")]

mod answer;
mod directory;
mod dns;
mod memory;
mod reach;
mod resolver;
mod route;

pub use directory::Directory;
pub use dns::ResolverError;
pub use reach::is_public;
pub use resolver::Resolver;
pub use route::{MxHost, Route};
