//! The ledger's record: one settled attempt, complete enough to explain itself to a school and to an operator.

use mail_model::{
    CarrierName, Cause, EmailAddress, EnhancedStatus, NotificationId, Outcome, Reply, SiteName, SourceName, Stage,
    UnixMs, Withheld,
};
use serde::{Deserialize, Serialize};

use crate::record::wire::{Corrupt, Reader, Writer, cut};

/// Longest reply text that is kept, in bytes.
pub const REPLY_TEXT_BYTES_MAX: usize = 1_000;
/// Longest host or rule name that is kept, in bytes.
pub const WORD_BYTES_MAX: usize = 255;

/// What became of one attempt, or of one notification that ended without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Place in the outbox; the queue sets it.
    pub seq: u64,
    /// Which notification.
    pub id: NotificationId,
    /// Its place in the notification's history, from 1; no two records of a notification have the same. An end without an
    /// attempt (expired, withheld) has a number too.
    pub attempt: u16,
    /// What became of it.
    pub outcome: Outcome,
    /// When that was known.
    pub at: UnixMs,
    /// When the message was handed in.
    pub accepted_at: UnixMs,
    /// Whose mail system.
    pub carrier: CarrierName,
    /// Which system inside `other`.
    pub site: SiteName,
    /// The source it left from, if it left.
    pub source: Option<SourceName>,
    /// The host spoken to; empty when none was. At most [`WORD_BYTES_MAX`] bytes are kept.
    pub mx_host: String,
    /// The step that decided.
    pub stage: Option<Stage>,
    /// The words of the other side. At most [`REPLY_TEXT_BYTES_MAX`] bytes of text are kept.
    pub reply: Option<Reply>,
    /// The rule that decided, empty when none did. At most [`WORD_BYTES_MAX`] bytes are kept.
    pub rule: String,
    /// The recipient.
    pub address: EmailAddress,
    /// A copy may have been handed over without our knowing: this attempt's final dot got no answer, or an earlier
    /// attempt was cut off there. Once set it stays set for the notification.
    pub in_doubt: bool,
}

/// The two bytes that stand for an outcome on disk: kind, and cause or reason.
pub fn outcome_code(outcome: Outcome) -> (u8, u8) {
    match outcome {
        Outcome::Accepted => (1, 0),
        Outcome::Replaced => (1, 1),
        Outcome::Deferred(cause) => (2, cause.number()),
        Outcome::Failed(cause) => (3, cause.number()),
        Outcome::Expired(cause) => (4, cause.number()),
        Outcome::Withheld(Withheld::Suppressed) => (5, 1),
        Outcome::Withheld(Withheld::Cancelled) => (5, 2),
        Outcome::Bounced(cause) => (6, cause.number()),
        Outcome::Complained => (7, 0),
    }
}

/// Reads what [`outcome_code`] gave.
pub fn outcome_of(kind: u8, detail: u8) -> Result<Outcome, Corrupt> {
    let cause = || Cause::from_number(detail).ok_or(Corrupt::Field("cause"));
    Ok(match (kind, detail) {
        (1, 0) => Outcome::Accepted,
        (1, 1) => Outcome::Replaced,
        (2, _) => Outcome::Deferred(cause()?),
        (3, _) => Outcome::Failed(cause()?),
        (4, _) => Outcome::Expired(cause()?),
        (5, 1) => Outcome::Withheld(Withheld::Suppressed),
        (5, 2) => Outcome::Withheld(Withheld::Cancelled),
        (6, _) => Outcome::Bounced(cause()?),
        (7, 0) => Outcome::Complained,
        _ => return Err(Corrupt::Field("outcome")),
    })
}

const STAGES: [Stage; 11] = [
    Stage::Dns,
    Stage::Connect,
    Stage::Greeting,
    Stage::Ehlo,
    Stage::StartTls,
    Stage::Mail,
    Stage::Rcpt,
    Stage::Data,
    Stage::DataEnd,
    Stage::Rset,
    Stage::Quit,
];

/// 0 is "none", else the stage's place in `STAGES`, from 1.
fn stage_code(stage: Option<Stage>) -> u8 {
    let place = stage.and_then(|stage| STAGES.iter().position(|s| *s == stage));
    place.and_then(|at| u8::try_from(at + 1).ok()).unwrap_or(0)
}

fn stage_of(code: u8) -> Result<Option<Stage>, Corrupt> {
    match usize::from(code).checked_sub(1) {
        None => Ok(None),
        Some(at) => STAGES.get(at).copied().map(Some).ok_or(Corrupt::Field("stage")),
    }
}

fn write_reply(writer: &mut Writer, reply: &Reply) {
    writer.u16(reply.code);
    writer.u8(reply.enhanced.map_or(0, |status| status.class));
    if let Some(status) = reply.enhanced {
        writer.u16(status.subject);
        writer.u16(status.detail);
    }
    writer.text(cut(&reply.text, REPLY_TEXT_BYTES_MAX));
}

