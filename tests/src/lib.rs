//! What the journeys and faults share: a scene of carriers and an engine, its books, a real Postfix, readers.
#![doc = include_str!("../README.md")]

pub mod books;
pub mod bounces;
pub mod mail;
pub mod postfix;
pub mod program;
pub mod scene;

pub use books::Books;
pub use scene::{Answer, Scene, guardian, notice_for};
