//! What becomes of a recipient's mail: decided by its address alone, so that every run decides alike.

use serde::{Deserialize, Serialize};

use crate::identity::{share_of, unquoted};
use crate::words::Situation;

/// The fate of a recipient at its carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Taken.
    Accept,
    /// No such mailbox.
    Unknown,
    /// Refused by the subscriber's settings.
    Filtered,
    /// Mailbox full.
    Full,
    /// Contract suspended.
    Disabled,
    /// Content refused.
    Content,
    /// Refused as too large whatever its size.
    Large,
    /// Taken with a 250 and thrown away, as carriers' silent filters do.
    Dropped,
    /// 450 until the same source comes back after a while.
    Grey,
    /// 451 for the first tries, wherever they come from.
    Busy,
    /// Taken after a while of silence.
    Slow,
}

impl Fate {
    /// Every fate that a share or a prefix can name.
    pub const ALL: [Self; 11] = [
        Self::Accept,
        Self::Unknown,
        Self::Filtered,
        Self::Full,
        Self::Disabled,
        Self::Content,
        Self::Large,
        Self::Dropped,
        Self::Grey,
        Self::Busy,
        Self::Slow,
    ];

    /// The word before the first dot of a local part that chooses this fate.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Unknown => "unknown",
            Self::Filtered => "filtered",
            Self::Full => "full",
            Self::Disabled => "disabled",
            Self::Content => "content",
            Self::Large => "large",
            Self::Dropped => "dropped",
            Self::Grey => "grey",
            Self::Busy => "busy",
            Self::Slow => "slow",
        }
    }

    /// The situation that a refusing fate speaks; none for a fate whose mail is (in the end) taken.
    pub(crate) fn refusal(self) -> Option<Situation> {
        match self {
            Self::Accept | Self::Dropped | Self::Slow | Self::Grey | Self::Busy => None,
            Self::Unknown => Some(Situation::Unknown),
            Self::Filtered => Some(Situation::Filtered),
            Self::Full => Some(Situation::Full),
            Self::Disabled => Some(Situation::Disabled),
            Self::Content => Some(Situation::ContentRefused),
            Self::Large => Some(Situation::TooLarge),
        }
    }
}

/// How recipients fare. Shares are fractions of all recipients (0.008 = 0.8 %); what they leave is accepted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Chooses which recipients have which fate.
    pub seed: u64,
    /// Whether `unknown.x@…`, `full.x@…` and so on choose their fate by their name. See [`Fate::prefix`].
    pub prefixes: bool,
    /// Fraction that does not exist.
    pub unknown: f64,
    /// Fraction whose settings refuse the mail.
    pub filtered: f64,
    /// Fraction with a full mailbox.
    pub full: f64,
    /// Fraction with a suspended contract.
    pub disabled: f64,
    /// Fraction for which the content is refused.
    pub content: f64,
    /// Fraction that is silently thrown away after a 250.
    pub dropped: f64,
    /// Fraction that is greylisted.
    pub grey: f64,
    /// Fraction that is answered 451 at first.
    pub busy: f64,
    /// Fraction that is answered slowly.
    pub slow: f64,
    /// How long after the first try from the same source a greylisted recipient is taken.
    pub grey_ms: u64,
    /// How many tries a busy recipient refuses.
    pub busy_tries: u32,
    /// How long a slow recipient's final dot waits for its reply.
    pub slow_ms: u64,
}

impl Behaviour {
    /// Takes everything, except where a local part's prefix says otherwise.
    pub fn by_prefix() -> Self {
        Self { prefixes: true, grey_ms: 1_000, busy_tries: 1, slow_ms: 200, ..Self::default() }
    }

    fn shares(&self) -> [(f64, Fate); 9] {
        [
            (self.unknown, Fate::Unknown),
            (self.filtered, Fate::Filtered),
            (self.full, Fate::Full),
            (self.disabled, Fate::Disabled),
            (self.content, Fate::Content),
            (self.dropped, Fate::Dropped),
            (self.grey, Fate::Grey),
            (self.busy, Fate::Busy),
            (self.slow, Fate::Slow),
        ]
    }

    /// What is wrong with the numbers, if anything.
    pub(crate) fn fault(&self) -> Option<String> {
        let shares = self.shares();
        if let Some((share, fate)) = shares.iter().find(|(share, _)| !(0.0..=1.0).contains(share)) {
            return Some(format!("share {} = {share}: give a fraction from 0 to 1", fate.prefix()));
        }
        let sum: f64 = shares.iter().map(|(share, _)| share).sum();
        (sum > 1.0).then(|| format!("the shares sum up to {sum}; together they must stay within 1"))
    }

    /// The fate of a path as a client wrote it; `hash` is its recipient hash.
    pub(crate) fn fate(&self, path: &str, hash: u64) -> Fate {
        if self.prefixes
            && let Some(fate) = named_fate(path)
        {
            return fate;
        }
        let mut place = share_of(hash, self.seed);
        for (share, fate) in self.shares() {
            if place < share {
                return fate;
            }
            place -= share;
        }
        Fate::Accept
    }
}

fn named_fate(path: &str) -> Option<Fate> {
    let local = path.rsplit_once('@').map_or(path, |(local, _)| local);
    let (word, _) = unquoted(local).split_once('.')?;
    Fate::ALL.into_iter().find(|fate| fate.prefix().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::hash_of;

    #[test]
    fn a_prefix_chooses_the_fate_and_nothing_else_does() {
        let behaviour = Behaviour::by_prefix();
        for fate in Fate::ALL {
            let path = format!("{}.taro@docomo.ne.jp", fate.prefix());
            assert_eq!(behaviour.fate(&path, 0), fate);
        }
        for (path, fate) in
            [("unknown@a.jp", Fate::Accept), ("\"full..x\"@a.jp", Fate::Full), ("taro@a.jp", Fate::Accept)]
        {
            assert_eq!(behaviour.fate(path, hash_of(path)), fate, "{path}");
        }
    }

    #[test]
    fn shares_come_out_as_asked_and_the_same_every_time() {
        let behaviour = Behaviour { unknown: 0.05, filtered: 0.10, grey: 0.01, seed: 9, ..Behaviour::default() };
        let count = |wanted| {
            let hashes = (0..20_000).map(|n| hash_of(&format!("g{n}@au.com")));
            hashes.filter(|hash| behaviour.fate("g@au.com", *hash) == wanted).count()
        };
        let table = [(Fate::Unknown, 1_000), (Fate::Filtered, 2_000), (Fate::Grey, 200), (Fate::Full, 0)];
        for (fate, about) in table {
            let seen = count(fate);
            assert!(seen.abs_diff(about) <= about / 5, "{fate:?}: {seen} instead of about {about}");
            assert_eq!(seen, count(fate));
        }
    }

    #[test]
    fn impossible_shares_are_named() {
        assert!(Behaviour { unknown: 0.7, full: 0.4, ..Behaviour::default() }.fault().is_some());
        assert!(Behaviour { unknown: -0.1, ..Behaviour::default() }.fault().is_some());
        assert!(Behaviour::by_prefix().fault().is_none());
    }
}