fn read_reply(reader: &mut Reader<'_>) -> Result<Reply, Corrupt> {
    let code = reader.u16()?;
    let enhanced = match reader.u8()? {
        0 => None,
        class => Some(EnhancedStatus { class, subject: reader.u16()?, detail: reader.u16()? }),
    };
    Ok(Reply { code, enhanced, text: reader.text("reply")?.to_owned() })
}

impl AttemptRecord {
    /// Milliseconds from being handed in to this outcome.
    pub fn latency_ms(&self) -> u64 {
        self.at.since_ms(self.accepted_at)
    }

    /// Writes the fields of a line of the ledger that every line has.
    pub(crate) fn write_fields(&self, writer: &mut Writer) {
        let (kind, detail) = outcome_code(self.outcome);
        writer.u64(self.seq);
        writer.id(self.id);
        writer.u16(self.attempt);
        writer.u8(kind);
        writer.u8(detail);
        writer.u64(self.at.0);
        writer.u64(self.accepted_at.0);
        writer.text(self.carrier.as_str());
        writer.text(self.site.as_str());
        writer.opt_text(self.source.as_ref().map(SourceName::as_str));
        writer.text(cut(&self.mx_host, WORD_BYTES_MAX));
        writer.u8(stage_code(self.stage));
        writer.u8(u8::from(self.reply.is_some()));
        if let Some(reply) = &self.reply {
            write_reply(writer, reply);
        }
        writer.text(cut(&self.rule, WORD_BYTES_MAX));
        writer.text(self.address.as_str());
        writer.u8(u8::from(self.in_doubt));
    }

    /// Reads what [`AttemptRecord::write_fields`] wrote.
    pub(crate) fn read_fields(reader: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let (seq, id, attempt) = (reader.u64()?, reader.id()?, reader.u16()?);
        let (kind, detail) = (reader.u8()?, reader.u8()?);
        Ok(Self {
            seq,
            id,
            attempt,
            outcome: outcome_of(kind, detail)?,
            at: reader.time()?,
            accepted_at: reader.time()?,
            carrier: reader.parse("carrier")?,
            site: reader.parse("site")?,
            source: reader.opt_parse("source")?,
            mx_host: reader.string("mx_host")?,
            stage: stage_of(reader.u8()?)?,
            reply: if reader.flag("reply")? { Some(read_reply(reader)?) } else { None },
            rule: reader.string("rule")?,
            address: reader.address()?,
            in_doubt: reader.flag("in_doubt")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_model::MessageId;

    fn record() -> AttemptRecord {
        AttemptRecord {
            seq: 9,
            id: NotificationId { message: MessageId(7), index: 3 },
            attempt: 2,
            outcome: Outcome::Accepted,
            at: UnixMs(1_500),
            accepted_at: UnixMs(1_000),
            carrier: "docomo".parse().unwrap(),
            site: SiteName::none(),
            source: None,
            mx_host: String::new(),
            stage: None,
            reply: None,
            rule: String::new(),
            address: "a@docomo.ne.jp".parse().unwrap(),
            in_doubt: false,
        }
    }

    fn read_back(given: &AttemptRecord) -> Result<AttemptRecord, Corrupt> {
        let mut writer = Writer::new(1, 64);
        given.write_fields(&mut writer);
        let value = writer.seal(b"k");
        let mut reader = Reader::open(b"k", &value, 1)?;
        let read = AttemptRecord::read_fields(&mut reader)?;
        reader.end().map(|()| read)
    }

    #[test]
    fn every_outcome_and_every_stage_reads_back() {
        let mut outcomes = vec![Outcome::Accepted, Outcome::Replaced, Outcome::Complained];
        outcomes.extend([Withheld::Suppressed, Withheld::Cancelled].map(Outcome::Withheld));
        for cause in Cause::ALL {
            let all = [Outcome::Deferred, Outcome::Failed, Outcome::Expired, Outcome::Bounced];
            outcomes.extend(all.map(|of| of(cause)));
        }
        for outcome in outcomes {
            for stage in STAGES.map(Some).into_iter().chain([None]) {
                let given = AttemptRecord { outcome, stage, ..record() };
                assert_eq!(read_back(&given), Ok(given.clone()));
            }
        }
        assert_eq!(record().latency_ms(), 500);
    }

    #[test]
    fn a_full_record_reads_back_and_long_words_are_cut() {
        let full = AttemptRecord {
            source: Some("s1".parse().unwrap()),
            mx_host: "mx.docomo.ne.jp".to_owned(),
            reply: Some(Reply::new(550, "5.7.509 Unknown user")),
            rule: "docomo/unknown-user".to_owned(),
            in_doubt: true,
            ..record()
        };
        assert_eq!(read_back(&full), Ok(full.clone()));
        let long = AttemptRecord { reply: Some(Reply::new(550, &"あ".repeat(5_000))), ..full };
        assert_eq!(read_back(&long).unwrap().reply.unwrap().text, "あ".repeat(333));
    }
}
