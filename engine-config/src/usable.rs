//! What may be used: sections with every value checked, by themselves and against each other.

pub mod builtin;
pub mod carrier;
pub mod config;
pub mod dns;
pub mod engine;
pub mod http;
pub mod pools;
pub mod profiles;
pub mod queue;
pub mod routes;
pub mod text;
