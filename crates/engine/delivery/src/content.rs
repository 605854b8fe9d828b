//! Each message's content compiled once, kept while its notifications go out.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use compose::{Charset, Content, StoredContent};
use engine_config::CarrierProfile;
use mail_model::MessageId;
use parking_lot::Mutex;
use queue::{Queue, StoredMessage};
use serde_json::{Map, Value};

/// The charset of a carrier in the words of `compose`.
pub(crate) fn charset(profile: &CarrierProfile) -> Charset {
    match profile.charset {
        engine_config::Charset::Utf8 => Charset::Utf8,
        engine_config::Charset::Iso2022Jp => Charset::Iso2022Jp,
    }
}

/// A message ready to be rendered for its recipients.
pub(crate) struct Compiled {
    pub(crate) message: Arc<StoredMessage>,
    pub(crate) content: Content,
    /// What is sent in its place after its deadline, where its sender asked for that.
    pub(crate) replacement: Option<Content>,
    pub(crate) substitutions: Map<String, Value>,
    /// Whether it was said that its mails leave unsigned.
    pub(crate) told_unsigned: AtomicBool,
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
    /// What carriers read beside UTF-8.
    charsets: Vec<Charset>,
    known: Mutex<HashMap<MessageId, Entry>>,
}

struct Entry {
    compiled: Result<Arc<Compiled>, Unusable>,
    used: u64,
}

const CONTENTS_MAX: usize = 256;

impl Contents {
    pub(crate) fn new(queue: Queue, host: String, charsets: Vec<Charset>) -> Self {
        Self { queue, host, charsets, known: Mutex::new(HashMap::new()) }
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
        let content = Content::parse_for(&stored.content, stored.dialect, id, &self.charsets);
        let content = content.map_err(|e| Unusable::Broken(e.to_string()))?;
        let replacement = stored.replacement.as_ref();
        let replacement = replacement.map(|spec| Content::parse_for(spec, stored.dialect, id, &self.charsets));
        let replacement = replacement.transpose().map_err(|e| Unusable::Broken(e.to_string()))?;
        let (substitutions, told_unsigned) = (stored.substitutions, AtomicBool::new(false));
        Ok(Arc::new(Compiled { message, content, replacement, substitutions, told_unsigned }))
    }
}
