//! Reports that come by mail: bounces, complaints, automatic answers; and ordinary mail, told apart from them.

mod address;
mod auto_reply;
mod charset;
mod complaint;
mod delivery;
mod delivery_status;
mod encoded_word;
mod header;
mod host_carrier;
mod html;
mod lines;
mod mail;
mod mime;
mod model;
mod notice;
mod notification;
mod original;
mod phrases;
mod quoted;
mod read;
mod reading;
mod signs;
mod speaker;
mod stage_words;
mod transcript;
mod verdict;

pub use model::{FeedbackType, Original, RecipientReport, Report, ReportAction, ReportKind, ReportedAddress};
pub use read::read_report;
