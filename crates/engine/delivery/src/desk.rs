//! What a session has in hand: its ticket, its pending records. Prepares a mail and settles it.

use std::sync::Arc;
use std::time::Duration;

use bounce::AddressHistory;
use bytes::Bytes;
use engine_config::CarrierProfile;
use mail_model::{Cause, EgressPath, EmailAddress, Lane, MonoUs, Outcome, Reply, Stage, UnixMs, Verdict, Withheld};
use queue::{AttemptRecord, Next, Queued, StoredMessage, Write};
use scheduler::retry::Schedule;
use scheduler::{NextMail, Signal, Ticket};
use smtp_client::{Envelope, Failure};
use telemetry::{AttemptFinished, PathMeters, RecipientSuppressed};

use crate::content::{Compiled, Unusable};
use crate::context::Context;
use crate::judge::{self, Case, Judgement};
use crate::pack::{Packed, pack};

/// A mail whose bytes are ready to leave.
pub(crate) struct Prepared {
    pub(crate) queued: Box<Queued>,
    /// Dot-stuffed, final dot included.
    pub(crate) body: Bytes,
    pub(crate) begun: MonoUs,
    /// In place of its message's sender.
    return_path: Option<EmailAddress>,
    compiled: Arc<Compiled>,
}

/// How an attempt ended on the wire.
pub(crate) struct End {
    pub(crate) stage: Option<Stage>,
    pub(crate) reply: Option<Reply>,
    /// The whole content went out and no complete reply came back.
    pub(crate) in_doubt: bool,
    pub(crate) begun: MonoUs,
}

impl End {
    pub(crate) fn without_reply(stage: Option<Stage>, begun: MonoUs) -> Self {
        Self { stage, reply: None, in_doubt: false, begun }
    }
}

/// One session's work place.
pub(crate) struct Desk {
    pub(crate) context: Arc<Context>,
    pub(crate) path: EgressPath,
    pub(crate) lane: Lane,
    pub(crate) profile: Arc<CarrierProfile>,
    pub(crate) schedule: Schedule,
    /// The host it speaks to; empty before it is known.
    pub(crate) mx_host: String,
    ticket: Option<Ticket>,
    pending: Write,
    pub(crate) meters: PathMeters,
    /// Mails it has settled, for the record of its end.
    pub(crate) settled: u32,
}

impl Desk {
    pub(crate) fn new(
        context: Arc<Context>,
        path: EgressPath,
        lane: Lane,
        profile: Arc<CarrierProfile>,
        ticket: Ticket,
    ) -> Self {
        let schedule = Schedule { after_s: profile.retry_after_s.clone(), give_up_after_s: profile.give_up_after_s };
        let meters = PathMeters::new(&path.carrier, &path.source, &lane.pool);
        let (ticket, pending, mx_host) = (Some(ticket), Write::new(), String::new());
        Self { context, path, lane, profile, schedule, mx_host, ticket, pending, meters, settled: 0 }
    }

    /// The next mail, prepared. Waits only with `may_wait`: a session must not rest in the middle of a mail.
    pub(crate) async fn fetch(&mut self, may_wait: bool) -> Option<Prepared> {
        loop {
            let ticket = self.ticket.as_mut()?;
            match self.context.scheduler.next_mail(ticket, may_wait) {
                NextMail::Send(queued) => {
                    if let Some(mail) = self.prepare(queued) {
                        return Some(mail);
                    }
                    // Decided without sending; a long row of such mails must not pile up unwritten.
                    self.record(None);
                }
                NextMail::Close(_) => return None,
                NextMail::Wait { .. } if !may_wait => return None,
                NextMail::Wait { at, bell, paced } => {
                    if paced {
                        self.meters.delayed_by_rate();
                    }
                    self.record(None);
                    let pause = at.since(self.context.clock.mono()).max(Duration::from_millis(1));
                    tokio::select! {
                        () = bell.notified() => {}
                        () = tokio::time::sleep(pause) => {}
                    }
                }
            }
        }
    }

