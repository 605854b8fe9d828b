//! What the queue keeps of a message and of each recipient: the form in which content crosses from injection to sending.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::spec::{ContentSpec, Dialect};

/// Stored once per message (`queue::NewMessage::content`), as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredContent {
    /// The content as handed in.
    pub content: ContentSpec,
    /// Substitutions that hold for every recipient.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub substitutions: Map<String, Value>,
    /// What is sent in its place after the message's deadline, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<ContentSpec>,
    /// How the content's marks are read.
    #[serde(default)]
    pub dialect: Dialect,
}

/// Stored per recipient (the payload of `queue::Intake::add`), as JSON; empty bytes when there is nothing to keep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredRecipient {
    /// Display name for `To`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Substitutions of this recipient.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub substitutions: Map<String, Value>,
}

impl StoredContent {
    /// The bytes for the queue.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`StoredContent::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

impl StoredRecipient {
    /// The bytes for the queue; empty when there is nothing to keep, so that a plain recipient costs its address only.
    pub fn encode(&self) -> Vec<u8> {
        if *self == Self::default() {
            return Vec::new();
        }
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`StoredRecipient::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(bytes)
    }
}
