//! An open session: one round trip per mail, and the bookkeeping of which reply belongs to what.

use std::fmt;

use bytes::{Bytes, BytesMut};
use mail_model::{Reply, Stage};
use smtp_wire::{Capabilities, command};
use tls_policy::{FailureType, TlsResult};

use crate::envelope::{Envelope, EnvelopeResult, Exchange};
use crate::failure::{Failure, Scope, Trouble};
use crate::line::{Line, Unsent};
use crate::plan::Timeouts;
use crate::tls::TlsFacts;

/// A lone dot: ends a DATA that should not have been granted.
const LONE_DOT: &[u8] = b".\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No content is owed; `is_dirty` when an earlier transaction is still open at the server.
    Idle { is_dirty: bool },
    /// 354 was read: the server waits for content.
    Ready,
    /// Closed, or an exchange is under way; one that is dropped half-way stays here.
    Gone,
}

/// One connection to one server, ready for mails.
pub struct Session {
    line: Line,
    out: BytesMut,
    capabilities: Capabilities,
    timeouts: Timeouts,
    tls: Option<TlsFacts>,
    tls_result: Option<TlsResult>,
    failed_tls: Option<Failure>,
    phase: Phase,
    /// Whether a MAIL was answered: after that, a lost connection is charged to no later mail.
    has_worked: bool,
    ended: Option<Failure>,
}

/// Nothing of the buffers: they hold addresses.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("phase", &self.phase).field("tls", &self.tls).finish_non_exhaustive()
    }
}

impl Session {
    pub(crate) fn new(line: Line, capabilities: Capabilities, timeouts: Timeouts) -> Self {
        Self {
            line,
            out: BytesMut::new(),
            capabilities,
            timeouts,
            tls: None,
            tls_result: None,
            failed_tls: None,
            phase: Phase::Idle { is_dirty: false },
            has_worked: false,
            ended: None,
        }
    }

    pub(crate) fn in_tls(self, facts: TlsFacts) -> Self {
        Self { tls: Some(facts), ..self }
    }

    pub(crate) fn with_tls_result(self, result: TlsResult) -> Self {
        Self { tls_result: Some(result), ..self }
    }

    pub(crate) fn after_failed_tls(self, failure: Failure) -> Self {
        let kind = failure.tls_failure().unwrap_or(FailureType::ValidationFailure);
        Self { failed_tls: Some(failure), tls_result: Some(TlsResult::Failure(kind)), ..self }
    }

    /// Whether another exchange can be tried.
    pub fn is_open(&self) -> bool {
        self.phase != Phase::Gone
    }

    /// What ended the session, whoever was charged with it; `None` while it is open.
    pub fn ended(&self) -> Option<&Failure> {
        self.ended.as_ref()
    }

    /// The encryption; `None` in clear.
    pub fn tls(&self) -> Option<TlsFacts> {
        self.tls
    }

    /// What the attempt at encryption came to; `None` when the plan had it off. A session in clear, or under a policy that
    /// is only being tested, can go on after a failure.
    pub fn tls_result(&self) -> Option<TlsResult> {
        self.tls_result
    }

    /// The failed handshake because of which this session is in clear. Remember it for a while: the next connection would
    /// fail in the same way and cost the carrier one connection more.
    pub fn fell_back(&self) -> Option<&Failure> {
        self.failed_tls.as_ref()
    }

    /// What the server announced, after TLS if there is TLS.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// One round trip: `body` (stuffed, see [`smtp_wire::stuff`]) of the transaction that is `Ready`, and behind it RSET if
    /// needed, MAIL, RCPT and DATA of `next`. Without PIPELINING the result is the same after more round trips.
    ///
    /// A transaction that is `Ready` can only be followed or abandoned: an exchange without its `body` closes the session.
    /// If the future is dropped half-way the session is closed, and a `body` given to it is in doubt.
    pub async fn exchange(&mut self, body: Option<&Bytes>, next: Option<Envelope<'_>>) -> Exchange {
        let phase = std::mem::replace(&mut self.phase, Phase::Gone);
        let obstacle = match (phase, body) {
            (Phase::Gone, _) => {
                let gone = Failure::new(Stage::Data, Scope::Session, Trouble::Closed);
                return Exchange {
                    data_end: body.map(|_| Err(gone)),
                    envelope: next.map(|_| EnvelopeResult::NotTried),
                };
            }
            (Phase::Ready, None) => Some(Trouble::Protocol("the content that was announced is not sent".to_owned())),
            (Phase::Idle { .. }, Some(_)) => Some(Trouble::Protocol("content without a transaction".to_owned())),
            _ => self.line.overheard().await,
        };
        if let Some(trouble) = obstacle {
            return self.not_begun_with_body(body, next, trouble);
        }
        let is_dirty = phase == Phase::Idle { is_dirty: true };
        let impossible = next.and_then(|envelope| envelope.impossible_at(&self.capabilities));
        let sendable = if impossible.is_some() { None } else { next };
        let mut done = self.round_trip(body, sendable, is_dirty).await;
        if let Some(refusal) = impossible {
            let is_over = self.ended.is_some();
            done.envelope = Some(if is_over { EnvelopeResult::NotTried } else { EnvelopeResult::Refused(refusal) });
        }
        done
    }