    /// Everything that can be decided about a mail before a byte is sent. `None`: decided, and pending as a record.
    pub(crate) fn prepare(&mut self, queued: Box<Queued>) -> Option<Prepared> {
        let now = self.context.clock.unix();
        let compiled = match self.context.contents.get(queued.id.message, now.0) {
            Ok(compiled) => compiled,
            Err(unusable) => return self.unusable(queued, &unusable),
        };
        let message = &compiled.message;
        if let Some(until) = self.context.scheduler.held_until(&message.campaign, &message.tenant, &self.lane) {
            self.amend(|write| write.postpone(queued, until));
            return None;
        }
        if now >= self.schedule.deadline(queued.accepted_at, message.not_after) {
            let cause = queued.last_cause.unwrap_or(Cause::RateLimited);
            let verdict = Verdict { cause, rule: "deadline/passed-in-queue".into() };
            return self.conclude(queued, Outcome::Expired(cause), verdict);
        }
        if let Some(reason) = self.history(&queued.address).reason() {
            RecipientSuppressed { carrier: &self.path.carrier, reason: reason.as_str() }.emit();
            let cause = reason.cause().unwrap_or(Cause::Other);
            let verdict = Verdict { cause, rule: format!("suppressed/{reason}").into() };
            return self.conclude(queued, Outcome::Withheld(Withheld::Suppressed), verdict);
        }
        match pack(&self.context, &self.profile, &queued, &compiled) {
            Ok(Packed { body, return_path }) => {
                let begun = self.context.clock.mono();
                Some(Prepared { queued, body, return_path, begun, compiled })
            }
            Err(verdict) => self.conclude(queued, Outcome::Failed(verdict.cause), verdict),
        }
    }

