//! What a carrier does and does not say: limits, what lies beyond them, bans, delays, doors that are shut.

use mail_model::Stage;

/// What a carrier does from a moment on.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    /// Seconds after the scenario's beginning.
    pub from_s: u64,
    /// How long it takes to answer.
    pub latency: Latency,
    /// What it bears.
    pub limits: Vec<Limit>,
    /// Whether anybody is let in: `None` is open, else an outage and how it shows.
    pub door: Option<Rebuff>,
    /// When excess is answered with a ban.
    pub ban: Option<Ban>,
    /// When unknown recipients are answered with a ban.
    pub unknown: Option<UnknownBlock>,
    /// Whether first attempts are put off.
    pub greylist: Option<Greylist>,
    /// Whether mail around the full hour is put off.
    pub full_hour: Option<FullHour>,
    /// Mails put off for no reason of ours.
    pub busy: Option<Busy>,
    /// Sources it refuses outright.
    pub listed: Option<Listed>,
    /// Seconds without a mail after which it closes a session without a word; `None` is never.
    pub session_idle_s: Option<u64>,
}

/// How long answers take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// From SYN to greeting, ms.
    pub connect_ms: u64,
    /// From MAIL to the reply to the final dot, ms.
    pub mail_ms: u64,
    /// An even draw from 0 to this is added to both, ms.
    pub jitter_ms: u64,
    /// Added to both for each further session that we have open at this carrier, ms.
    pub per_session_ms: u64,
}

/// One thing that a carrier bears only so much of.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// What is limited.
    pub kind: LimitKind,
    /// Whose requests are added up.
    pub per: Per,
    /// What lies beyond it.
    pub over: Rebuff,
    /// How good behaviour widens it.
    pub growth: Option<Growth>,
    /// How excess narrows it for a time.
    pub penalty: Option<Penalty>,
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LimitKind {
    /// Sessions open at once.
    Sessions {
        /// Most of them, at least 1.
        most: u32,
    },
    /// Mails of one session; always per session.
    SessionMails {
        /// Most of them, at least 1.
        most: u32,
    },
    /// A token bucket, full at the beginning.
    Rate {
        /// What is counted.
        of: Of,
        /// Tokens a minute.
        per_min: f64,
        /// Size of the bucket, at least 1.
        burst: f64,
    },
    /// A quota.
    Count {
        /// What is counted.
        of: Of,
        /// Most of them, at least 1.
        most: u64,
        /// In so many seconds.
        in_s: u64,
        /// By the clock (from each full multiple of `in_s` of the day) or in the last `in_s` seconds.
        by_clock: bool,
    },
    /// No limit that is refused at, but a hall that is worked through at a pace: whoever comes waits for those before.
    Capacity {
        /// Mails worked through a minute.
        per_min: f64,
        /// A wait longer than this is an excess, seconds; `None` lets everybody wait.
        patience_s: Option<f64>,
    },
}

/// What a rate or quota counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// MAIL commands that were let through.
    Mails,
    /// Connections that were let in.
    Connections,
}

/// Whose requests are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Per {
    /// Each source address for itself.
    Source,
    /// All sources of one netblock.
    Netblock,
    /// All of ours.
    Carrier,
}

/// Good behaviour widens a rate or quota: factor = least(`to`, 1 + `per_1000_accepted` × accepted ÷ 1,000 +
/// `per_day` × days known).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Added for each 1,000 accepted mails.
    pub per_1000_accepted: f64,
    /// Added for each day since the carrier first saw the source.
    pub per_day: f64,
    /// Greatest factor, at least 1.
    pub to: f64,
}

/// Excess narrows a rate or quota.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Penalty {
    /// Factor on the limit, above 0 and at most 1.
    pub factor: f64,
    /// For so long after the last excess, seconds.
    pub for_s: u64,
}

/// How a carrier turns somebody away.
#[derive(Clone, Debug, PartialEq)]
pub struct Rebuff {
    /// In which way.
    pub how: How,
    /// At which step: [`Stage::Greeting`], [`Stage::Mail`], [`Stage::Rcpt`] or [`Stage::DataEnd`].
    pub at: Stage,
}

