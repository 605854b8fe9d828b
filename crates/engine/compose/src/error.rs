//! What is wrong with a content: the field, and what to do about it.

use thiserror::Error;

/// A content that cannot become a mail. Its text names fields and variables, never what a substitution held.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {message}")]
pub struct ContentError {
    /// Where: `subject`, `attachments[2].file_name`, `content, header Reply-To`.
    pub field: String,
    /// What is wrong and the remedy, in one sentence or two.
    pub message: String,
}

impl ContentError {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}
