//! SMTP as bytes: replies, commands, dot-stuffing, end of data. Pure.
#![doc = include_str!("../README.md")]

pub mod capabilities;
pub mod client_command;
pub mod command;
pub mod dot;
pub mod end_of_data;
pub mod reply;
pub mod server_command;
mod text;

pub use capabilities::{Capabilities, ehlo_capabilities};
pub use client_command::{ClientCommand, CommandFault, ForwardPath, MailCommand, ReversePath};
pub use command::{EhloName, EhloNameError, MailParameters};
pub use dot::{DotStuffer, stuff};
pub use end_of_data::{EndOfData, Progress};
pub use reply::{ParsedReply, ReplyFault, ReplyLimits, ReplyParser};
pub use server_command::{CommandReader, ServerCommand};
