//! The carrier's side of one SMTP session as a state machine over bytes: no socket, no waiting.

use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::BytesMut;
use mail_model::{EmailAddress, MonoUs};
use scenario::Said;
use smtp_wire::{CommandReader, MailParameters, ServerCommand};

use crate::behaviour::Fate;
use crate::carrier_state::CarrierState;
use crate::fault::Action;
use crate::gate::{Guest, Verdict};
use crate::hidden::Told;
use crate::identity::hash_of;
use crate::moment::Moment;
use crate::transaction::{Recipient, Transaction, refusal_at};
use crate::turn::{Then, Turn};
use crate::words::{Filling, Phrase, Situation};

/// One session.
pub(crate) struct Conversation {
    state: Arc<CarrierState>,
    source: Ipv4Addr,
    guest: Guest,
    transaction: Transaction,
    is_encrypted: bool,
    reader: CommandReader,
    has_greeted: bool,
    has_mail: bool,
    in_content: bool,
    content_has_begun: bool,
    messages: u32,
}

impl Conversation {
    pub(crate) fn new(state: Arc<CarrierState>, source: Ipv4Addr, guest: Guest) -> Self {
        Self {
            state,
            source,
            guest,
            transaction: Transaction::default(),
            is_encrypted: false,
            reader: CommandReader::new(),
            has_greeted: false,
            has_mail: false,
            in_content: false,
            content_has_begun: false,
            messages: 0,
        }
    }

    /// The greeting.
    pub(crate) fn greet(&mut self, turn: &mut Turn) {
        turn.delay_ms += self.state.script.latency.greeting_ms;
        let code = match self.guest.greeting() {
            Some(told) => self.tell(turn, told, Moment::Greeting, ""),
            None => self.speak(turn, Situation::Greeting, Moment::Greeting, ""),
        };
        if code >= 400 && turn.then == Then::Read {
            turn.then = Then::Close;
        }
    }

    /// Forgets everything said before the handshake, RFC 3207 4.2.
    pub(crate) fn begin_encrypted(&mut self) {
        self.is_encrypted = true;
        self.has_greeted = false;
        self.reader = CommandReader::new();
        self.reset();
    }

    /// Works through `input` as far as it goes, or up to a misbehaviour.
    pub(crate) fn turn(&mut self, input: &mut BytesMut, turn: &mut Turn) {
        let now = self.state.around.clock.mono();
        while turn.goes_on() {
            let has_moved = if self.in_content { self.take_content(input, turn) } else { self.obey(input, turn, now) };
            if !has_moved {
                break;
            }
            if self.state.script.discards_pipelined && !self.in_content {
                input.clear();
            }
        }
    }

    fn obey(&mut self, input: &mut BytesMut, turn: &mut Turn, now: MonoUs) -> bool {
        let Some(line) = self.reader.feed(input) else { return false };
        match line {
            Ok(ServerCommand::Ehlo(_)) => self.hello(turn, true),
            Ok(ServerCommand::Helo(_)) => self.hello(turn, false),
            Ok(ServerCommand::Mail { sender, parameters }) => self.mail(turn, sender, parameters, now),
            Ok(ServerCommand::Rcpt(address)) => self.rcpt(turn, address, now),
            Ok(ServerCommand::Data) => self.data(turn),
            Ok(ServerCommand::Rset) => {
                self.reset();
                self.speak(turn, Situation::Fine, Moment::Rset, "");
            }
            Ok(ServerCommand::Quit) => {
                self.speak(turn, Situation::Closing, Moment::Quit, "");
                turn.then = Then::Close;
            }
            Ok(ServerCommand::StartTls) => self.start_tls(turn),
            Ok(ServerCommand::Noop | ServerCommand::Vrfy) => {
                self.speak(turn, Situation::Fine, Moment::Other, "");
            }
            Ok(ServerCommand::Other) => {
                self.speak(turn, Situation::NotUnderstood, Moment::Other, "");
            }
            Err(fault) => {
                // The words of smtp-wire's faults are replies by construction.
                self.utter(turn, Moment::Other, &Phrase::fixed(fault.reply()), "");
            }
        }
        true
    }

