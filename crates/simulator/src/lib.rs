//! A scenario played against the real scheduler, throttle and judge, without sockets.
#![doc = include_str!("../README.md")]

mod agenda;
mod books;
pub mod chart;
pub mod cli;
mod ear;
mod ending;
mod files;
pub mod foresight;
pub mod honesty;
mod order;
mod play;
pub mod run_record;
mod sampler;
mod session;
mod setup;
pub mod shelf;
mod show;
pub mod sweep;
mod trace;
mod verdict;

pub use books::Best;
pub use files::scenarios;
pub use order::Order;
pub use play::{play, play_against};
pub use run_record::{Run, Score};
pub use setup::SetupError;
