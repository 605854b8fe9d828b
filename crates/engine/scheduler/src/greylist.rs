//! When a greylisted mail is tried again: pure, with what was learned of each carrier.
//!
//! A greylisting server refuses an unknown (source, sender, recipient) until some minutes have passed, and takes it from
//! the same source afterwards. How many minutes it does not say; 1, 5 and 15 are usual. The waiting times of other
//! deferrals meet a delay of five minutes only after eight (60 + 120 + 300 s), which for an emergency is three minutes
//! lost. So the first minutes are probed one by one, just behind each full minute, and as soon as one mail has passed,
//! later ones go straight at that age.
//!
//! Rejected: probing every ten seconds (some servers start the time anew at each early knock, and forty knocks per
//! recipient look like abuse); one schedule for all carriers from a profile (the delay is the server's, and changes).

use std::time::Duration;

use clock::Chance;

/// Ages since the first refusal, in probing steps, at which a mail is tried while nothing is known …
const STEPS: [u64; 14] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 45];
/// … and the distance of all further ones.
const LAST_STEP: u64 = 15;
/// This part of a step behind it, because a server that says five minutes may count whole seconds, and its clock is not
/// ours …
const BEHIND: u64 = 20;
/// … and a spread of this part of a step on top, so that mails refused together do not come back together.
const SPREAD: u64 = 7;

/// Refusals in a row at an age at which others passed, after which that age is not believed any more. Not the first: servers
/// of one carrier that do not share their lists make one now and then.
const DOUBTS_MAX: u8 = 3;

/// What is known of one carrier's greylisting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GreyLore {
    /// The least age at which a mail passed.
    passed: Option<Duration>,
    /// Refusals since then at a greater one.
    doubts: u8,
}

impl GreyLore {
    /// A mail passed at this age.
    pub fn passed(&mut self, age: Duration) {
        self.passed = Some(self.passed.map_or(age, |known| known.min(age)));
        self.doubts = 0;
    }

    /// A mail was refused once more at this age, zero for its first refusal. That mails are refused below the known age
    /// says nothing new; several above it say that the carrier has become stricter.
    pub fn refused(&mut self, age: Duration) {
        if self.passed.is_some_and(|known| age >= known) {
            self.doubts += 1;
        }
        if self.doubts >= DOUBTS_MAX {
            *self = Self::default();
        }
    }

    /// The age at which mails pass, if one has.
    pub fn passes_at(&self) -> Option<Duration> {
        self.passed
    }

    /// How long a mail of this age waits for its next try. `step` is the probing step, usually a minute.
    pub fn wait(&self, age: Duration, step: Duration, chance: &mut Chance) -> Duration {
        let ms = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let (now_ms, step_ms) = (ms(age), ms(step).max(1));
        // A known age has its seconds behind the minute in it already.
        let (aim_ms, behind_ms) = match self.passed.map(ms).filter(|known| *known > now_ms) {
            Some(known) => (known, 0),
            None => (next_age_ms(now_ms, step_ms), step_ms / BEHIND),
        };
        let wait_ms = aim_ms.saturating_sub(now_ms);
        Duration::from_millis(wait_ms + behind_ms + chance.below((step_ms / SPREAD).max(wait_ms / 20) + 1))
    }
}

/// The first age of the table that is later, by half a step at least: a try that was late itself makes no other at once.
fn next_age_ms(now_ms: u64, step_ms: u64) -> u64 {
    let later = now_ms.saturating_add(step_ms / 2);
    let in_table = STEPS.iter().map(|steps| steps.saturating_mul(step_ms)).find(|ms| *ms >= later);
    in_table.unwrap_or_else(|| now_ms.saturating_add(step_ms.saturating_mul(LAST_STEP)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// The ages at which a mail is tried until a server with this delay takes it.
    fn tries(lore: &mut GreyLore, delay_s: u64, chance: &mut Chance) -> Vec<Duration> {
        let (mut age, mut tried) = (Duration::ZERO, vec![]);
        lore.refused(age);
        loop {
            age += lore.wait(age, MINUTE, chance);
            tried.push(age);
            if age >= Duration::from_secs(delay_s) {
                lore.passed(age);
                return tried;
            }
            lore.refused(age);
        }
    }

    #[test]
    fn usual_delays_are_met_within_a_quarter_of_a_minute_by_few_tries() {
        let mut chance = Chance::seeded(1);
        for (delay_s, tries_max, late_s_max) in
            [(1, 1, 75), (60, 1, 15), (120, 2, 15), (300, 5, 15), (600, 8, 15), (900, 10, 30), (3_600, 15, 960)]
        {
            for _ in 0..50 {
                let tried = tries(&mut GreyLore::default(), delay_s, &mut chance);
                let late_s = tried.last().unwrap().as_secs() - delay_s;
                assert!(tried.len() <= tries_max && late_s <= late_s_max, "{delay_s}: {tried:?}");
            }
        }
    }

    #[test]
    fn once_one_mail_has_passed_others_go_at_its_age() {
        let (mut lore, mut chance) = (GreyLore::default(), Chance::seeded(1));
        let first = tries(&mut lore, 300, &mut chance);
        assert_eq!(first.len(), 5);
        for _ in 0..20 {
            assert_eq!(tries(&mut lore, 300, &mut chance).len(), 1);
        }
        assert!(lore.passes_at().unwrap() >= Duration::from_secs(300));
    }

    #[test]
    fn a_carrier_that_became_stricter_is_probed_anew() {
        let (mut lore, mut chance) = (GreyLore::default(), Chance::seeded(1));
        tries(&mut lore, 120, &mut chance);
        let tried = tries(&mut lore, 600, &mut chance);
        assert!((2..=9).contains(&tried.len()), "{tried:?}");
        assert_eq!(tries(&mut lore, 600, &mut chance).len(), 1);
    }

    #[test]
    fn mails_refused_together_come_back_spread_out() {
        let mut chance = Chance::seeded(1);
        let waits: std::collections::BTreeSet<u64> =
            (0..500).map(|_| GreyLore::default().wait(Duration::ZERO, MINUTE, &mut chance).as_secs()).collect();
        assert!(waits.len() >= 9, "{waits:?}");
    }

    #[test]
    fn tries_are_bounded_whatever_the_server_does() {
        let mut chance = Chance::seeded(1);
        let tried = tries(&mut GreyLore::default(), 24 * 3_600, &mut chance);
        assert!(tried.len() < 120, "{}", tried.len());
    }
}
