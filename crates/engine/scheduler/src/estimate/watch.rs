//! What a carrier showed lately, for forecasts: how much of the allowed pace was carried, how long a mail takes, how many
//! are put off. Costs an addition or two per mail; knows no clock.

use std::collections::VecDeque;
use std::time::Duration;

use mail_model::MonoUs;

/// Pace and result are compared over slots of this length …
const SLOT_US: u64 = 5_000_000;
/// … and over so many of them: long enough for a pause and what follows it, short enough to forget a night's outage.
const SLOTS: usize = 36;
/// What is believed of it before it is seen: a refusal and its pause now and then, and the first mails of sessions. The
/// weight of the belief is in seconds of observation.
const BELIEF: f64 = 0.93;
const BELIEF_S: f64 = 60.0;
/// A share below this is a stop and no efficiency; above, somebody miscounted.
const EFFICIENCY: (f64, f64) = (0.2, 1.1);
/// How much older observations fade with each new one.
const FADE: f64 = 0.995;
/// The same for attempts put off: once a greylisting server lets mails pass, it lets all pass.
const FADE_PUT_OFF: f64 = 0.97;
/// What is believed of attempts before any was seen: so many were seen, and so many of them put off.
const BELIEF_PUT_OFF: [(f64, f64); 2] = [(20.0, 0.2), (4.0, 0.4)];

/// When a session got the mail in hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    begun: Option<MonoUs>,
    /// It is the session's first mail.
    connects: bool,
}

impl Timing {
    /// A session that is being opened for its first mail.
    pub(crate) fn begun(now: MonoUs) -> Self {
        Self { begun: Some(now), connects: true }
    }

    /// A further mail.
    pub(crate) fn begin(&mut self, now: MonoUs) {
        self.begun = Some(now);
    }
}

/// One group's observations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    slots: VecDeque<Slot>,
    mail: Mean,
    first_mail: Mean,
    /// First attempts, and later ones.
    attempts: [Attempts; 2],
    answered: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    number: u64,
    answered: f64,
    /// What was allowed at its beginning, mails a second.
    allowed_per_s: f64,
    /// A session found nothing to send: what was carried says nothing about what could have been.
    idle: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        (self.sum, self.weight) = (self.sum * FADE + value, self.weight * FADE + 1.0);
    }

    fn get(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Attempts {
    seen: f64,
    put_off: f64,
    wait: Mean,
}

impl Watch {
    /// Begins a new slot when the last is over, with the pace allowed now, mails a second.
    pub(crate) fn turn(&mut self, now: MonoUs, allowed_per_s: f64) {
        let number = now.0 / SLOT_US;
        if self.slots.back().is_some_and(|slot| slot.number >= number) {
            return;
        }
        self.slots.push_back(Slot { number, answered: 0.0, allowed_per_s, idle: false });
        while self.slots.len() > SLOTS {
            self.slots.pop_front();
        }
    }

    /// The slot that runs, if it was begun.
    pub(crate) fn is_turned(&self, now: MonoUs) -> bool {
        self.slots.back().is_some_and(|slot| slot.number >= now.0 / SLOT_US)
    }

    /// The carrier answered a mail.
    pub(crate) fn answered(&mut self) {
        self.answered += 1;
        if let Some(slot) = self.slots.back_mut() {
            slot.answered += 1.0;
        }
    }

    /// A session found nothing to send.
    pub(crate) fn idle(&mut self) {
        if let Some(slot) = self.slots.back_mut() {
            slot.idle = true;
        }
    }

    /// A session asks for its next mail, so the one in hand has taken its time.
    pub(crate) fn timed(&mut self, timing: &mut Timing, now: MonoUs) {
        let Some(begun) = timing.begun.take() else { return };
        let mean = if std::mem::take(&mut timing.connects) { &mut self.first_mail } else { &mut self.mail };
        mean.add(now.since(begun).as_secs_f64());
    }

    /// An attempt (1 is the first) was answered for good, or the mail is put off for its own sake.
    pub(crate) fn settled(&mut self, attempt: u16, put_off: Option<Duration>) {
        let place = usize::from(attempt > 1);
        let Some(attempts) = self.attempts.get_mut(place) else { return };
        attempts.seen = attempts.seen * FADE_PUT_OFF + 1.0;
        attempts.put_off *= FADE_PUT_OFF;
        if let Some(wait) = put_off {
            attempts.put_off += 1.0;
            attempts.wait.add(wait.as_secs_f64());
        }
    }

    /// Mails answered since the start of the process.
    pub(crate) fn count(&self) -> u64 {
        self.answered
    }

    /// Part of the allowed pace that was carried while there was something to carry.
    pub(crate) fn efficiency(&self) -> f64 {
        let slot_s = Duration::from_micros(SLOT_US).as_secs_f64();
        let (mut carried, mut allowed, mut last) = (0.0, 0.0, 0.0);
        for (slot, next) in self.slots.iter().zip(self.slots.iter().skip(1)) {
            if slot.idle || next.idle || next.number != slot.number + 1 {
                continue;
            }
            carried += slot.answered;
            // The pace moves within a slot.
            allowed += f64::midpoint(slot.allowed_per_s, next.allowed_per_s) * slot_s;
            last = slot.allowed_per_s;
        }
        let belief = last * BELIEF_S;
        if allowed + belief <= 0.0 {
            return BELIEF;
        }
        ((carried + belief * BELIEF) / (allowed + belief)).clamp(EFFICIENCY.0, EFFICIENCY.1)
    }

    /// Seconds a session's first mail and a further one take, where it was seen.
    pub(crate) fn reply_s(&self) -> (Option<f64>, Option<f64>) {
        (self.first_mail.get(), self.mail.get())
    }

    /// The share of first (0) or later (1) attempts that is put off, and the seconds until the next one where it was seen.
    pub(crate) fn put_off(&self, place: usize) -> (f64, Option<f64>) {
        let (Some(attempts), Some((seen, put_off))) = (self.attempts.get(place), BELIEF_PUT_OFF.get(place)) else {
            return (0.0, None);
        };
        ((attempts.put_off + put_off) / (attempts.seen + seen), attempts.wait.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn efficiency_is_what_was_carried_of_what_was_allowed_while_there_was_mail() {
        // (allowed a second, carried a second, idle, expected)
        let table = [(10.0, 10, false, 0.98), (10.0, 8, false, 0.83), (10.0, 2, true, 0.93), (0.0, 0, false, 0.93)];
        for (allowed, carried, idle, expected) in table {
            let mut watch = Watch::default();
            for second in 0..170_u64 {
                watch.turn(MonoUs(second * 1_000_000), allowed);
                (0..carried).for_each(|_| watch.answered());
                if idle {
                    watch.idle();
                }
            }
            assert!((watch.efficiency() - expected).abs() < 0.01, "{carried} of {allowed}: {}", watch.efficiency());
        }
    }

    #[test]
    fn put_off_shares_begin_with_a_belief_and_follow_what_is_seen() {
        let mut watch = Watch::default();
        assert!((watch.put_off(0).0 - 0.01).abs() < 1e-9);
        for _ in 0..200 {
            watch.settled(1, Some(Duration::from_secs(60)));
            watch.settled(2, None);
        }
        let ((first, wait_s), (later, _)) = (watch.put_off(0), watch.put_off(1));
        assert!(first > 0.6 && later < 0.02, "{first} {later}");
        assert!(wait_s.is_some_and(|s| (s - 60.0).abs() < 1e-6));
    }
}
