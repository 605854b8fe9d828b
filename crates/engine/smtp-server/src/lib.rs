//! One inbound session with limits, and the listener that holds them all.
#![doc = include_str!("../README.md")]

mod accept;
mod arrivals;
mod content;
mod conversation;
mod doors;
mod error;
mod gate;
mod house;
mod line;
mod pace;
mod session;
mod settings;
mod tls;
mod why;

pub use accept::{listen, serve};
pub use doors::{Accepted, Answer, Doorkeeper, Store, Stored};
pub use error::ServerError;
pub use settings::Settings;
pub use smtp_wire::ReversePath;
pub use tls::Tls;