    /// The envelope of a prepared mail.
    pub(crate) fn envelope<'a>(&self, mail: &'a Prepared) -> Envelope<'a> {
        Envelope {
            sender: mail.return_path.as_ref().or(mail.compiled.message.sender.as_ref()),
            recipient: &mail.queued.address,
            quote_irregular: self.profile.quote_irregular_local_part,
            size: mail.body.len(),
            eight_bit: false,
        }
    }

    /// Writes what is pending, and before the content of `ready` leaves, that it may have arrived.
    pub(crate) fn record(&mut self, ready: Option<&Prepared>) {
        if let Some(mail) = ready {
            self.amend(|write| write.mark_in_doubt(&mail.queued));
        }
        if !self.pending.is_empty() {
            self.context.queue.write(std::mem::take(&mut self.pending));
        }
    }

    /// The carrier took it.
    pub(crate) fn accepted(&mut self, mail: Prepared, reply: Reply) {
        self.signal(Signal::Accepted);
        let verdict = Verdict { cause: Cause::Other, rule: "accepted".into() };
        let mut record = self.attempt_record(&mail.queued, Outcome::Accepted, verdict);
        record.reply = Some(reply);
        record.stage = Some(Stage::DataEnd);
        self.tell(&record, Some(&mail.compiled.message), mail.begun);
        self.amend(|write| write.settle(mail.queued, record, Next::Done));
    }

    /// The carrier refused it, or the session broke.
    pub(crate) fn refused(&mut self, mail: Prepared, failure: &Failure) {
        let case = self.case(&mail.queued, mail.compiled.message.not_after);
        let judgement = judge::failure(&case, failure, &mut self.context.chance.lock());
        if let Some(signal) = judgement.signal {
            self.signal(signal);
        }
        if failure.is_in_doubt() {
            self.meters.in_doubt();
        }
        let end = End {
            stage: Some(failure.stage),
            reply: judge::reply_of(failure).cloned(),
            in_doubt: failure.is_in_doubt(),
            begun: mail.begun,
        };
        self.settle(mail.queued, judgement, end);
    }

    pub(crate) fn case<'a>(&'a self, queued: &Queued, not_after: Option<UnixMs>) -> Case<'a> {
        Case {
            carrier: &self.path.carrier,
            schedule: &self.schedule,
            attempt: queued.attempts.saturating_add(1),
            accepted_at: queued.accepted_at,
            not_after,
            now: self.context.clock.unix(),
        }
    }

    /// Makes the record of a judged attempt pending.
    pub(crate) fn settle(&mut self, queued: Box<Queued>, judged: Judgement, end: End) {
        let next = match judged.again {
            Some(due) => Next::RetryAt { due, source_hint: judged.same_source.then(|| self.path.source.clone()) },
            None => Next::Done,
        };
        let bounced = matches!(judged.outcome, Outcome::Failed(_) | Outcome::Expired(_));
        if let Some(cause) = judged.outcome.cause().filter(|cause| bounced && cause.is_address_fault()) {
            self.remember_bounce(&queued.address, cause);
        }
        let mut record = self.attempt_record(&queued, judged.outcome, judged.verdict);
        record.stage = end.stage;
        record.reply = end.reply;
        record.in_doubt |= end.in_doubt;
        let message = self.context.contents.get(queued.id.message, record.at.0).ok();
        self.tell(&record, message.as_ref().map(|compiled| &compiled.message), end.begun);
        self.amend(|write| write.settle(queued, record, next));
    }

    /// Not tried: back to the front of its lane, nothing charged.
    pub(crate) fn give_back(&mut self, mail: Prepared) {
        self.record(None);
        self.context.queue.unclaim(mail.queued);
    }

    /// Tells the path what happened.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if let Some(ticket) = &self.ticket {
            self.context.scheduler.feedback(ticket, signal);
        }
    }

    fn amend(&mut self, change: impl FnOnce(Write) -> Write) {
        self.pending = change(std::mem::take(&mut self.pending));
    }

    fn conclude(&mut self, queued: Box<Queued>, outcome: Outcome, verdict: Verdict) -> Option<Prepared> {
        let judgement = Judgement { outcome, verdict, again: None, same_source: false, signal: None };
        let end = End::without_reply(None, self.context.clock.mono());
        self.settle(queued, judgement, end);
        None
    }

    fn unusable(&mut self, queued: Box<Queued>, unusable: &Unusable) -> Option<Prepared> {
        let (cause, rule) = match unusable {
            Unusable::Gone => (Cause::Other, "queue/message-gone".into()),
            Unusable::Broken(reason) => (Cause::ContentRejected, format!("compose/{reason}").into()),
        };
        self.conclude(queued, Outcome::Failed(cause), Verdict { cause, rule })
    }

    fn history(&self, address: &EmailAddress) -> AddressHistory {
        AddressHistory::decode(self.context.queue.suppression(address).as_deref())
    }

    fn remember_bounce(&mut self, address: &EmailAddress, cause: Cause) {
        let mut history = self.history(address);
        // Too many "unknown" on one path say something about the path; `inbound` takes back what it condemned before.
        let doubted = self.context.scheduler.doubts_unknown(&self.path);
        history.record_from(cause, self.context.clock.unix(), &self.path, doubted);
        self.amend(|write| write.suppress(address, history.encode()));
    }

    /// Counts and logs an attempt.
    fn tell(&mut self, record: &AttemptRecord, message: Option<&Arc<StoredMessage>>, begun: MonoUs) {
        self.settled += 1;
        let Some(message) = message else { return };
        AttemptFinished {
            meters: &self.meters,
            id: record.id,
            campaign: &message.campaign,
            tenant: &message.tenant,
            to: &record.address,
            lane: &self.lane,
            source: &self.path.source,
            peer: Some(self.mx_host.as_str()).filter(|host| !host.is_empty()),
            outcome: record.outcome,
            stage: record.stage.unwrap_or(Stage::Dns),
            reply: record.reply.as_ref(),
            rule: &record.rule,
            attempt: record.attempt,
            took: self.context.clock.mono().since(begun),
            since_accepted: Duration::from_millis(record.latency_ms()),
        }
        .emit();
    }

    fn attempt_record(&self, queued: &Queued, outcome: Outcome, verdict: Verdict) -> AttemptRecord {
        AttemptRecord {
            seq: 0,
            id: queued.id,
            attempt: queued.attempts.saturating_add(1),
            outcome,
            at: self.context.clock.unix(),
            accepted_at: queued.accepted_at,
            carrier: self.path.carrier.clone(),
            site: self.lane.site.clone(),
            source: Some(self.path.source.clone()),
            mx_host: self.mx_host.clone(),
            stage: None,
            reply: None,
            rule: verdict.rule.into_owned(),
            address: queued.address.clone(),
            in_doubt: queued.in_doubt,
        }
    }
}

/// The path is given back however the session ends, a panic included.
impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.context.scheduler.closed(ticket);
        }
    }
}
