//! A netblock's allowance, shared by the nodes that have sources in it.

use std::sync::Arc;
use std::time::Duration;

use mail_model::{CarrierName, MonoUs, SiteName};

/// One netblock at one carrier, or at one domain of `other`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetblockAt {
    /// Whose mail system.
    pub carrier: CarrierName,
    /// The domain, for a carrier without a profile.
    pub site: SiteName,
    /// The netblock's name.
    pub netblock: Arc<str>,
}

/// What a node tells the others of its part of a netblock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct News {
    /// What its sources would send together if the netblock let them, mails a minute; 0 when nothing waits.
    pub wants_per_min: f64,
    /// What they did send since the last news, mails a minute.
    pub carried_per_min: f64,
    /// Times the carrier asked for less since the last news.
    pub refusals: u32,
    /// What its own sources may send together, as its guard has learned it while the other nodes sent what they sent.
    pub learned_per_min: Option<f64>,
}

/// A node's part of a netblock's allowance, lent for a term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Mails a minute; `None`: no common limit is known, so none is to be kept.
    pub rate_per_min: Option<f64>,
    /// Whole until then.
    pub until: MonoUs,
    /// For how long it was lent.
    pub term: Duration,
}

/// Terms after which nothing is left of a share that was not renewed.
const HALVINGS_MAX: u32 = 6;

impl Share {
    /// Without a limit, for ever.
    pub const ALL: Self = Self { rate_per_min: None, until: MonoUs(u64::MAX), term: Duration::ZERO };

    /// What is left of it at `now`, mails a minute; `None`: no limit.
    ///
    /// Once the term is over without an answer the share is halved, and again after each further term. The lender counts
    /// by the same rule and gives others only what is gone from it here, so the sum holds whoever is cut off. Half at
    /// once and not nothing: the database being away must not stop mail.
    pub fn rate_at(&self, now: MonoUs) -> Option<f64> {
        let rate = self.rate_per_min?;
        if now < self.until {
            return Some(rate);
        }
        let terms = now.since(self.until).as_secs_f64() / self.term.as_secs_f64().max(0.001);
        let halvings = 1.0 + terms.floor();
        Some(if halvings > f64::from(HALVINGS_MAX) { 0.0 } else { rate * 0.5_f64.powf(halvings) })
    }
}

/// Lends parts of netblocks' allowances. Asked under the scheduler's lock, at most once a second for each netblock: it must
/// answer from memory and never wait; what it is told goes out with the next exchange.
///
/// **What an implementation owes.** The parts lent at any moment, counted by [`Share::rate_at`], are no more than the
/// allowance. A node that has
/// learned a sum has learned it beside what the others carried at that time, so the allowance is the two together. Parts
/// follow what the nodes want.
///
/// **When the control database is away** each node keeps its last share for the rest of its term and then half of it, a
/// quarter … : a carrier's ban of a whole network costs more than an hour at half speed. After the last halving nothing is
/// left; by then an operator knows, and can make the node the only one by configuration.
pub trait SharedGuard: Send + Sync + 'static {
    /// This node's part at `now`; takes its news.
    fn share(&self, at: &NetblockAt, news: News, now: MonoUs) -> Share;

    /// Whether no other node shares anything, so that nothing needs to be asked.
    fn is_local(&self) -> bool {
        false
    }
}

/// One node alone: the guards of its own process suffice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

impl SharedGuard for Local {
    fn share(&self, _: &NetblockAt, _: News, _: MonoUs) -> Share {
        Share::ALL
    }

    fn is_local(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_is_not_renewed_is_halved_term_by_term_until_nothing_is_left() {
        let share = Share { rate_per_min: Some(64.0), until: MonoUs(10_000_000), term: Duration::from_secs(5) };
        let table =
            [(0, 64.0), (9, 64.0), (10, 32.0), (14, 32.0), (15, 16.0), (20, 8.0), (39, 1.0), (40, 0.0), (900, 0.0)];
        for (at_s, rate) in table {
            assert_eq!(share.rate_at(MonoUs(at_s * 1_000_000)), Some(rate), "at {at_s}");
        }
        assert_eq!(Share::ALL.rate_at(MonoUs(u64::MAX)), None);
    }
}
