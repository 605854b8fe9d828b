//! What a mail is answered, step by step.

use std::sync::Arc;

use mail_model::{MonoUs, Reply, Stage};

use super::meter::Ask;
use super::{HiddenCarrier, Recipient, Said, SessionId, Turn, Why, unit};
use crate::SECOND;
use crate::behaviour::{How, Limit, LimitKind, Of, Rebuff};

/// Step, words, whether the session is over, why, whether a ban begins.
pub(super) type Judged = (Stage, Said, bool, Why, bool);

impl HiddenCarrier {
    /// How a rebuff is told at a step.
    pub(super) fn turn(&self, rebuff: &Rebuff, at: Stage, source: usize, address: &str) -> Turn {
        let away = |said, closed| Turn::Away(said, at, closed);
        match &rebuff.how {
            How::Reply { text, closes } => away(Said::Reply(self.reply(text, source, address)), *closes),
            How::Close => away(Said::Close, true),
            How::Reset => away(Said::Reset, true),
            How::Refuse if at == Stage::Greeting => away(Said::Refused, true),
            How::Refuse => away(Said::Reset, true),
            How::Silence => away(Said::Silence, false),
            How::Tarpit { delay_ms } => Turn::On(*delay_ms),
        }
    }

    fn reply(&self, text: &str, source: usize, address: &str) -> Reply {
        let filled = text.replace("{source}", &self.names[source]).replace("{address}", address);
        let (code, words) = filled.split_at_checked(3).unwrap_or((&filled, ""));
        Reply::new(code.parse().unwrap_or(421), words.trim_start())
    }

    /// What is known at MAIL. Doors first, as they are cheapest to a carrier; then its limits; then the crowd of a full
    /// hour. `Err` is turned away, at whatever step it is told; `Ok` says whether a ban began.
    pub(super) fn judge_beginning(
        &mut self,
        now: MonoUs,
        session: SessionId,
        source: usize,
        address: &str,
        delay_ms: &mut u64,
    ) -> Result<bool, Judged> {
        // A door that is told at the greeting is told to an open session at its next MAIL.
        if let Some((rebuff, why)) = self.closed_door(now, source, |_| true) {
            let at = if rebuff.at == Stage::Greeting { Stage::Mail } else { rebuff.at };
            match self.turn(&rebuff, at, source, address) {
                Turn::On(more_ms) => *delay_ms += more_ms,
                Turn::Away(said, stage, closed) => {
                    return Err((stage, said, closed || rebuff.at == Stage::Greeting, why, false));
                }
            }
        }
        let (away, ban_began) = self.over_at_mail(now, session, source, address, delay_ms);
        if let Some((stage, said, closed, why)) = away {
            return Err((stage, said, closed, why, ban_began));
        }
        self.sessions[session.0].mails += 1;
        let in_hall = self.periods[self.period].full_hour.as_ref().is_some_and(|hour| !hour.is_door());
        if let Some((rebuff, why)) = if in_hall { self.crowded(now) } else { None } {
            match self.turn(&rebuff, rebuff.at, source, address) {
                Turn::On(more_ms) => *delay_ms += more_ms,
                Turn::Away(said, stage, closed) => return Err((stage, said, closed, why, ban_began)),
            }
        }
        Ok(ban_began)
    }

    /// Limits that a mail can exceed.
    fn over_at_mail(
        &mut self,
        now: MonoUs,
        session: SessionId,
        source: usize,
        address: &str,
        delay_ms: &mut u64,
    ) -> (Option<(Stage, Said, bool, Why)>, bool) {
        let ask = self.ask(now, source);
        let limits = Arc::clone(&self.limits);
        let mut ban_began = false;
        for (index, limit) in limits.iter().enumerate() {
            let over = self.is_over_mailing(index, limit, ask, session);
            if over {
                ban_began |= self.exceed(now, index, source);
                let at = if limit.over.at == Stage::Greeting { Stage::Mail } else { limit.over.at };
                match self.turn(&limit.over, at, source, address) {
                    Turn::On(more_ms) => *delay_ms += more_ms,
                    Turn::Away(said, stage, closed) => {
                        return (Some((stage, said, closed, Why::Crossing(index))), ban_began);
                    }
                }
            }
        }
        *delay_ms += self.meters.take(&limits, Of::Mails, &self.owners, ask);
        (None, ban_began)
    }

    pub(super) fn is_over_mailing(&mut self, index: usize, limit: &Limit, ask: Ask, session: SessionId) -> bool {
        match limit.kind {
            LimitKind::SessionMails { most } => self.sessions[session.0].mails >= most,
            LimitKind::Rate { of: Of::Mails, .. } | LimitKind::Count { of: Of::Mails, .. } => {
                self.meters.is_over(index, limit, &self.owners, ask)
            }
            LimitKind::Capacity { patience_s: Some(patience_s), .. } => {
                self.meters.wait_ms(index, limit, &self.owners, ask) as f64 > patience_s * 1_000.0
            }
            _ => false,
        }
    }

    /// RCPT and what follows, of a mail within all limits.
    pub(super) fn receive(
        &mut self,
        now: MonoUs,
        source: usize,
        recipient: Recipient<'_>,
        delay_ms: &mut u64,
    ) -> Judged {
        let keys = self.owners.keys(source);
        let period = &self.periods[self.period];
        let ban_began = period.unknown.as_ref().is_some_and(|block| {
            let began = self.doors.recipient(now.0, block, &keys, recipient.unknown);
            self.counts[source].bans += u64::from(began);
            began
        });
        if recipient.unknown {
            let text = self.style.unknown();
            let said = Said::Reply(self.reply(text, source, recipient.address));
            return (Stage::Rcpt, said, false, Why::Unknown, ban_began);
        }
        for (rebuff, why) in [self.greylisted(now, source, recipient.number), self.busy()].into_iter().flatten() {
            match self.turn(&rebuff, rebuff.at, source, recipient.address) {
                Turn::On(more_ms) => *delay_ms += more_ms,
                Turn::Away(said, stage, closed) => return (stage, said, closed, why, ban_began),
            }
        }
        self.passed[source] += 1;
        self.owners.accept(source);
        (Stage::DataEnd, Said::Reply(self.style.accepted()), false, Why::Fine, ban_began)
    }

    fn greylisted(&mut self, now: MonoUs, source: usize, recipient: u64) -> Option<(Rebuff, Why)> {
        let grey = self.periods[self.period].greylist.as_ref()?;
        if grey.known_after > 0 && self.passed[source] >= grey.known_after {
            return None;
        }
        let first = self.greylist.entry((self.owners.key(grey.per, source), recipient)).or_insert(now.0);
        let waited_us = now.0 - *first;
        if waited_us > grey.window_s * SECOND {
            *first = now.0;
        } else if waited_us >= grey.delay_s * SECOND {
            return None;
        }
        Some((grey.says.clone(), Why::Greylisted))
    }

    fn busy(&mut self) -> Option<(Rebuff, Why)> {
        let busy = self.periods[self.period].busy.as_ref()?;
        (unit(&mut self.chance) < busy.share).then(|| (busy.says.clone(), Why::Busy))
    }
}