    /// Says QUIT and parts, within `Timeouts::quit`; whatever happens is of no consequence any more.
    pub async fn quit(mut self) {
        if let Phase::Idle { .. } = self.phase {
            self.out.clear();
            command::write_quit(&mut self.out);
            let limit = self.timeouts.quit;
            let (line, out) = (&mut self.line, &self.out);
            let farewell = async {
                if line.send(&[], out, limit).await.is_ok() && line.reply(limit).await.is_ok() {
                    let _ = line.shutdown().await;
                }
            };
            let _ = tokio::time::timeout(limit, farewell).await;
        }
    }

    async fn round_trip(&mut self, body: Option<&Bytes>, next: Option<Envelope<'_>>, is_dirty: bool) -> Exchange {
        self.out.clear();
        if let Some(envelope) = next.filter(|_| self.capabilities.pipelining) {
            let group: &[Stage] = &[Stage::Rset, Stage::Mail, Stage::Rcpt, Stage::Data];
            for stage in &group[usize::from(!is_dirty)..] {
                envelope.write(*stage, &self.capabilities, &mut self.out);
            }
        }
        let content = body.map_or(&[][..], |bytes| &bytes[..]);
        let has_words = !content.is_empty() || !self.out.is_empty();
        if has_words && let Err(unsent) = self.line.send(content, &self.out, self.timeouts.data_block).await {
            return self.after_failed_write(unsent, body, next).await;
        }
        let data_end = match body {
            Some(_) => Some(self.read_data_end().await),
            None => None,
        };
        if self.ended.is_some() {
            return Exchange { data_end, envelope: next.map(|_| EnvelopeResult::NotTried) };
        }
        let envelope = match next {
            Some(envelope) => Some(self.transaction(&envelope, is_dirty).await),
            None => {
                self.phase = Phase::Idle { is_dirty };
                None
            }
        };
        Exchange { data_end, envelope }
    }

    async fn read_data_end(&mut self) -> Result<Reply, Failure> {
        let failure = match self.line.reply(self.timeouts.data_end).await {
            Ok(reply) => match Failure::judge(Stage::DataEnd, &reply) {
                None => return Ok(reply),
                Some(failure) => failure,
            },
            Err(trouble) => Failure::new(Stage::DataEnd, Scope::Session, trouble),
        };
        if failure.scope >= Scope::Session {
            self.ended = Some(failure.clone());
        }
        Err(failure)
    }

    /// Reads the replies to one transaction's commands; without PIPELINING, says each of them first.
    async fn transaction(&mut self, envelope: &Envelope<'_>, is_dirty: bool) -> EnvelopeResult {
        if is_dirty {
            match self.answer(Stage::Rset, envelope).await {
                Ok(reply) if reply.is_positive() => {}
                Ok(reply) => return self.not_begun(Stage::Rset, Trouble::Reply(reply)),
                Err(trouble) => return self.not_begun(Stage::Rset, trouble),
            }
        }
        let mail = match self.answer(Stage::Mail, envelope).await {
            Ok(reply) => reply,
            Err(trouble) => return self.not_begun(Stage::Mail, trouble),
        };
        self.has_worked = true;
        if let Some(failure) = Failure::judge(Stage::Mail, &mail) {
            return self.refused(failure, &[Stage::Rcpt, Stage::Data], false).await;
        }
        let rcpt = match self.answer(Stage::Rcpt, envelope).await {
            Ok(reply) => reply,
            Err(trouble) => return self.broke_off(Stage::Rcpt, trouble),
        };
        if let Some(failure) = Failure::judge(Stage::Rcpt, &rcpt) {
            return self.refused(failure, &[Stage::Data], true).await;
        }
        let data = match self.answer(Stage::Data, envelope).await {
            Ok(reply) => reply,
            Err(trouble) => return self.broke_off(Stage::Data, trouble),
        };
        if let Some(failure) = Failure::judge(Stage::Data, &data) {
            return self.refused(failure, &[], true).await;
        }
        self.phase = Phase::Ready;
        EnvelopeResult::Ready
    }

    async fn answer(&mut self, stage: Stage, envelope: &Envelope<'_>) -> Result<Reply, Trouble> {
        if !self.capabilities.pipelining {
            self.out.clear();
            envelope.write(stage, &self.capabilities, &mut self.out);
            self.line.send(&[], &self.out, self.timeouts.data_block).await.map_err(|unsent| unsent.trouble)?;
        }
        self.line.reply(self.timeouts.of(stage)).await
    }

