//! Who got what and when: every mail ends exactly once.

use mail_model::MonoUs;
use scenario::{Scenario, oracle};

use crate::ending::Ending;
use crate::run_record::{JUDGED, SHARES, Score};

/// How fast somebody would be who knows all limits: for each carrier, and for all of them last, by [`SHARES`]. The same for
/// all seeds and laws, and not cheap.
#[derive(Clone, Debug)]
pub struct Best(Vec<Vec<Option<f64>>>);

impl Best {
    /// Asks the oracle.
    pub fn of(scenario: &Scenario) -> Self {
        let all = scenario.carriers.len();
        let time = |place: usize, share: f64| {
            let time = match place == all || all == 1 {
                true => oracle::time_to_share(scenario, share),
                false => oracle::time_to_share_of(scenario, share, |wave| wave.carrier == place),
            };
            Some(time).filter(|time| time.is_finite())
        };
        Self((0..=all).map(|place| SHARES.iter().map(|share| time(place, *share)).collect()).collect())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fate {
    ended: bool,
    /// How often the carrier took it.
    taken: u8,
}

/// The books of one run.
#[derive(Debug)]
pub(crate) struct Books {
    fates: Vec<Fate>,
    ended: u64,
    /// One sheet for each carrier, and the last for all.
    sheets: Vec<Sheet>,
}

#[derive(Debug)]
struct Sheet {
    score: Score,
    settled: u64,
    /// Numbers of settled mails at which a share is full.
    marks: Vec<u64>,
}

impl Sheet {
    fn new(name: &str, mails: u64) -> Self {
        let score = Score {
            name: name.to_owned(),
            mails,
            settled_s: vec![None; SHARES.len()],
            oracle_s: vec![None; SHARES.len()],
            ..Score::default()
        };
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of fewer than 2^32 mails"
        )]
        let mark = |share: &f64| ((mails as f64 * share).ceil() as u64).clamp(1, mails.max(1));
        Self { score, settled: 0, marks: SHARES.iter().map(mark).collect() }
    }

    fn settled(&mut self, at_s: f64) {
        self.settled += 1;
        for (place, _) in self.marks.iter().enumerate().filter(|(_, mark)| **mark == self.settled) {
            self.score.settled_s[place] = Some(at_s);
        }
    }
}

impl Books {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mails =
            |carrier: usize| scenario.waves.iter().filter(|wave| wave.carrier == carrier).map(|wave| wave.mails).sum();
        let one = |(carrier, world): (usize, &scenario::CarrierWorld)| Sheet::new(world.name.as_str(), mails(carrier));
        let mut sheets: Vec<Sheet> = scenario.carriers.iter().enumerate().map(one).collect();
        sheets.push(Sheet::new("all", scenario.mails()));
        let all = usize::try_from(scenario.mails()).unwrap_or(usize::MAX);
        Self { fates: vec![Fate::default(); all], ended: 0, sheets }
    }

    /// Notes something on the sheets of a carrier and of all.
    pub(crate) fn note(&mut self, carrier: usize, change: impl Fn(&mut Score)) {
        let all = self.sheets.len() - 1;
        change(&mut self.sheets[carrier].score);
        change(&mut self.sheets[all].score);
    }

    /// The carrier took a mail.
    pub(crate) fn taken(&mut self, carrier: usize, number: u32) {
        let Some(fate) = self.fates.get_mut(number as usize) else { return };
        fate.taken = fate.taken.saturating_add(1);
        if fate.taken > 1 {
            self.note(carrier, |score| score.doubled += 1);
        }
    }

    /// A mail has ended.
    ///
    /// # Panics
    /// When it had ended before: then the simulator is wrong.
    pub(crate) fn end(&mut self, carrier: usize, number: u32, ending: Ending, at: MonoUs) {
        let fate = &mut self.fates[number as usize];
        assert!(!std::mem::replace(&mut fate.ended, true), "mail {number} ended twice");
        self.ended += 1;
        self.note(carrier, |score| match ending {
            Ending::Accepted => score.accepted += 1,
            Ending::Unknown => score.unknown += 1,
            Ending::Failed => score.failed += 1,
            Ending::Expired => score.expired += 1,
        });
        // A mail that was given up is not settled: it would be fast to refuse everything.
        if matches!(ending, Ending::Accepted | Ending::Unknown) {
            let all = self.sheets.len() - 1;
            for sheet in [carrier, all] {
                self.sheets[sheet].settled(seconds(at));
            }
        }
    }

    /// Whether all mails have ended.
    pub(crate) fn are_closed(&self) -> bool {
        self.ended == self.fates.len() as u64
    }

    /// The scores of the carriers, and of all.
    pub(crate) fn scores(self, best: &Best) -> (Vec<Score>, Score) {
        let mut scores: Vec<Score> = Vec::new();
        for (sheet, best) in self.sheets.into_iter().zip(&best.0) {
            let mut score = sheet.score;
            score.left = score.mails - score.accepted - score.unknown - score.failed - score.expired;
            score.oracle_s.clone_from(best);
            // Within the first seconds a ratio says something about the length of one session, and nothing about a law.
            score.ratio =
                score.settled_s[JUDGED].zip(score.oracle_s[JUDGED]).map(|(own, best)| own.max(1.0) / best.max(1.0));
            scores.push(score);
        }
        let total = scores.pop().unwrap_or_default();
        (scores, total)
    }
}

pub(crate) fn seconds(at: MonoUs) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of days stay below 2^52")]
    let seconds = at.0 as f64 / 1e6;
    seconds
}
