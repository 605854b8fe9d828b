//! Which refusals are a word on our rate, and which are the carrier's own trouble: a share that is refused however
//! slowly we come.

use crate::laws::Laws;

/// Answers looked back on.
const WINDOW: u32 = 40;

/// Vague words: so many of the last few answers are no accident …
const VAGUE_ROW: u32 = 3;
const ROW: u32 = 8;
/// … and so many where the carrier has said clear words before, for then it has words for the rate.
const VAGUE_ROW_BESIDE_CLEAR: u32 = 5;

/// Share of vague refusals that is borne without having been learned.
const VAGUE_SHARE: f64 = 0.05;

/// What was counted is a little less than what may come.
const MARGIN: f64 = 1.5;

/// Share beyond which it is no noise any more: a carrier that refuses every third mail is shut enough.
const SHARE_MAX: f64 = 0.35;

/// Answers after which older ones count half.
const COUNTED_MAX: u32 = 400;

/// The answers of one path.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Noise {
    /// The last answers, newest in the lowest bit; set: refused.
    answers: u64,
    /// Learned share of refusals that have nothing to do with the rate.
    share: f64,
    counted: u32,
    refused: u32,
    clear_words: bool,
}

impl Noise {
    /// An answer that was no refusal.
    pub(crate) fn fine(&mut self) {
        self.push(false);
    }

    fn push(&mut self, refused: bool) {
        self.answers = self.answers << 1 | u64::from(refused);
        if self.counted >= COUNTED_MAX {
            (self.counted, self.refused) = (self.counted / 2, self.refused / 2);
        }
        self.counted += 1;
        self.refused += u32::from(refused);
    }

    fn refused_of_last(&self, count: u32) -> u32 {
        (self.answers & ((1 << count) - 1)).count_ones()
    }

    /// A refusal. Whether it is to be acted upon; `vague`: its words may mean anything.
    pub(crate) fn refusal_counts(&mut self, vague: bool, laws: Laws) -> bool {
        self.push(true);
        self.clear_words |= !vague;
        let share = if vague { self.share.max(VAGUE_SHARE) } else { self.share };
        let counts = share == 0.0 || !laws.noise || self.is_beyond(share);
        if counts {
            // What was answered before a reaction is no reason for the next one.
            self.answers = 0;
        }
        counts
    }

    fn is_beyond(&self, share: f64) -> bool {
        let expected = |count: u32| share * f64::from(count);
        let most = |count: u32| expected(count) + 2.5 * expected(count).sqrt() + 1.0;
        let vague = if self.clear_words { VAGUE_ROW_BESIDE_CLEAR } else { VAGUE_ROW };
        let row = most(ROW).max(f64::from(vague));
        f64::from(self.refused_of_last(WINDOW)) > most(WINDOW) || f64::from(self.refused_of_last(ROW)) >= row
    }

    /// The refusals of late had nothing to do with the rate: their share is borne from now on.
    pub(crate) fn learn(&mut self) {
        let share = f64::from(self.refused.max(1)) / f64::from(self.counted.max(1));
        self.share = (share * MARGIN).min(SHARE_MAX);
    }

    /// A door was shut in earnest: what was taken for noise may have been its beginning.
    pub(crate) fn reset(&mut self) {
        *self = Self { clear_words: self.clear_words, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers as a text: `.` fine, `v` vague, `c` clear. Gives what each refusal led to: `!` acted upon, `-` borne.
    fn played(noise: &mut Noise, answers: &str) -> String {
        let answer = |sign| match sign {
            '.' => {
                noise.fine();
                None
            }
            sign => Some(if noise.refusal_counts(sign == 'v', Laws::default()) { '!' } else { '-' }),
        };
        answers.chars().filter_map(answer).collect()
    }

    #[test]
    fn clear_words_count_at_once_and_vague_ones_in_a_row() {
        let table = [
            ("....c", "!"),
            ("....v....", "-"),
            ("v.......v.......v", "---"),
            ("vvv", "--!"),
            ("v.v..v", "--!"),
            ("vvvvvv", "--!--!"),
            ("c....vvv.....", "!---"),
            ("c....vvvvv", "!----!"),
        ];
        for (answers, reactions) in table {
            assert_eq!(played(&mut Noise::default(), answers), reactions, "{answers}");
        }
    }

    #[test]
    fn a_learned_share_is_borne_and_more_than_it_is_not() {
        let mut noise = Noise::default();
        played(&mut noise, &format!("{}c", ".".repeat(19)).repeat(10));
        noise.learn();
        let usual = format!("{}c", ".".repeat(19)).repeat(5);
        assert_eq!(played(&mut noise, &usual), "-----");
        assert!(played(&mut noise, "c.c.cc.c").contains('!'));
        noise.reset();
        assert_eq!(played(&mut noise, ".....c"), "!");
    }
}