    fn hello(&mut self, turn: &mut Turn, extended: bool) {
        self.reset();
        let state = Arc::clone(&self.state);
        let text = match (extended, self.is_encrypted) {
            (true, false) => state.ehlo.clone(),
            (true, true) => state.ehlo_encrypted.clone(),
            (false, _) => format!("250 {}\r\n", state.host),
        };
        let code = self.utter(turn, Moment::Ehlo, &Phrase::fixed(&text), "");
        self.has_greeted = code < 300;
    }

    fn start_tls(&mut self, turn: &mut Turn) {
        if self.state.tls.is_none() || self.is_encrypted {
            self.speak(turn, Situation::NotUnderstood, Moment::StartTls, "");
            return;
        }
        let code = self.speak(turn, Situation::TlsReady, Moment::StartTls, "");
        if code < 300 {
            turn.then = Then::Tls;
        }
    }

    fn mail(&mut self, turn: &mut Turn, sender: Option<EmailAddress>, parameters: MailParameters, now: MonoUs) {
        let state = Arc::clone(&self.state);
        turn.delay_ms += state.script.latency.mail_ms;
        if !self.has_greeted || self.has_mail {
            self.speak(turn, Situation::BadSequence, Moment::Mail, "");
            return;
        }
        let is_too_large =
            || parameters.size.zip(state.script.capabilities.size_max).is_some_and(|(size, max)| size > max);
        let (situation, closes) = match self.guest.mail(&state.script.limits, self.messages, now) {
            Verdict::Tell(told) => {
                self.tell(turn, told, Moment::Mail, "");
                return;
            }
            Verdict::Refuse(situation, closes) => (situation, closes),
            Verdict::Go if is_too_large() => (Situation::TooLarge, false),
            Verdict::Go => (Situation::MailTaken, false),
        };
        let code = self.speak(turn, situation, Moment::Mail, "");
        self.has_mail = code < 300;
        self.transaction.sender = sender;
        if closes && turn.then == Then::Read {
            turn.then = Then::Close;
        }
    }

    fn rcpt(&mut self, turn: &mut Turn, address: EmailAddress, now: MonoUs) {
        let state = Arc::clone(&self.state);
        let limits = &state.script.limits;
        turn.delay_ms += state.script.latency.rcpt_ms;
        if !self.has_mail {
            self.speak(turn, Situation::BadSequence, Moment::Rcpt, address.as_str());
            return;
        }
        let hash = hash_of(address.as_str());
        let fate = state.script.behaviour.fate(address.as_str(), hash);
        if let Some(told) = self.guest.recipient(limits, (hash, address.as_str()), fate == Fate::Unknown, now) {
            self.tell(turn, told, Moment::Rcpt, address.as_str());
            return;
        }
        // Whether somebody exists is the hidden carrier's to say, and it may have refused the mail for another reason.
        let is_left_to_it = state.script.hidden.is_some() && fate == Fate::Unknown;
        let fate = if is_left_to_it { Fate::Accept } else { fate };
        let named = u32::try_from(self.transaction.recipients.len()).unwrap_or(u32::MAX);
        let situation = if limits.recipients_max.is_some_and(|max| named >= max) {
            Situation::TooManyRecipients
        } else if state.script.refuse_foreign && !state.serves(address.domain()) {
            Situation::Foreign
        } else {
            match fate {
                Fate::Grey if state.must_wait(self.source, hash, now) => Situation::Greylisted,
                Fate::Busy if state.is_busy(hash) => Situation::Busy,
                other => refusal_at(&state, other, Moment::Rcpt).unwrap_or(Situation::RcptTaken),
            }
        };
        let code = self.speak(turn, situation, Moment::Rcpt, address.as_str());
        if code < 300 {
            self.transaction.recipients.push(Recipient { address, hash, fate });
        }
    }

    fn data(&mut self, turn: &mut Turn) {
        turn.delay_ms += self.state.script.latency.data_ms;
        let code = if !self.has_mail {
            self.speak(turn, Situation::BadSequence, Moment::Data, "")
        } else if self.transaction.recipients.is_empty() {
            self.speak(turn, Situation::NoRecipients, Moment::Data, "")
        } else if let Some((situation, address)) = self.transaction.refused_at(&self.state, Moment::Data) {
            self.speak(turn, situation, Moment::Data, address.as_str())
        } else {
            self.speak(turn, Situation::DataTaken, Moment::Data, "")
        };
        self.in_content = code == 354;
        self.content_has_begun = false;
        if !self.in_content {
            self.reset();
        }
    }

