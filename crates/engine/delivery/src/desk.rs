//! What a session has in hand: its ticket, its pending records. Prepares a mail and settles it.

use std::sync::Arc;
use std::time::Duration;

use bounce::{AddressHistory, Noted};
use bytes::Bytes;
use engine_config::CarrierProfile;
use mail_model::{Cause, EgressPath, EmailAddress, Lane, MonoUs, Outcome, Reply, Stage, UnixMs, Verdict, Withheld};
use queue::{AttemptRecord, Next, Queued, StoredMessage, Write};
use scheduler::retry::{Deadline, Schedule};
use scheduler::{Heard, NextMail, Signal, Ticket};
use smtp_client::{Envelope, Failure};
use telemetry::{AttemptFinished, PathMeters, RecipientSuppressed};

use crate::content::{Compiled, Unusable};
use crate::context::Context;
use crate::judge::{self, Case, Judgement};
use crate::pack::{Packed, Which, pack};

/// A mail whose bytes are ready to leave.
pub(crate) struct Prepared {
    pub(crate) queued: Box<Queued>,
    /// Dot-stuffed, final dot included.
    pub(crate) body: Bytes,
    pub(crate) begun: MonoUs,
    /// When its MAIL was said; `None` before.
    left: Option<MonoUs>,
    /// In place of its message's sender.
    return_path: Option<EmailAddress>,
    compiled: Arc<Compiled>,
    which: Which,
    /// From then on it is not to be sent.
    good_until: UnixMs,
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
        let gives_up_at = self.schedule.gives_up_at(queued.accepted_at, Deadline::from(&**message));
        let in_time = message.not_after.filter(|end| now < *end);
        let (which, good_until) = match (in_time, message.not_after) {
            (Some(end), _) => (Which::Notice, end),
            (None, None) => (Which::Notice, gives_up_at),
            (None, Some(_)) => (Which::Replacement, gives_up_at),
        };
        if now >= good_until || (which == Which::Replacement && compiled.replacement.is_none()) {
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
        match pack(&self.context, &self.profile, &queued, &compiled, which) {
            Ok(Packed { body, return_path }) => {
                let begun = self.context.clock.mono();
                Some(Prepared { queued, body, return_path, begun, left: None, compiled, which, good_until })
            }
            Err(verdict) => self.conclude(queued, Outcome::Failed(verdict.cause), verdict),
        }
    }

    /// The mail as it is to be sent now: opening its session may have taken so long that its time is over.
    pub(crate) fn still_good(&mut self, mail: Prepared) -> Option<Prepared> {
        if self.context.clock.unix() < mail.good_until { Some(mail) } else { self.prepare(mail.queued) }
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
        self.heard(Heard { stage: Some(Stage::DataEnd), took: self.took(&mail), ..Signal::Accepted.into() });
        let verdict = Verdict { cause: Cause::Other, rule: "accepted".into() };
        let outcome = match mail.which {
            Which::Notice => Outcome::Accepted,
            Which::Replacement => Outcome::Replaced,
        };
        self.context.greylists.passed(&self.path, mail.queued.id, self.context.clock.unix());
        let mut record = self.attempt_record(&mail.queued, outcome, verdict);
        record.reply = Some(reply);
        record.stage = Some(Stage::DataEnd);
        self.attempted(record.attempt, None);
        self.tell(&record, Some(&mail.compiled.message), mail.begun);
        self.amend(|write| write.settle(mail.queued, record, Next::Done));
    }

    /// The carrier refused it, or the session broke.
    pub(crate) fn refused(&mut self, mail: Prepared, failure: &Failure) {
        let judgement = self.judged(&mail, failure);
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

    /// Judges a refusal and tells the path. The refusal that makes a path's word doubted is itself doubted.
    fn judged(&mut self, mail: &Prepared, failure: &Failure) -> Judgement {
        let deadline = Deadline::from(&*mail.compiled.message);
        let mut case = self.case(&mail.queued, deadline);
        case.doubts_unknown = self.context.scheduler.doubts_unknown(&self.path);
        let mut judgement = judge::failure(&case, failure, &mut self.context.chance.lock());
        let (now, id) = (case.now, mail.queued.id);
        if let Some(signal) = judgement.signal {
            self.heard(judge::heard(signal, failure, self.took(mail), case.attempt));
        }
        if judgement.outcome == Outcome::Failed(Cause::AddressUnknown) {
            let doubts_unknown = self.context.scheduler.doubts_unknown(&self.path);
            let case = Case { doubts_unknown, ..self.case(&mail.queued, deadline) };
            judgement = judge::failure(&case, failure, &mut self.context.chance.lock());
        }
        match judge::is_greylisting(&judgement.verdict) {
            true => self.context.greylists.refused(&self.path, id, now),
            false if judgement.again.is_none() => self.context.greylists.forget(id),
            false => {}
        }
        judgement
    }

    pub(crate) fn case<'a>(&'a self, queued: &Queued, deadline: Deadline) -> Case<'a> {
        let now = self.context.clock.unix();
        let attempt = queued.attempts.saturating_add(1);
        let (grey, grey_for) = self.context.greylists.ask(&self.path, queued.id, now);
        let case = Case::new(&self.path.carrier, &self.schedule, attempt, queued.accepted_at, now);
        let grey_probe = Duration::from_secs(self.profile.greylist_probe_s);
        Case { deadline, grey, grey_for, grey_probe, ..case }
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
        let own_fault = judged
            .signal
            .is_none_or(|signal| matches!(signal, Signal::Refused | Signal::Deferred | Signal::UnknownUser));
        let mut record = self.attempt_record(&queued, judged.outcome, judged.verdict);
        if own_fault {
            let wait = judged.again.map(|due| Duration::from_millis(due.since_ms(record.at)));
            self.attempted(record.attempt, wait);
        }
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

    /// Tells what became of an attempt, for forecasts: answered for good, or put off for the mail's own sake.
    fn attempted(&self, attempt: u16, put_off: Option<Duration>) {
        if let Some(ticket) = &self.ticket {
            self.context.scheduler.settled(ticket, attempt, put_off);
        }
    }

    /// The mail's MAIL is about to be said.
    pub(crate) fn leaves(&self, mail: &mut Prepared) {
        mail.left = Some(self.context.clock.mono());
    }

    fn took(&self, mail: &Prepared) -> Option<Duration> {
        mail.left.map(|left| self.context.clock.mono().since(left))
    }

    /// Tells the path what happened.
    pub(crate) fn signal(&self, signal: Signal) {
        self.heard(signal.into());
    }

    fn heard(&self, heard: Heard) {
        if let Some(ticket) = &self.ticket {
            self.context.scheduler.feedback(ticket, heard);
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
        // Too many "unknown" on one path say something about the path; `inbound` takes back what it condemned before.
        let is_doubted = self.context.scheduler.doubts_unknown(&self.path);
        let noted = Noted::Bounce { cause, at: self.context.clock.unix(), path: Some(self.path.clone()), is_doubted };
        self.amend(|write| {
            write.change_suppression(address, move |stored| Some(AddressHistory::noted(stored, &noted)))
        });
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
