//! What may be used: sections with every value checked, by themselves and against each other.

pub mod builtin;
pub mod canaries;
pub mod carrier;
pub mod config;
pub mod dns;
pub mod edges;
pub mod engine;
pub mod http;
pub mod inbound;
pub mod pools;
pub mod profiles;
pub mod queue;
pub mod registration;
pub mod returns;
pub mod routes;
pub mod secret;
pub mod signing;
pub mod text;
