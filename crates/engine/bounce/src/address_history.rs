//! When an address gets no more mail: what `bounces/causes.json` calls suppress_now, after_2_on_different_days and
//! after_5_in_30_days; and the wish of whoever reads there.

use std::fmt;

use mail_model::{Action, CarrierName, Cause, EgressPath, SiteName, SourceName, UnixMs};
use serde::{Deserialize, Serialize};

const DAY_MS: u64 = 24 * 3_600_000;
/// Japan Standard Time; Japan has no summer time, so days are counted without a time zone table.
const JST_OFFSET_MS: u64 = 9 * 3_600_000;
/// The window of `suppress_after_5_in_30_days`.
const WINDOW_MS: u64 = 30 * DAY_MS;
/// How many times within the window suppress.
const TIMES_IN_WINDOW: usize = 5;

/// Why an address gets no more mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Its bounces.
    Bounced(Cause),
    /// Its owner's word.
    Wished(Wish),
}

impl Reason {
    /// As written in rules, labels and JSON: a cause's id, `complained` or `unsubscribed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bounced(cause) => cause.id(),
            Self::Wished(Wish::Complained) => "complained",
            Self::Wished(Wish::Unsubscribed) => "unsubscribed",
        }
    }

    /// The cause, where it was bounces.
    pub fn cause(self) -> Option<Cause> {
        match self {
            Self::Bounced(cause) => Some(cause),
            Self::Wished(_) => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a person said that no more mail is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Reported one of our mails as spam.
    Complained,
    /// Followed List-Unsubscribe.
    Unsubscribed,
}

/// One thing to be noted of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noted {
    /// A bounce; see [`AddressHistory::record_from`], or [`AddressHistory::record`] without a path.
    Bounce {
        /// Why.
        cause: Cause,
        /// When.
        at: UnixMs,
        /// By which path the mail had left.
        path: Option<EgressPath>,
        /// Whether that path's "unknown" is not believed.
        is_doubted: bool,
    },
    /// What its owner wants.
    Wish(Wish),
}

/// Who said that the address is unknown, and when: what has to be asked when that path turns out to say it of everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// When we heard it.
    pub at: UnixMs,
    /// Whose mail system said it …
    pub carrier: CarrierName,
    /// … which domain, for carriers without a profile …
    #[serde(default = "SiteName::none")]
    pub site: SiteName,
    /// … and to which source of ours.
    pub source: SourceName,
    /// What had suppressed the address before that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    before: Option<Cause>,
}

/// The bounces of one address, as far as they count towards suppression.
///
/// At most a handful of numbers; times may arrive in any order. Once suppressed, an address stays so until
/// [`AddressHistory::forgive`], or until [`AddressHistory::doubt`] finds that the word was worth nothing. Only final
/// failures belong here: a 4xx that is tried again is not a bounce yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AddressHistory {
    suppressed: Option<Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wish: Option<Wish>,
    /// Where "unknown" came from, while that is why the address is suppressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<Said>,
    /// The JST day of an "unknown" that was not believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubted_day: Option<u64>,
    /// The JST day, counted from 1970-01-01, of the first "disabled".
    disabled_day: Option<u64>,
    /// Times of "full", ascending, none older than the window before the newest.
    full_at: Vec<UnixMs>,
}

impl AddressHistory {
    /// Notes a bounce. Causes that do not count (a filter above all) leave no trace.
    pub fn record(&mut self, cause: Cause, at: UnixMs) {
        for action in cause.actions() {
            let reached = match action {
                Action::SuppressNow => true,
                Action::SuppressAfter2OnDifferentDays => self.disabled_on_another_day(at),
                Action::SuppressAfter5In30Days => self.full_too_often(at),
                _ => continue,
            };
            // A dead address says more than a full one, so it replaces the reason.
            if reached && (self.suppressed.is_none() || cause.is_hard()) {
                self.suppressed = Some(cause);
            }
        }
    }

