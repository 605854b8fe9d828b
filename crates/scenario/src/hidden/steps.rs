//! A mail in the two steps in which a socket hears it: MAIL, when nobody knows for whom it is, and its recipient.

use mail_model::{MonoUs, Stage};

use super::HiddenCarrier;
use super::answer::{Answer, Recipient, Said, SessionId, Why};
use super::speech::Judged;

/// A mail whose MAIL was let through; its recipient is to be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    delay_ms: u64,
    ban_began: bool,
}

impl HiddenCarrier {
    /// A mail to one recipient in a session, from MAIL to the reply to the final dot: [`Self::begin`] and
    /// [`Self::recipient`] in one.
    pub fn mail(&mut self, now: MonoUs, session: SessionId, recipient: Recipient<'_>) -> Answer {
        match self.begin(now, session, recipient.address) {
            Ok(begun) => self.recipient(now, session, begun, recipient),
            Err(answer) => answer,
        }
    }

    /// MAIL: doors and limits, which ask for no recipient. `address` is only quoted.
    ///
    /// # Errors
    /// With the answer of a mail that will not be taken. Its stage may be a later one; until then all seems well.
    pub fn begin(&mut self, now: MonoUs, session: SessionId, address: &str) -> Result<Begun, Answer> {
        self.turn_page(now);
        let Some(source) = self.source_of(session) else { return Err(gone()) };
        self.drop_idle(now, source);
        if !self.sessions[session.0].open {
            return Err(gone());
        }
        self.sessions[session.0].used_us = now.0;
        self.counts[source].mails_asked += 1;
        let mut delay_ms = self.latency_ms(false);
        match self.judge_beginning(now, session, source, address, &mut delay_ms) {
            Ok(ban_began) => Ok(Begun { delay_ms, ban_began }),
            Err(judged) => Err(self.answered(now, session, judged, delay_ms)),
        }
    }

    /// RCPT, and the final dot when the recipient is taken.
    pub fn recipient(&mut self, now: MonoUs, session: SessionId, begun: Begun, recipient: Recipient<'_>) -> Answer {
        let Some(source) = self.source_of(session) else { return gone() };
        let mut delay_ms = begun.delay_ms;
        let mut judged = self.receive(now, source, recipient, &mut delay_ms);
        judged.4 |= begun.ban_began;
        self.answered(now, session, judged, delay_ms)
    }

    fn answered(&mut self, now: MonoUs, session: SessionId, judged: Judged, after_ms: u64) -> Answer {
        let (stage, said, closed, why, ban_began) = judged;
        if let Some(source) = self.source_of(session) {
            self.counts[source].note(why);
        }
        if closed {
            self.close(now, session);
        }
        Answer { stage, said, after_ms, closed, why, ban_began }
    }
}

fn gone() -> Answer {
    Answer { stage: Stage::Mail, said: Said::Close, after_ms: 0, closed: true, why: Why::Gone, ban_began: false }
}
