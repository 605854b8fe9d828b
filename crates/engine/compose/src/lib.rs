//! The bytes of one mail: MIME, charset, per-recipient parts.
#![doc = include_str!("../README.md")]

mod attachment;
mod built;
mod content;
mod error;
mod fill;
pub mod limits;
mod mailbox;
mod piece;
mod raw;
mod spec;
mod stored;
mod template;
mod transfer;
mod words;

pub use content::Content;
pub use error::ContentError;
pub use fill::Fill;
pub use spec::{Attachment, BuiltSpec, ContentSpec, Dialect, Sender, SenderParts};
pub use stored::{StoredContent, StoredRecipient};
