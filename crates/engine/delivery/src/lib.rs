//! The hot path: take an assignment, speak to the carrier, classify, settle.
#![doc = include_str!("../README.md")]

mod attempt;
mod content;
mod context;
mod desk;
mod encryption;
mod engine;
pub mod greylists;
pub mod judge;
mod open;
mod pack;
mod stamps;
mod tell;

pub use engine::{Engine, Parts};
pub use stamps::{DeliveryError, signers};
