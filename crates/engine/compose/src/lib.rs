//! The bytes of one mail: MIME, charset, per-recipient parts, signatures.
#![doc = include_str!("../README.md")]

mod attachment;
mod built;
mod charset;
mod content;
pub mod dkim;
mod error;
mod fill;
mod jis;
mod jis_table;
pub mod limits;
mod line;
mod mailbox;
mod piece;
mod raw;
mod sheet;
mod spec;
mod stored;
mod template;
mod transfer;
mod words;

pub use charset::Charset;
pub use content::Content;
pub use error::ContentError;
pub use fill::{Fill, Unsubscribe};
pub use sheet::Rendered;
pub use spec::{Attachment, BuiltSpec, ContentSpec, Dialect, Sender, SenderParts};
pub use stored::{StoredContent, StoredRecipient};