    /// Notes a refusal and brings the session to where the next transaction can begin: the replies to the commands that
    /// were sent ahead are read, a DATA granted in spite of the refusal is ended.
    async fn refused(&mut self, failure: Failure, sent_ahead: &[Stage], is_dirty: bool) -> EnvelopeResult {
        if failure.scope >= Scope::Session {
            self.ended = Some(failure.clone());
            return EnvelopeResult::Refused(failure);
        }
        let mut is_dirty = is_dirty;
        if self.capabilities.pipelining {
            for &stage in sent_ahead {
                match self.read_past(stage).await {
                    Ok(was_granted) => is_dirty &= !was_granted,
                    Err(end) => {
                        self.ended = Some(end);
                        return EnvelopeResult::Refused(failure);
                    }
                }
            }
        }
        self.phase = Phase::Idle { is_dirty };
        EnvelopeResult::Refused(failure)
    }

    /// Reads a reply that no longer matters; gives whether it granted a DATA, which then was ended with nothing in it.
    async fn read_past(&mut self, stage: Stage) -> Result<bool, Failure> {
        let end = |stage, trouble| Failure::new(stage, Scope::Session, trouble);
        let reply = self.line.reply(self.timeouts.of(stage)).await.map_err(|trouble| end(stage, trouble))?;
        if reply.code == 421 {
            return Err(end(stage, Trouble::Reply(reply)));
        }
        if stage != Stage::Data || !(300..400).contains(&reply.code) {
            return Ok(false);
        }
        // Reported as trouble with DATA, not with its end: no content was at stake, so nothing is in doubt.
        let sent = self.line.send(LONE_DOT, &[], self.timeouts.data_block).await;
        sent.map_err(|unsent| end(Stage::Data, unsent.trouble))?;
        let reply = self.line.reply(self.timeouts.data_end).await.map_err(|trouble| end(Stage::Data, trouble))?;
        if reply.code == 421 { Err(end(Stage::Data, Trouble::Reply(reply))) } else { Ok(true) }
    }

    /// The session ended before the MAIL of a transaction was answered.
    fn not_begun(&mut self, stage: Stage, trouble: Trouble) -> EnvelopeResult {
        let failure = Failure::new(stage, Scope::Session, trouble);
        self.ended = Some(failure.clone());
        if self.has_worked { EnvelopeResult::NotTried } else { EnvelopeResult::Refused(failure) }
    }

    /// The session ended inside a transaction.
    fn broke_off(&mut self, stage: Stage, trouble: Trouble) -> EnvelopeResult {
        let failure = Failure::new(stage, Scope::Session, trouble);
        self.ended = Some(failure.clone());
        EnvelopeResult::Refused(failure)
    }

    /// Nothing of `body` or `next` was written.
    fn not_begun_with_body(&mut self, body: Option<&Bytes>, next: Option<Envelope<'_>>, trouble: Trouble) -> Exchange {
        if body.is_none() {
            let envelope = self.not_begun(Stage::Mail, trouble);
            return Exchange { data_end: None, envelope: next.map(|_| envelope) };
        }
        let failure = Failure::new(Stage::Data, Scope::Session, trouble);
        self.ended = Some(failure.clone());
        Exchange { data_end: Some(Err(failure)), envelope: next.map(|_| EnvelopeResult::NotTried) }
    }

    /// A server that hangs up in mid-write may have said why; its words are worth more than "reset".
    async fn after_failed_write(
        &mut self,
        unsent: Unsent,
        body: Option<&Bytes>,
        next: Option<Envelope<'_>>,
    ) -> Exchange {
        let said = match unsent.trouble {
            Trouble::TimedOut => None,
            _ => self.line.reply(self.timeouts.quit).await.ok(),
        };
        if body.is_none() {
            return self.not_begun_with_body(None, next, said.map_or(unsent.trouble, Trouble::Reply));
        }
        let data_end = match said {
            // Only the commands behind the content were cut off.
            Some(reply) if reply.is_positive() && !unsent.is_content_incomplete => Ok(reply),
            Some(reply) if reply.is_transient() || reply.is_permanent() => {
                let scope = if reply.code == 421 { Scope::Session } else { Scope::Message };
                Err(Failure::new(Stage::DataEnd, scope, Trouble::Reply(reply)))
            }
            _ => {
                let stage = if unsent.is_content_incomplete { Stage::Data } else { Stage::DataEnd };
                Err(Failure::new(stage, Scope::Session, unsent.trouble.clone()))
            }
        };
        let end = Failure::new(Stage::Mail, Scope::Session, unsent.trouble);
        self.ended = Some(data_end.as_ref().err().cloned().unwrap_or(end));
        Exchange { data_end: Some(data_end), envelope: next.map(|_| EnvelopeResult::NotTried) }
    }
}
