//! Questions to DNS and their answers.
#![doc = include_str!("../README.md")]

mod ask;
mod dns;
mod halves;
mod reach;
mod records;
mod secured;
mod setup;
mod turns;

pub use dns::Dns;
pub use halves::Halves;
pub use reach::is_public;
pub use records::{Mx, Proof, Records, Secured, Tlsa};
pub use setup::{DnsError, mail_authenticator};
pub use turns::{Turn, Turns};
