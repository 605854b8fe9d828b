//! What a reply or a failure means: cause, what to do, whom to suppress. Pure.
#![doc = include_str!("../README.md")]

mod address_history;
mod carriers;
mod classify;
mod code;
mod disposition;
mod facts;
mod normalise;
mod report;
mod rule;
mod rule_book;
mod rules;
mod status;
mod trouble;

pub use address_history::{AddressHistory, Noted, Reason, Said, Wish};
pub use classify::{classify_quoted_reply, classify_reply};
pub use disposition::{BLOCKED_ATTEMPTS_MAX, Disposition, disposition};
pub use report::{
    FeedbackType, Original, RecipientReport, Report, ReportAction, ReportKind, ReportedAddress, read_report,
};
pub use trouble::{TransportTrouble, classify_trouble};
