//! A session from its assignment to its end, as `delivery` leads it: one mail after another, each judged by the same code.

use std::sync::Arc;
use std::time::Duration;

use delivery::judge::{self, Case, Judgement};
use mail_model::{Cause, MessageId, MonoUs, NotificationId, Outcome, Stage};
use scenario::Recipient;
use scheduler::{Assignment, Heard, NextMail, Signal};
use smtp_client::{Failure, Scope, Trouble};

use crate::agenda::Event;
use crate::ending::Ending;
use crate::play::world::World;
use crate::session::{Met, Phase, Session, greeted, met};
use crate::shelf::Mail;

/// The mail's number as the engine would write it.
fn id_of(mail: &Mail) -> NotificationId {
    NotificationId { message: MessageId(u64::from(mail.wave)), index: mail.number }
}

/// One round trip for QUIT.
const QUIT_MS: u64 = 20;

impl World<'_> {
    /// Begins a session.
    pub(crate) fn open(&mut self, node: usize, assignment: Assignment<Mail>) {
        let Assignment { path, profile, first, ticket, .. } = assignment;
        let carrier = self.carrier_numbers.get(&path.carrier).copied().unwrap_or_default();
        let source = self.source_numbers.get(&path.source).copied().unwrap_or_default();
        let Some(mail) = self.prepare(node, carrier, first) else {
            self.nodes[node].scheduler.closed(ticket);
            return;
        };
        let greeting = self.hidden[carrier].connect(self.now, source);
        let (result, after_ms) = greeted(&greeting, &profile);
        let session = Session {
            node,
            carrier,
            source,
            path,
            profile,
            ticket,
            hidden: greeting.session,
            mail: Some(mail),
            phase: Phase::Greeting(result),
            begun: self.now,
            has_worked: false,
        };
        let place = self.seat(session);
        self.later(place, after_ms * 1_000);
    }

    /// The session goes on after so many microseconds.
    fn later(&mut self, place: usize, after_us: u64) {
        let turn = self.seats[place].turn;
        self.agenda.note(MonoUs(self.now.0 + after_us), Event::Session(place, turn));
    }

    /// What can be decided about a mail before a byte is sent: its time may be over.
    fn prepare(&mut self, node: usize, carrier: usize, mail: Box<Mail>) -> Option<Box<Mail>> {
        let good_until = self.schedules[carrier].gives_up_at(mail.accepted_at, self.deadline(mail.wave));
        if self.unix() < good_until {
            return Some(mail);
        }
        self.end(node, carrier, &mail, Ending::Expired);
        None
    }

    /// A mail has ended.
    pub(crate) fn end(&mut self, node: usize, carrier: usize, mail: &Mail, ending: Ending) {
        self.nodes[node].shelf.ended(mail.lane);
        self.books.end(carrier, mail.number, ending, self.now);
        self.foresaw(mail.wave, ending);
    }

    pub(crate) fn greeted(&mut self, place: usize, result: Result<(), Failure>) {
        let Some(session) = &mut self.seats[place].session else { return };
        let Some(mail) = session.mail.take() else { return };
        let (carrier, source) = (session.carrier, session.source);
        match result {
            Ok(()) => {
                self.nodes[session.node].scheduler.feedback(&session.ticket, Signal::ConnectOk);
                let node = session.node;
                self.books.note(carrier, |score| score.sessions += 1);
                // Opening the session may have taken so long that the mail's time is over.
                match self.prepare(node, carrier, mail) {
                    Some(mail) => self.begin(place, mail),
                    None => self.ask(place),
                }
            }
            Err(failure) => {
                self.books.note(carrier, |score| score.not_opened += 1);
                self.note_signal(carrier, source);
                self.refused(place, mail, &failure);
                self.part(place);
            }
        }
    }

    /// Says MAIL FROM.
    fn begin(&mut self, place: usize, mail: Box<Mail>) {
        let unknown = self.is_unknown(mail.wave, mail.number);
        let Some(session) = &mut self.seats[place].session else { return };
        let (carrier, source) = (session.carrier, session.source);
        let recipient = Recipient { number: u64::from(mail.number), unknown, address: "" };
        let Some(hidden) = session.hidden else { return };
        let answer = self.hidden[carrier].mail(self.now, hidden, recipient);
        let (met, after_ms) = met(&answer, &session.profile, session.has_worked);
        if met.taken {
            self.books.taken(carrier, mail.number);
        }
        (session.mail, session.phase, session.begun) = (Some(mail), Phase::Mail(met), self.now);
        self.books.note(carrier, |score| score.attempts += 1);
        if let Some(sampler) = &mut self.sampler {
            sampler.path(carrier, source).sent += 1;
        }
        self.later(place, after_ms * 1_000);
    }

    /// Takes the answer to the mail in hand.
    pub(crate) fn answered(&mut self, place: usize, met: Met) {
        let unix = self.unix();
        let Some(session) = &mut self.seats[place].session else { return };
        let Some(mail) = session.mail.take() else { return };
        let (carrier, source, node) = (session.carrier, session.source, session.node);
        if met.about_path {
            self.note_signal(carrier, source);
        }
        let Some(session) = &mut self.seats[place].session else { return };
        if met.not_tried {
            self.books.note(carrier, |score| score.attempts -= 1);
            self.nodes[node].shelf.unclaim(mail);
            return self.part(place);
        }
        match met.result {
            Ok(()) => {
                session.has_worked = true;
                let took = Some(self.now.since(session.begun));
                let heard = Heard { stage: Some(Stage::DataEnd), took, ..Signal::Accepted.into() };
                self.nodes[node].scheduler.feedback(&session.ticket, heard);
                if let Some(trace) = &mut self.trace {
                    trace.heard(self.now.0 as f64 / 1e6, &self.nodes[node].scheduler, &session.path, &heard);
                }
                self.nodes[node].scheduler.settled(&session.ticket, mail.attempts.saturating_add(1), None);
                let (id, path) = (id_of(&mail), &session.path);
                self.nodes[node].greylists.passed(path, id, unix);
                self.end(node, carrier, &mail, Ending::Accepted);
                if let Some(sampler) = &mut self.sampler {
                    sampler.path(carrier, source).accepted += 1;
                }
            }
            Err(failure) => {
                session.has_worked |= failure.stage != Stage::Mail || matches!(failure.trouble, Trouble::Reply(_));
                self.refused(place, mail, &failure);
                if failure.scope >= Scope::Session {
                    return self.part(place);
                }
            }
        }
        self.ask(place);
    }

    /// Judges what went wrong and does with the mail what follows from it.
    fn refused(&mut self, place: usize, mut mail: Box<Mail>, failure: &Failure) {
        let Some(judged) = self.judge(place, &mail, failure) else { return };
        let Some(session) = &self.seats[place].session else { return };
        let (carrier, node) = (session.carrier, session.node);
        mail.last_cause = judged.outcome.cause();
        if let Some(due) = judged.again {
            let source = judged.same_source.then(|| session.path.source.clone());
            self.books.note(carrier, |score| score.deferred += 1);
            self.nodes[node].shelf.retry_at(*mail, due, source);
            return;
        }
        let ending = match judged.outcome {
            Outcome::Expired(_) => Ending::Expired,
            _ if self.is_unknown(mail.wave, mail.number) => Ending::Unknown,
            _ => Ending::Failed,
        };
        self.end(node, carrier, &mail, ending);
    }

    /// What the engine's desk does with a refusal: judge it, tell the path, and judge again where that made the path's own
    /// word doubtful.
    fn judge(&mut self, place: usize, mail: &Mail, failure: &Failure) -> Option<Judgement> {
        let (deadline, now, id) = (self.deadline(mail.wave), self.unix(), id_of(mail));
        let session = self.seats[place].session.as_ref()?;
        let (node, path) = (&self.nodes[session.node], &session.path);
        let (grey, grey_for) = node.greylists.ask(path, id, now);
        let attempt = mail.attempts.saturating_add(1);
        let case = Case::new(&path.carrier, &self.schedules[session.carrier], attempt, mail.accepted_at, now);
        let doubts_unknown = node.scheduler.doubts_unknown(path);
        let case = Case { deadline, grey, grey_for, doubts_unknown, ..case };
        let mut judged = judge::failure(&case, failure, &mut self.chance);
        if let Some(signal) = judged.signal {
            // A mail whose MAIL was not said has no time of its own.
            let took = (failure.stage >= Stage::Mail).then(|| self.now.since(session.begun));
            let heard = judge::heard(signal, failure, took, attempt);
            node.scheduler.feedback(&session.ticket, heard);
            if let Some(trace) = &mut self.trace {
                trace.heard(self.now.0 as f64 / 1e6, &node.scheduler, path, &heard);
            }
        }
        if judged.outcome == Outcome::Failed(Cause::AddressUnknown) {
            let doubts_unknown = node.scheduler.doubts_unknown(path);
            judged = judge::failure(&Case { doubts_unknown, ..case }, failure, &mut self.chance);
        }
        if judge::is_greylisting(&judged.verdict) {
            node.greylists.refused(path, id, now);
        } else if judged.again.is_none() {
            node.greylists.forget(id);
        }
        let is_own_fault = |signal| matches!(signal, Signal::Refused | Signal::Deferred | Signal::UnknownUser);
        if judged.signal.is_none_or(is_own_fault) {
            let wait = judged.again.map(|due| Duration::from_millis(due.since_ms(now)));
            node.scheduler.settled(&session.ticket, attempt, wait);
        }
        Some(judged)
    }

    /// Asks for the next mail, and rests when there is none.
    pub(crate) fn ask(&mut self, place: usize) {
        let seat = &mut self.seats[place];
        seat.turn = seat.turn.wrapping_add(1);
        seat.ear.stop();
        loop {
            let Some(session) = &mut self.seats[place].session else { return };
            let (carrier, node) = (session.carrier, session.node);
            match self.nodes[node].scheduler.next_mail(&mut session.ticket, true) {
                NextMail::Send(mail) => {
                    if let Some(mail) = self.prepare(node, carrier, mail) {
                        return self.begin(place, mail);
                    }
                }
                NextMail::Close(_) => {
                    session.phase = Phase::Quit;
                    return self.later(place, QUIT_MS * 1_000);
                }
                NextMail::Wait { at, bell, .. } => {
                    session.phase = Phase::Rest;
                    if self.seats[place].ear.listen(Arc::clone(&bell)) {
                        continue;
                    }
                    // Timers of a process are no finer either.
                    let at = self.of_clock(at).0.max(self.now.0 + 1_000);
                    return self.later(place, at - self.now.0);
                }
            }
        }
    }

    /// Ends a session and gives its path back.
    pub(crate) fn part(&mut self, place: usize) {
        let seat = &mut self.seats[place];
        seat.turn = seat.turn.wrapping_add(1);
        seat.ear.stop();
        let Some(session) = seat.session.take() else { return };
        if let Some(hidden) = session.hidden {
            self.hidden[session.carrier].close(self.now, hidden);
        }
        self.nodes[session.node].scheduler.closed(session.ticket);
        self.free.push(place);
    }

    fn note_signal(&mut self, carrier: usize, source: usize) {
        if let Some(sampler) = &mut self.sampler {
            sampler.path(carrier, source).signals += 1;
        }
    }
}
