//! What can be asked to be written together: the parts of a [`Write`].

use mail_model::{EmailAddress, NotificationId, SourceName, UnixMs};

use crate::claim::Queued;
use crate::keys::{InboxId, LaneId};
use crate::record::attempt::AttemptRecord;
use crate::record::audit::AuditEntry;
use crate::record::doubt::InDoubt;

/// What follows an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the notification has ended.
    Done,
    /// Another attempt.
    RetryAt {
        /// Not before this time.
        due: UnixMs,
        /// The source that should make it; a greylisting carrier wants the same one.
        source_hint: Option<SourceName>,
    },
}

/// What is to be said of an address from now on, made of what was said of it; nothing: it is not suppressed any more.
pub type Change = Box<dyn FnOnce(Option<&[u8]>) -> Option<Vec<u8>> + Send + Sync>;

/// One part of a write.
pub enum Act {
    /// An attempt ended.
    Settle { queued: Box<Queued>, record: Box<AttemptRecord>, next: Next },
    /// A final dot is about to leave.
    Mark(InDoubt),
    /// Into another lane.
    Relane { queued: Box<Queued>, lane: LaneId },
    /// Not now.
    Postpone { queued: Box<Queued>, due: UnixMs },
    /// Suppressed, or not any more.
    Suppress { address: EmailAddress, value: Option<Vec<u8>> },
    /// Suppressed in another way than before.
    Change { address: EmailAddress, change: Change },
    /// What came back has the last word; with a time, it is tried once more.
    Late { record: Box<AttemptRecord>, again: Option<UnixMs> },
    /// What came back before is tried once more.
    Revive { id: NotificationId, due: UnixMs },
    /// A received mail is dealt with.
    Done(InboxId),
    /// A received mail is for people to read.
    Keep { id: InboxId, kind: String, note: String },
    /// Somebody did something by hand.
    Audit(Box<AuditEntry>),
    /// To be remembered until then.
    Remember { key: Vec<u8>, value: Vec<u8>, expires: UnixMs },
}

impl Act {
    /// Whether what it does depends on what is stored, so that nobody else may write such a part at the same time.
    pub fn looks_first(&self) -> bool {
        match self {
            Self::Settle { .. }
            | Self::Mark(_)
            | Self::Relane { .. }
            | Self::Postpone { .. }
            | Self::Suppress { .. }
            | Self::Change { .. } => false,
            Self::Late { .. }
            | Self::Revive { .. }
            | Self::Done(_)
            | Self::Keep { .. }
            | Self::Audit(_)
            | Self::Remember { .. } => true,
        }
    }
}

impl Act {
    /// Whether it says something of an address. One write of this kind at a time; these do not wait for parts that look
    /// first, which can take a second, for they belong to sessions.
    pub fn is_about_an_address(&self) -> bool {
        matches!(self, Self::Suppress { .. } | Self::Change { .. })
    }
}

/// Changes that become durable together. Given to [`crate::Queue::write`], or to [`crate::Queue::write_late`] when it
/// holds what came back.
#[derive(Default)]
#[must_use = "nothing is written before it is given to Queue::write"]
pub struct Write {
    pub(crate) acts: Vec<Act>,
}

impl std::fmt::Debug for Write {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Write").field("parts", &self.acts.len()).finish()
    }
}

impl Write {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn and(mut self, act: Act) -> Self {
        self.acts.push(act);
        self
    }

    /// An attempt has ended. The queue sets `seq`, and keeps `in_doubt` set when the notification is in doubt.
    ///
    /// Outcome and `next` must agree. Where they do not, nothing is lost and nothing is sent twice: a final outcome ends
    /// the notification, and `Deferred` with [`Next::Done`] is stored as `Expired` with the same cause.
    pub fn settle(self, queued: impl Into<Box<Queued>>, record: AttemptRecord, next: Next) -> Self {
        self.and(Act::Settle { queued: queued.into(), record: Box::new(record), next })
    }

