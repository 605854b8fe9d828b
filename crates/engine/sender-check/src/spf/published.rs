//! The one SPF record of a domain, or why there is none.

use super::record::is_record;
use crate::names::{Answer, Names};

/// What a domain publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Published {
    /// One record.
    One(String),
    /// None; the name may not even exist.
    None,
    /// More than one, which verifiers treat as an error (RFC 7208 4.5).
    Several(Vec<String>),
    /// DNS did not answer.
    Failed,
}

pub(crate) async fn published(names: &impl Names, domain: &str) -> Published {
    let texts = match names.txt(domain).await {
        Answer::Failed => return Published::Failed,
        answer => answer.records(),
    };
    let mut records: Vec<String> = texts.into_iter().filter(|text| is_record(text)).collect();
    match records.len() {
        0 => Published::None,
        1 => records.pop().map_or(Published::None, Published::One),
        _ => Published::Several(records),
    }
}