/// In which way somebody is turned away.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    /// With a reply.
    Reply {
        /// As on the wire, code first, one line; `{source}`, `{address}` are filled in.
        text: String,
        /// Whether the connection is closed after it.
        closes: bool,
    },
    /// The connection is closed without a word (FIN).
    Close,
    /// The connection is reset (RST).
    Reset,
    /// The connection is not accepted (RST to SYN). Inside a session the same as a reset.
    Refuse,
    /// No answer at all; the session stays until the sender gives up.
    Silence,
    /// The mail is taken, this much later, ms.
    Tarpit {
        /// Delay added to the reply, ms.
        delay_ms: u64,
    },
}

/// Too much excess shuts a source or a netblock out.
#[derive(Clone, Debug, PartialEq)]
pub struct Ban {
    /// So many excesses ban; 1 is the first one.
    pub after: u32,
    /// Within so many seconds.
    pub in_s: u64,
    /// For so long, seconds.
    pub for_s: u64,
    /// A knock at the door of a ban keeps it shut for at least so long from then on, seconds; 0 does not.
    pub knock_s: u64,
    /// Who is shut out, and whose excesses are added up.
    pub per: Per,
    /// What the banned hear.
    pub says: Rebuff,
}

/// Too many unknown recipients shut a source or a netblock out.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownBlock {
    /// More than this share of the last `of_last` recipients blocks. Above 0, at most 1.
    pub share: f64,
    /// Over so many recipients; the share is of this number even before so many came.
    pub of_last: u32,
    /// Recipients longer ago than this do not count, seconds.
    pub in_s: u64,
    /// For so long, seconds.
    pub for_s: u64,
    /// The same as [`Ban::knock_s`].
    pub knock_s: u64,
    /// Who is shut out, and whose recipients are added up.
    pub per: Per,
    /// What the blocked hear.
    pub says: Rebuff,
}

/// First attempts are put off.
#[derive(Clone, Debug, PartialEq)]
pub struct Greylist {
    /// A further attempt this long after the first is let through, seconds, at least 1.
    pub delay_s: u64,
    /// An attempt longer than this after the first counts as a first one, seconds.
    pub window_s: u64,
    /// Together with the recipient, what must be the same: the source or its netblock; [`Per::Carrier`] is nothing.
    pub per: Per,
    /// After so many of its mails got through, a source is put off no more; 0 is never.
    pub known_after: u64,
    /// What the first attempt hears.
    pub says: Rebuff,
}

/// Mail around each full hour is put off.
#[derive(Clone, Debug, PartialEq)]
pub struct FullHour {
    /// From so many seconds before it.
    pub before_s: u64,
    /// To so many seconds after it.
    pub after_s: u64,
    /// Share of the mails that is put off, by chance.
    pub share: f64,
    /// What they hear.
    pub says: Rebuff,
}

/// Mails put off for no reason of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Busy {
    /// Their share, by chance.
    pub share: f64,
    /// What they hear.
    pub says: Rebuff,
}

/// Sources that stand on a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Their numbers, ascending.
    pub sources: Vec<usize>,
    /// What they hear.
    pub says: Rebuff,
}

impl FullHour {
    /// Whether it is told before any limit is looked at: a closed door, or a crowd at the greeting. A crowd further in
    /// uses up what the limits allow.
    pub fn is_door(&self) -> bool {
        self.share >= 1.0 || self.says.at == Stage::Greeting
    }

    /// Whether a second of the day lies in the span.
    pub fn holds_at(&self, second_of_day: u64) -> bool {
        let into = second_of_day % 3_600;
        into < self.after_s || into + self.before_s >= 3_600
    }
}

impl Growth {
    /// The factor on a limit.
    pub fn factor(&self, accepted: f64, days: f64) -> f64 {
        (1.0 + self.per_1000_accepted * accepted / 1_000.0 + self.per_day * days).min(self.to)
    }
}
