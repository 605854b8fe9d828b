//! What a carrier would object to in how we send, found in DNS and said in plain words.
#![doc = include_str!("../README.md")]

mod certificate;
mod der;
mod dkim;
mod dmarc;
mod finding;
mod from_domain;
mod names;
mod objection;
mod page;
mod public_key;
mod report;
mod returns;
mod sender;
mod sources;
mod spf;
mod tags;
mod tls;

pub use certificate::certificate_ends;
pub use finding::{Check, DnsRecord, Finding, Language, Level, Words};
pub use names::{Answer, MailHost, Names};
pub use objection::{CARRIERS, Effect, Objection};
pub use page::{Style, page, summary};
pub use public_key::{Algorithm, PublicKey};
pub use report::{Outlook, Report, check};
pub use sender::{Listener, Sender, SenderError, Setup, SigningKey, Source};
