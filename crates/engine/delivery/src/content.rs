//! Each message's content compiled once, kept while its notifications go out.

use std::collections::HashMap;
use std::sync::Arc;

use compose::{Content, StoredContent};
use mail_model::MessageId;
use parking_lot::Mutex;
use queue::{Queue, StoredMessage};
use serde_json::{Map, Value};

/// A message ready to be rendered for its recipients.
pub(crate) struct Compiled {
    pub(crate) message: Arc<StoredMessage>,
    pub(crate) content: Content,
    pub(crate) substitutions: Map<String, Value>,
}

/// Why a message cannot be rendered for anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// The queue has no such message: it was removed by an operator.
    Gone,
    /// Its content does not compile; checked at injection, so only an older version can have let it in.
    Broken(String),
}

/// The contents in use. Bounded: a ward sends a few notices at a time, and a rebuilt one costs a millisecond.
pub(crate) struct Contents {
    queue: Queue,
    host: String,
    known: Mutex<HashMap<MessageId, Entry>>,
}

struct Entry {
    compiled: Result<Arc<Compiled>, Unusable>,
    used: u64,
}

const CONTENTS_MAX: usize = 256;

impl Contents {
    pub(crate) fn new(queue: Queue, host: String) -> Self {
        Self { queue, host, known: Mutex::new(HashMap::new()) }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The compiled content of a message; compiled under the lock, so that a burst of sessions compiles it once.
    pub(crate) fn get(&self, id: MessageId, now: u64) -> Result<Arc<Compiled>, Unusable> {
        let mut known = self.known.lock();
        if let Some(entry) = known.get_mut(&id) {
            entry.used = now;
            return entry.compiled.clone();
        }
        if known.len() >= CONTENTS_MAX {
            let oldest = known.iter().min_by_key(|(_, entry)| entry.used).map(|(id, _)| *id);
            oldest.map(|id| known.remove(&id));
        }
        let compiled = self.compile(id);
        known.insert(id, Entry { compiled: compiled.clone(), used: now });
        compiled
    }

    fn compile(&self, id: MessageId) -> Result<Arc<Compiled>, Unusable> {
        let message = self.queue.message(id).ok_or(Unusable::Gone)?;
        let stored = StoredContent::decode(&message.content).map_err(|e| Unusable::Broken(e.to_string()))?;
        let content =
            Content::parse(&stored.content, stored.dialect, id).map_err(|e| Unusable::Broken(e.to_string()))?;
        Ok(Arc::new(Compiled { message, content, substitutions: stored.substitutions }))
    }
}