    /// Notes a bounce that came by way of `path`. `doubted`: the path says "unknown" of so many that it is not believed
    /// (docomo was seen to, while it blocked a sender).
    ///
    /// An unknown address that is not believed leaves the day as its only trace. Said again on another day, also in
    /// doubt, it suppresses: a block does not outlast the night, and a list full of dead addresses must get clean.
    pub fn record_from(&mut self, cause: Cause, at: UnixMs, path: &EgressPath, doubted: bool) {
        if cause != Cause::AddressUnknown || self.suppressed.is_some_and(Cause::is_hard) {
            return self.record(cause, at);
        }
        let day = jst_day(at);
        if doubted && *self.doubted_day.get_or_insert(day) == day {
            return;
        }
        let (carrier, site, source) = (path.carrier.clone(), path.site.clone(), path.source.clone());
        self.said = Some(Said { at, carrier, site, source, before: self.suppressed });
        self.record(cause, at);
    }

    /// Notes one thing.
    pub fn note(&mut self, noted: &Noted) {
        match noted {
            Noted::Bounce { cause, at, path: Some(path), is_doubted } => {
                self.record_from(*cause, *at, path, *is_doubted);
            }
            Noted::Bounce { cause, at, path: None, .. } => self.record(*cause, *at),
            Noted::Wish(wish) => self.record_wish(*wish),
        }
    }

    /// What the queue is to keep after one thing more was noted on what it keeps.
    pub fn noted(stored: Option<&[u8]>, noted: &Noted) -> Vec<u8> {
        let mut history = Self::decode(stored);
        history.note(noted);
        history.encode()
    }

    /// Notes what the address's owner wants.
    pub fn record_wish(&mut self, wish: Wish) {
        self.wish = Some(wish);
    }

    /// Who said "unknown", while that is why the address is suppressed and one voice is all there is.
    pub fn said_unknown(&self) -> Option<&Said> {
        self.said.as_ref().filter(|said| self.doubted_day.is_none_or(|day| day == jst_day(said.at)))
    }

    /// Takes back the "unknown" of [`AddressHistory::said_unknown`], which is no longer believed.
    pub fn doubt(&mut self) {
        if self.said_unknown().is_none() {
            return;
        }
        if let Some(said) = self.said.take() {
            self.doubted_day = Some(jst_day(said.at));
            self.suppressed = said.before;
        }
    }

    /// Which bounces keep mail from the address, if any do.
    pub fn suppressed_by(&self) -> Option<Cause> {
        self.suppressed
    }

    /// Why the address gets no more mail; `None` while it does.
    pub fn reason(&self) -> Option<Reason> {
        self.wish.map(Reason::Wished).or(self.suppressed.map(Reason::Bounced))
    }

    /// Reads what the queue keeps of an address. What cannot be read was written by a newer version: such an address is
    /// as good as new.
    pub fn decode(stored: Option<&[u8]>) -> Self {
        stored.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
    }

    /// What the queue keeps; JSON, at most a few hundred bytes.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Forgets everything: somebody corrected or confirmed the address.
    pub fn forgive(&mut self) {
        *self = Self::default();
    }

    fn disabled_on_another_day(&mut self, at: UnixMs) -> bool {
        let day = jst_day(at);
        *self.disabled_day.get_or_insert(day) != day
    }

    fn full_too_often(&mut self, at: UnixMs) -> bool {
        let place = self.full_at.partition_point(|earlier| *earlier <= at);
        self.full_at.insert(place, at);
        let newest = self.full_at.last().copied().unwrap_or(at);
        self.full_at.retain(|time| newest.since_ms(*time) <= WINDOW_MS);
        let excess = self.full_at.len().saturating_sub(TIMES_IN_WINDOW);
        self.full_at.drain(..excess);
        self.full_at.len() >= TIMES_IN_WINDOW
    }
}

fn jst_day(at: UnixMs) -> u64 {
    at.0.saturating_add(JST_OFFSET_MS) / DAY_MS
}
