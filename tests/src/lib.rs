//! What journeys, faults and interop share: a scene of carriers and an engine, its books, other mail servers, readers.
#![doc = include_str!("../README.md")]

pub mod books;
pub mod bounces;
pub mod dkim;
pub mod enclosure;
mod exim;
pub mod mail;
mod opensmtpd;
pub mod peer;
pub mod peer_plan;
mod postfix;
pub mod program;
pub mod returns;
pub mod scene;
mod sendmail;

pub use books::Books;
pub use peer::Peer;
pub use peer_plan::{Kind, PeerPlan};
pub use scene::{Answer, Scene, guardian, notice_for};
