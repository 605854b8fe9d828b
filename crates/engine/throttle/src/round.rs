//! The running round: how much it carried, and whether it is over.

use std::time::Duration;

use mail_model::MonoUs;

/// A round is over after so long and so many answers: several round trips of any carrier, so that what was begun in it
/// was also answered in it; and fewer answers the slower the path, or a limit of a few a minute would never be learned.
const ENDS: [(Duration, u32); 3] =
    [(Duration::from_secs(5), 8), (Duration::from_secs(30), 4), (Duration::from_secs(90), 2)];

/// A round has an end even where hardly anything is sent; what it carried then proves nothing.
const SPAN_MAX: Duration = Duration::from_secs(600);

/// A round that has been clean so far; trouble begins another one.
///
/// Rounds and not minutes: at a mail a second a minute is sixty proofs, and at a hundred a second it is a minute of
/// standing still.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    from: MonoUs,
    mails: u32,
    borne: u32,
}

/// A round that ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Clean {
    /// What it carried, mails a minute.
    pub(crate) carried_per_min: f64,
    /// How long it was.
    pub(crate) span: Duration,
}

impl Round {
    /// Begins at `from`, which may lie ahead when a pause must pass first.
    pub(crate) fn starting(from: MonoUs) -> Self {
        Self { from, mails: 0, borne: 0 }
    }

    /// Counts one mail that was answered.
    pub(crate) fn carried_one(&mut self) {
        self.mails = self.mails.saturating_add(1);
    }

    /// Something was put off that probably means nothing. More than one in ten of it, and the round proves nothing.
    pub(crate) fn bore_one(&mut self) {
        self.borne = self.borne.saturating_add(1);
    }

    /// When it is over: what it carried, and the next one begins. A round that was nearly empty or in which much was put off gives
    /// `None`.
    pub(crate) fn turn(&mut self, now: MonoUs) -> Option<Clean> {
        let span = now.since(self.from);
        let full = ENDS.iter().any(|(least, mails)| span >= *least && self.mails >= *mails);
        if !full && span < SPAN_MAX {
            return None;
        }
        let carried_per_min = f64::from(self.mails) * 60.0 / span.as_secs_f64();
        let clean = full && self.borne <= 1.max(self.mails / 10);
        *self = Self::starting(now);
        clean.then_some(Clean { carried_per_min, span })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> MonoUs {
        MonoUs(ms * 1_000)
    }

    #[test]
    fn a_round_ends_after_five_seconds_and_eight_answers_and_only_a_clean_one_counts() {
        // (answers, put off, look at ms, what it carried)
        let table = [
            (8, 0, 4_999, None),
            (8, 0, 5_000, Some(96.0)),
            (7, 0, 5_000, None),
            (4, 0, 30_000, Some(8.0)),
            (3, 0, 60_000, None),
            (3, 0, 90_000, Some(2.0)),
            (1, 0, 599_000, None),
            (1, 0, 600_000, None),
            (50, 5, 5_000, Some(600.0)),
            (50, 6, 5_000, None),
            (8, 1, 5_000, Some(96.0)),
        ];
        for (answers, borne, at, carried) in table {
            let mut round = Round::starting(ms(1_000));
            (0..answers).for_each(|_| round.carried_one());
            (0..borne).for_each(|_| round.bore_one());
            let clean = round.turn(ms(1_000 + at));
            assert_eq!(clean.map(|clean| clean.carried_per_min), carried, "{answers} answers until {at} ms");
        }
    }

    #[test]
    fn the_next_round_begins_when_the_last_one_ends_and_silence_is_no_evidence() {
        let mut round = Round::starting(ms(0));
        (0..20).for_each(|_| round.carried_one());
        assert!(round.turn(ms(6_000)).is_some());
        assert_eq!(round.turn(ms(3_600_000)), None);
        (0..10).for_each(|_| round.carried_one());
        assert_eq!(round.turn(ms(3_604_999)), None);
        assert!(round.turn(ms(3_605_000)).is_some());
    }
}