    fn take_content(&mut self, input: &mut BytesMut, turn: &mut Turn) -> bool {
        if input.is_empty() {
            return false;
        }
        if !std::mem::replace(&mut self.content_has_begun, true)
            && let Some(action) = self.state.faults.due(Moment::Content, self.source)
        {
            self.interrupt(turn, action);
            return true;
        }
        if self.transaction.feed(input, self.state.script.capabilities.size_max) {
            self.in_content = false;
            self.messages = self.messages.saturating_add(1);
            self.answer_dot(turn);
            self.reset();
        }
        true
    }

    fn answer_dot(&mut self, turn: &mut Turn) {
        turn.delay_ms += self.transaction.thinking_ms(&self.state);
        let (situation, address) = self.transaction.judge(&self.state);
        let first = self.transaction.recipients.first().map(|recipient| recipient.address.clone());
        let told = first.filter(|_| situation == Situation::Accepted).and_then(|first| {
            let told = self.guest.dot(first.as_str())?;
            Some(self.tell(turn, told, Moment::DataEnd, first.as_str()))
        });
        let code = match told {
            Some(code) => code,
            None => self.speak(turn, situation, Moment::DataEnd, address.as_ref().map_or("", EmailAddress::as_str)),
        };
        if (200..300).contains(&code) {
            self.transaction.take_over(&self.state, self.source, self.is_encrypted, turn);
        }
    }

    /// A misbehaviour in the middle of the content: nothing is taken, and what is said comes too early.
    fn interrupt(&mut self, turn: &mut Turn, action: Action) {
        match action {
            Action::Say(say) => {
                let phrase = Phrase::fixed(&say);
                phrase.write(&mut turn.replies, &self.filling("", 0));
                turn.refused.push((Moment::Content, phrase.code));
                turn.then = Then::Close;
            }
            other => turn.action = Some(other),
        }
    }

    fn filling<'a>(&'a self, address: &'a str, serial: u64) -> Filling<'a> {
        Filling { address, host: &self.state.host, source: self.source, serial }
    }

    /// Says what the situation asks for, unless a fault is due; gives the code that the session goes by.
    fn speak(&mut self, turn: &mut Turn, situation: Situation, at: Moment, address: &str) -> u16 {
        let state = Arc::clone(&self.state);
        // What follows from an earlier refusal, or from the client's own mistake, is no verdict on a mail.
        let is_verdict =
            !matches!(situation, Situation::NoRecipients | Situation::BadSequence | Situation::NotUnderstood);
        let code = self.utter(turn, at, state.phrases.get(situation), address);
        if is_verdict && code >= 400 {
            turn.refused.push((at, code));
        }
        code
    }

    /// Says or does what a hidden carrier wants; gives the code that the session goes by, 0 when nothing is said.
    fn tell(&mut self, turn: &mut Turn, told: Told, at: Moment, address: &str) -> u16 {
        turn.delay_ms += told.after_ms;
        let code = match told.said {
            Said::Reply(reply) => self.utter(turn, at, &Phrase::fixed(&reply.to_string()), address),
            Said::Close => Self::fall_silent(turn, Action::Close),
            Said::Reset | Said::Refused => Self::fall_silent(turn, Action::Reset),
            Said::Silence => Self::fall_silent(turn, Action::Hang),
        };
        if code == 0 || code >= 400 {
            turn.refused.push((at, code));
        }
        if told.closes && turn.then == Then::Read {
            turn.then = Then::Close;
        }
        code
    }

    fn fall_silent(turn: &mut Turn, action: Action) -> u16 {
        turn.action = Some(action);
        0
    }

    fn utter(&mut self, turn: &mut Turn, at: Moment, due: &Phrase, address: &str) -> u16 {
        let filling = self.filling(address, self.state.next_serial());
        let code = match self.state.faults.due(at, self.source) {
            None => {
                due.write(&mut turn.replies, &filling);
                due.code
            }
            Some(Action::Say(say)) => {
                let other = Phrase::fixed(&say);
                other.write(&mut turn.replies, &filling);
                other.code
            }
            Some(action) => {
                due.write(&mut turn.spoiled, &filling);
                turn.action = Some(action);
                due.code
            }
        };
        if code == 421 {
            turn.then = Then::Close;
        }
        code
    }

    fn reset(&mut self) {
        self.has_mail = false;
        self.guest.forget();
        self.transaction.clear();
    }
}