    /// The final dot is about to be sent: from here on a crash leaves the notification in doubt.
    pub fn mark_in_doubt(mut self, queued: &Queued) -> Self {
        self.acts.extend(queued.mark().map(Act::Mark));
        self
    }

    /// The notification belongs into another lane. Its place in time stays.
    pub fn relane(self, queued: impl Into<Box<Queued>>, lane: LaneId) -> Self {
        self.and(Act::Relane { queued: queued.into(), lane })
    }

    /// Not now, by an operator's word: it is due again at `due`, and no attempt is charged.
    pub fn postpone(self, queued: impl Into<Box<Queued>>, due: UnixMs) -> Self {
        self.and(Act::Postpone { queued: queued.into(), due })
    }

    /// No more mail to this address. `value` is the caller's.
    pub fn suppress(self, address: &EmailAddress, value: Vec<u8>) -> Self {
        self.and(Act::Suppress { address: address.clone(), value: Some(value) })
    }

    /// What is said of an address is made of what was said before, by nobody else meanwhile: two bounces at once are both
    /// counted. `change` gets what stands when this is written, earlier parts included; it must be quick, ask nothing of
    /// the queue, and is not called when nothing is written.
    pub fn change_suppression(
        self,
        address: &EmailAddress,
        change: impl FnOnce(Option<&[u8]>) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        self.and(Act::Change { address: address.clone(), change: Box::new(change) })
    }

    /// Mail to this address again.
    pub fn lift_suppression(self, address: &EmailAddress) -> Self {
        self.and(Act::Suppress { address: address.clone(), value: None })
    }

    /// A notification that had been accepted came back by mail (`Bounced`), or its recipient reported it (`Complained`).
    /// [`crate::Late`] tells what became of that. The queue sets `seq`, `attempt` and `accepted_at`; `carrier` may be
    /// another than the one that accepted it, as it is with forwarded mail.
    ///
    /// Other outcomes with a cause are taken as `Bounced` with that cause; those without one say nothing new.
    pub fn late(self, record: &AttemptRecord) -> Self {
        self.and(Act::Late { record: Box::new(record.clone()), again: None })
    }

    /// A notification that came back is to be tried once more, from `due` on, in the lane it was in.
    /// [`crate::Revived`] tells what became of that.
    ///
    /// Behind [`Write::late`] for the same notification it makes one record of both, `Deferred` with the cause of the
    /// bounce: what is tried again has not ended. Alone it does the same to a bounce that was recorded before.
    pub fn revive(mut self, id: NotificationId, due: UnixMs) -> Self {
        let last = self.acts.iter_mut().rev().find_map(|act| match act {
            Act::Late { record, again } if record.id == id => Some(again),
            _ => None,
        });
        if let Some(again) = last {
            *again = Some(due);
            return self;
        }
        self.and(Act::Revive { id, due })
    }

    /// A received mail is dealt with: it is removed. Nothing when it is not in the inbox.
    pub fn inbox_done(self, id: InboxId) -> Self {
        self.and(Act::Done(id))
    }

    /// A received mail is for people to read: it leaves the inbox and is listed by [`crate::Queue::kept`]. Nothing when
    /// it is not in the inbox. `kind` is one word of the caller's, `note` says why.
    pub fn inbox_kept(self, id: InboxId, kind: &str, note: &str) -> Self {
        self.and(Act::Keep { id, kind: kind.to_owned(), note: note.to_owned() })
    }

    /// Somebody did something by hand. Kept for ever; see [`crate::Queue::audit`].
    pub fn audit(self, entry: AuditEntry) -> Self {
        self.and(Act::Audit(Box::new(entry)))
    }

    /// To be remembered until `expires`; see [`crate::Queue::remembered`]. What was remembered under this key before is
    /// replaced. Keys should be short (hash what is long) and begin with a word that tells whose they are.
    pub fn remember(self, key: &[u8], value: &[u8], expires: UnixMs) -> Self {
        self.and(Act::Remember { key: key.to_vec(), value: value.to_vec(), expires })
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.acts.is_empty()
    }
}
