//! Why a carrier takes as long as it does, in numbers and in words.

use mail_model::UnixMs;

/// The narrowest place on the way to a carrier. Rates are mails a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// Its limit is known.
    Learned {
        /// Addresses that send to it.
        sources: usize,
        /// What each may send, in the mean.
        rate_per_min: f64,
        /// How long ago the limit was found, seconds; 0 is within this hour.
        age_s: u64,
    },
    /// It takes what it gets, and the rate still rises.
    Growing {
        /// Addresses that send to it.
        sources: usize,
        /// What each may send now, in the mean.
        rate_per_min: f64,
    },
    /// Nothing was ever sent to it: start values.
    NothingLearned {
        /// Addresses that will send to it.
        sources: usize,
        /// What each begins with, in the mean.
        rate_per_min: f64,
    },
    /// The highest rate that the configuration allows.
    Configured {
        /// Addresses that send to it.
        sources: usize,
        /// What each may send.
        rate_per_min: f64,
    },
    /// Addresses of one netblock together may do less than each alone.
    Netblock {
        /// Addresses that send to it.
        sources: usize,
        /// What all of them may send together.
        rate_per_min: f64,
    },
    /// It answers slowly, and takes only so many sessions.
    Sessions {
        /// Sessions of all addresses.
        sessions: u64,
        /// Time of one mail, milliseconds.
        reply_ms: u64,
    },
    /// The engine's own sessions are in use.
    EngineSessions {
        /// How many it has.
        sessions: u64,
    },
    /// Young addresses are warmed up.
    WarmUp {
        /// How many of them.
        sources: usize,
        /// What they may send in an hour together.
        mails_per_hour: u64,
    },
    /// Addresses rest after a block or an outage.
    Resting {
        /// How many rest.
        sources: usize,
        /// Of how many.
        of: usize,
        /// When the last of them is tried again.
        until: UnixMs,
    },
    /// Too many unknown users: the carrier is left alone.
    UnknownUsers {
        /// Until when.
        until: UnixMs,
    },
    /// An operator suspended it.
    Held {
        /// Until when.
        until: UnixMs,
    },
    /// Mail of others goes first.
    Ahead {
        /// How much of it.
        mails: u64,
    },
    /// It puts mails off and takes them at a later attempt.
    Retries {
        /// Of a hundred first attempts.
        percent: u64,
        /// Seconds until the next attempt.
        wait_s: u64,
    },
    /// The pool has no address.
    NoSource,
    /// Nothing is left to send.
    Done,
}

/// A number as people write it: no decimals from ten on.
fn rate(per_min: f64) -> String {
    if per_min >= 9.95 { format!("{per_min:.0}") } else { format!("{per_min:.1}") }
}

/// Largest unit that fits: 3 days, 5 hours, 20 minutes.
fn age(age_s: u64, words: [[&str; 2]; 3]) -> String {
    let (count, [one, many]) = match age_s {
        s if s >= 2 * 86_400 => (s / 86_400, words[0]),
        s if s >= 2 * 3_600 => (s / 3_600, words[1]),
        s => (s.div_ceil(60), words[2]),
    };
    format!("{count}{}", if count == 1 { one } else { many })
}

