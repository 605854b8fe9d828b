//! One mail on its way in: envelope, content, the judgement at the final dot, and the copies it leaves.

use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;

use bytes::{Buf, BytesMut};
use mail_model::EmailAddress;
use smtp_wire::EndOfData;

use crate::behaviour::Fate;
use crate::carrier_state::CarrierState;
use crate::entry::Entry;
use crate::identity::notification_of;
use crate::moment::Moment;
use crate::shelf::KeptMail;
use crate::turn::Turn;
use crate::words::Situation;

/// A mail larger than this is not kept while it comes in, whatever the plan allows.
const CONTENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A recipient that was taken at RCPT.
#[derive(Debug)]
pub(crate) struct Recipient {
    pub address: EmailAddress,
    pub hash: u64,
    pub fate: Fate,
}

/// What was said since MAIL. Its buffers live as long as the session.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    pub sender: Option<EmailAddress>,
    pub recipients: Vec<Recipient>,
    content: BytesMut,
    end: EndOfData,
    overflowed: bool,
}

impl Transaction {
    /// Forgets everything but the memory it holds.
    pub(crate) fn clear(&mut self) {
        self.sender = None;
        self.recipients.clear();
        self.content.clear();
        self.end = EndOfData::new();
        self.overflowed = false;
    }

    /// Takes content from the front of `input`; true at the final dot.
    pub(crate) fn feed(&mut self, input: &mut BytesMut, size_max: Option<u64>) -> bool {
        let progress = self.end.feed(input, &mut self.content);
        input.advance(progress.consumed);
        let most = size_max.unwrap_or(CONTENT_BYTES_MAX).min(CONTENT_BYTES_MAX);
        if u64::try_from(self.content.len()).unwrap_or(u64::MAX) > most {
            self.overflowed = true;
            self.content.clear();
        }
        progress.ended
    }

    /// The first recipient that is refused at `moment`, and the situation it is refused in.
    pub(crate) fn refused_at(&self, state: &CarrierState, moment: Moment) -> Option<(Situation, EmailAddress)> {
        self.recipients.iter().find_map(|r| Some((refusal_at(state, r.fate, moment)?, r.address.clone())))
    }

    /// The situation at the final dot, and the recipient its words name.
    pub(crate) fn judge(&self, state: &CarrierState) -> (Situation, Option<EmailAddress>) {
        let line_octets_max = state.script.line_octets_max;
        if self.overflowed {
            (Situation::TooLarge, None)
        } else if self.end.has_bare_cr() || self.end.has_bare_lf() {
            (Situation::BareLineEnd, None)
        } else if line_octets_max.is_some_and(|max| has_longer_line(&self.content, max)) {
            (Situation::LineTooLong, None)
        } else if let Some((situation, address)) = self.refused_at(state, Moment::DataEnd) {
            // One refused recipient fails all of the transaction, as at docomo.
            (situation, Some(address))
        } else {
            (Situation::Accepted, None)
        }
    }

    /// How long the carrier thinks before it answers the final dot.
    pub(crate) fn thinking_ms(&self, state: &CarrierState) -> u64 {
        let is_slow = self.recipients.iter().any(|recipient| recipient.fate == Fate::Slow);
        let slow_ms = if is_slow { state.script.behaviour.slow_ms } else { 0 };
        state.script.latency.data_end_ms + slow_ms
    }

    /// Adds a copy per recipient to `turn`.
    pub(crate) fn take_over(&mut self, state: &CarrierState, source: Ipv4Addr, is_encrypted: bool, turn: &mut Turn) {
        let id = notification_of(&self.content);
        let at = state.around.clock.unix();
        for recipient in &self.recipients {
            let copy = Entry::new(id, state.index, source, recipient.hash, at);
            turn.copies.push(if recipient.fate == Fate::Dropped { copy.dropped() } else { copy });
        }
        if turn.action.is_some() {
            turn.copies_spoiled = self.recipients.len();
        }
        state.taken.fetch_add(u64::try_from(self.recipients.len()).unwrap_or(0), Ordering::Relaxed);
        if state.around.shelf.has_room() {
            state.around.shelf.put(KeptMail {
                carrier: state.name.clone(),
                source,
                sender: self.sender.clone(),
                recipients: self.recipients.iter().map(|recipient| recipient.address.clone()).collect(),
                content: self.content.split().freeze(),
                is_encrypted,
            });
        }
    }
}

/// The situation in which a recipient of this fate is refused at `moment`, if it is refused then.
pub(crate) fn refusal_at(state: &CarrierState, fate: Fate, moment: Moment) -> Option<Situation> {
    let situation = fate.refusal()?;
    let spoken_at = match state.phrases.get(situation).at {
        // MAIL knows no recipient, so a refusal meant for it waits until the end.
        Moment::Mail => Moment::DataEnd,
        other => other,
    };
    (spoken_at == moment).then_some(situation)
}

fn has_longer_line(content: &[u8], octets_max: usize) -> bool {
    content.split(|&b| b == b'\n').any(|line| line.strip_suffix(b"\r").unwrap_or(line).len() > octets_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_measured_without_its_end() {
        for (content, longer) in [("1234\r\n12", false), ("1\r\n12345\r\n", true), ("", false), ("12345", true)] {
            assert_eq!(has_longer_line(content.as_bytes(), 4), longer, "{content:?}");
        }
    }
}
