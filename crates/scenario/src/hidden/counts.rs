//! What a carrier counts of each source; the figures of a run.

use serde::Serialize;

use super::answer::Why;

/// Requests of one source at one carrier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Connections asked for.
    pub connections_asked: u64,
    /// Those of them that were turned away, for whatever reason.
    pub connections_turned_away: u64,
    /// Most sessions open at once.
    pub open_max: u64,
    /// Mails begun.
    pub mails_asked: u64,
    /// Mails accepted.
    pub accepted: u64,
    /// Recipients who do not exist.
    pub unknown: u64,
    /// Requests beyond a hidden limit, connections and mails.
    pub crossings: u64,
    /// Bans that began, of the source or, brought on by it, of its netblock.
    pub bans: u64,
    /// Requests while banned. No crossings.
    pub knocks: u64,
    /// Requests during an outage. No crossings.
    pub outage: u64,
    /// Requests of a listed source. No crossings.
    pub listed: u64,
    /// Mails put off around the full hour. No crossings.
    pub full_hour: u64,
    /// Mails put off by greylisting. No crossings.
    pub greylisted: u64,
    /// Mails put off for no reason of ours. No crossings.
    pub busy: u64,
}

impl Counts {
    pub(super) fn note(&mut self, why: Why) {
        let count = match why {
            Why::Fine => &mut self.accepted,
            Why::Unknown => &mut self.unknown,
            Why::Banned => &mut self.knocks,
            Why::Outage => &mut self.outage,
            Why::Listed => &mut self.listed,
            Why::FullHour => &mut self.full_hour,
            Why::Greylisted => &mut self.greylisted,
            Why::Busy => &mut self.busy,
            // Crossings are noted where they happen: a tarpit is one, and its mail is accepted all the same.
            Why::Crossing(_) | Why::Gone => return,
        };
        *count += 1;
    }

    pub(super) fn crossed(&mut self) {
        self.crossings += 1;
    }

    /// The sum of two; of `open_max` too, as an upper bound.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            connections_asked: self.connections_asked + other.connections_asked,
            connections_turned_away: self.connections_turned_away + other.connections_turned_away,
            open_max: self.open_max + other.open_max,
            mails_asked: self.mails_asked + other.mails_asked,
            accepted: self.accepted + other.accepted,
            unknown: self.unknown + other.unknown,
            crossings: self.crossings + other.crossings,
            bans: self.bans + other.bans,
            knocks: self.knocks + other.knocks,
            outage: self.outage + other.outage,
            listed: self.listed + other.listed,
            full_hour: self.full_hour + other.full_hour,
            greylisted: self.greylisted + other.greylisted,
            busy: self.busy + other.busy,
        }
    }
}