impl Reason {
    /// As written in JSON and labels.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Learned { .. } => "learned",
            Self::Growing { .. } => "growing",
            Self::NothingLearned { .. } => "nothing_learned",
            Self::Configured { .. } => "configured",
            Self::Netblock { .. } => "netblock",
            Self::Sessions { .. } => "sessions",
            Self::EngineSessions { .. } => "engine_sessions",
            Self::WarmUp { .. } => "warm_up",
            Self::Resting { .. } => "resting",
            Self::UnknownUsers { .. } => "unknown_users",
            Self::Held { .. } => "held",
            Self::Ahead { .. } => "ahead",
            Self::Retries { .. } => "retries",
            Self::NoSource => "no_source",
            Self::Done => "done",
        }
    }

    /// In English. `clock` writes a time of day.
    pub fn en(&self, clock: impl Fn(UnixMs) -> String) -> String {
        let addresses = |n: usize| format!("{n} {}", if n == 1 { "address" } else { "addresses" });
        let units = [[" day", " days"], [" hour", " hours"], [" minute", " minutes"]];
        match *self {
            Self::Learned { sources, rate_per_min, age_s } => {
                let since = if age_s < 3_600 { "just now".to_owned() } else { format!("{} ago", age(age_s, units)) };
                format!("{} × {} mails a minute, learned {since}", addresses(sources), rate(rate_per_min))
            }
            Self::Growing { sources, rate_per_min } => {
                format!("{} × {} mails a minute and rising", addresses(sources), rate(rate_per_min))
            }
            Self::NothingLearned { sources, rate_per_min } => format!(
                "nothing is learned yet: {} begin with {} mails a minute each",
                addresses(sources),
                rate(rate_per_min)
            ),
            Self::Configured { sources, rate_per_min } => {
                format!("{} × {} mails a minute, the most that is configured", addresses(sources), rate(rate_per_min))
            }
            Self::Netblock { sources, rate_per_min } => {
                format!(
                    "{} of one netblock may send {} mails a minute together",
                    addresses(sources),
                    rate(rate_per_min)
                )
            }
            Self::Sessions { sessions, reply_ms } => {
                format!("{sessions} sessions, and one mail takes {reply_ms} ms")
            }
            Self::EngineSessions { sessions } => format!("all {sessions} sessions of the engine are in use"),
            Self::WarmUp { sources, mails_per_hour } => {
                format!("{} warmed up: {mails_per_hour} mails an hour together", addresses(sources))
            }
            Self::Resting { sources, of, until } => {
                let rest = if sources == 1 { "rests" } else { "rest" };
                format!("{sources} of {} {rest} until {}", addresses(of), clock(until))
            }
            Self::UnknownUsers { until } => format!("too many unknown addresses: left alone until {}", clock(until)),
            Self::Held { until } => format!("suspended by an operator until {}", clock(until)),
            Self::Ahead { mails } => format!("{mails} mails of others go first"),
            Self::Retries { percent, wait_s } => {
                format!("{percent} % of the mails are put off and tried again after {wait_s} s")
            }
            Self::NoSource => "the pool has no address to send from".to_owned(),
            Self::Done => "everything is handed over".to_owned(),
        }
    }

    /// In Japanese. `clock` writes a time of day.
    pub fn ja(&self, clock: impl Fn(UnixMs) -> String) -> String {
        let units = [["日", "日"], ["時間", "時間"], ["分", "分"]];
        match *self {
            Self::Learned { sources, rate_per_min, age_s } => {
                let since =
                    if age_s < 3_600 { "さきほど".to_owned() } else { format!("{}前に", age(age_s, units)) };
                format!("送信元{sources}個 × 毎分{}通（{since}確かめた上限）", rate(rate_per_min))
            }
            Self::Growing { sources, rate_per_min } => {
                format!("送信元{sources}個 × 毎分{}通（まだ速くなっています）", rate(rate_per_min))
            }
            Self::NothingLearned { sources, rate_per_min } => {
                format!("上限はまだ分かりません。送信元{sources}個が毎分{}通から始めます", rate(rate_per_min))
            }
            Self::Configured { sources, rate_per_min } => {
                format!("送信元{sources}個 × 毎分{}通（設定した上限）", rate(rate_per_min))
            }
            Self::Netblock { sources, rate_per_min } => {
                format!("同じネットワークの送信元{sources}個で合わせて毎分{}通まで", rate(rate_per_min))
            }
            Self::Sessions { sessions, reply_ms } => format!("同時接続{sessions}本、1通に{reply_ms}ミリ秒かかります"),
            Self::EngineSessions { sessions } => format!("配信エンジンの同時接続{sessions}本をすべて使っています"),
            Self::WarmUp { sources, mails_per_hour } => {
                format!("新しい送信元{sources}個は慣らし運転中で、合わせて毎時{mails_per_hour}通までです")
            }
            Self::Resting { sources, of, until } => {
                format!("送信元{of}個のうち{sources}個が{}まで休止中です", clock(until))
            }
            Self::UnknownUsers { until } => format!("宛先不明が多いため、{}まで送信を止めています", clock(until)),
            Self::Held { until } => format!("担当者の操作により{}まで停止中です", clock(until)),
            Self::Ahead { mails } => format!("先に送るメールが{mails}通あります"),
            Self::Retries { percent, wait_s } => format!("{percent}％がいったん保留され、{wait_s}秒後に再送します"),
            Self::NoSource => "このプールには送信元がありません".to_owned(),
            Self::Done => "すべて渡し終えました".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_said_in_both_languages() {
        let clock = |_: UnixMs| "07:42".to_owned();
        let day = 86_400;
        let table = [
            (
                Reason::Learned { sources: 8, rate_per_min: 10.0, age_s: 3 * day + 5 },
                "8 addresses × 10 mails a minute, learned 3 days ago",
                "送信元8個 × 毎分10通（3日前に確かめた上限）",
            ),
            (
                Reason::Learned { sources: 1, rate_per_min: 2.5, age_s: 10 },
                "1 address × 2.5 mails a minute, learned just now",
                "送信元1個 × 毎分2.5通（さきほど確かめた上限）",
            ),
            (
                Reason::Resting { sources: 1, of: 8, until: UnixMs(1) },
                "1 of 8 addresses rests until 07:42",
                "送信元8個のうち1個が07:42まで休止中です",
            ),
            (
                Reason::NothingLearned { sources: 2, rate_per_min: 30.0 },
                "nothing is learned yet: 2 addresses begin with 30 mails a minute each",
                "上限はまだ分かりません。送信元2個が毎分30通から始めます",
            ),
        ];
        for (reason, en, ja) in table {
            assert_eq!((reason.en(clock), reason.ja(clock)), (en.to_owned(), ja.to_owned()), "{}", reason.id());
        }
    }
}
