//! An estimate in the form in which it leaves.

use carriers::Directory;
use jiff::Timestamp;
use jiff::tz::{self, TimeZone};
use mail_model::{CarrierName, UnixMs};
use scheduler::{Estimate, Forecast, Reason, Times};
use serde::Serialize;

use crate::engine::time;

/// Seconds from the hand-in; absent: not within three days.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Seconds {
    /// Half of the mails.
    pub p50: Option<f64>,
    /// 95 of 100.
    pub p95: Option<f64>,
    /// 99 of 100.
    pub p99: Option<f64>,
    /// All of them.
    pub all: Option<f64>,
}

/// What takes the longest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// For programs.
    pub reason: &'static str,
    /// For a school.
    pub text_ja: String,
    /// The same in English.
    pub text_en: String,
}

/// One carrier, or all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Mails that were or will be answered.
    pub mails: u64,
    /// Of these, handed over already.
    pub done: u64,
    /// Will be too late for `not_after`, most likely.
    pub late: u64,
    /// `learned`, `growing` or `unknown`.
    pub sureness: &'static str,
    /// When the last is handed over, most likely; RFC 3339 in UTC.
    pub all_by: Option<String>,
    /// What will most likely be.
    pub likely_s: Seconds,
    /// If all goes well.
    pub earliest_s: Seconds,
    /// If carriers take less than they did.
    pub latest_s: Seconds,
    /// What takes the longest.
    #[serde(flatten)]
    pub why: Why,
}

/// One carrier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CarrierPart {
    /// Which.
    pub carrier: CarrierName,
    /// Its name for people.
    pub label: String,
    /// Its forecast.
    #[serde(flatten)]
    pub part: Part,
}

/// A whole estimate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// When it was made, RFC 3339 in UTC.
    pub at: Option<String>,
    /// Seconds from the hand-in until then.
    pub elapsed_s: f64,
    /// All carriers; sureness and reason are the slowest one's.
    #[serde(flatten)]
    pub all: Part,
    /// The slowest carrier.
    pub slowest: Option<CarrierName>,
    /// All of it in a sentence.
    pub words_ja: String,
    /// The same in English.
    pub words_en: String,
    /// Carrier by carrier, slowest first.
    pub carriers: Vec<CarrierPart>,
    /// Seconds from the hand-in and the share (0–1) handed over by then.
    pub curve: Vec<(f64, f64)>,
}

/// Tenths of a second are more than anybody can know.
fn rounded(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

impl From<Times> for Seconds {
    fn from(times: Times) -> Self {
        let Times { p50_s, p95_s, p99_s, all_s } = times;
        Self { p50: p50_s.map(rounded), p95: p95_s.map(rounded), p99: p99_s.map(rounded), all: all_s.map(rounded) }
    }
}

/// A moment on the clocks of Japan: `07:42`, with the day when it is another one than today.
fn clock(at: UnixMs, now: UnixMs) -> String {
    let zoned = |at: UnixMs| {
        let time = Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()?;
        Some(time.to_zoned(TimeZone::fixed(tz::offset(9))))
    };
    let (Some(at), Some(now)) = (zoned(at), zoned(now)) else { return "?".to_owned() };
    let form = match () {
        () if at.date() != now.date() => "%m-%d %H:%M",
        // A campaign of seconds is not told by the minute.
        () if at.duration_since(&now).as_secs().abs() < 120 => "%H:%M:%S",
        () => "%H:%M",
    };
    at.strftime(form).to_string()
}

fn why(reason: &Reason, now: UnixMs) -> Why {
    let clock = |at| clock(at, now);
    Why { reason: reason.id(), text_ja: reason.ja(clock), text_en: reason.en(clock) }
}

fn at(estimate: &Estimate, seconds: f64) -> UnixMs {
    let left = std::time::Duration::try_from_secs_f64((seconds - estimate.elapsed_s).max(0.0)).unwrap_or_default();
    let gone = std::time::Duration::try_from_secs_f64((estimate.elapsed_s - seconds).max(0.0)).unwrap_or_default();
    let now = estimate.at + left;
    UnixMs(now.0.saturating_sub(u64::try_from(gone.as_millis()).unwrap_or(u64::MAX)))
}

fn part(estimate: &Estimate, forecast: &Forecast) -> Part {
    Part {
        mails: forecast.mails,
        done: forecast.done,
        late: forecast.late,
        sureness: forecast.sureness.as_str(),
        all_by: forecast.likely.all_s.and_then(|seconds| time::shown(at(estimate, seconds))),
        likely_s: forecast.likely.into(),
        earliest_s: forecast.earliest.into(),
        latest_s: forecast.latest.into(),
        why: why(&forecast.reason, estimate.at),
    }
}

/// The estimate as shown. Carriers are named as their profiles do.
pub fn shown(estimate: &Estimate, directory: &Directory) -> Shown {
    let carrier = |(carrier, forecast): &(CarrierName, Forecast)| CarrierPart {
        carrier: carrier.clone(),
        label: directory.profile(carrier).name_for_people().to_owned(),
        part: part(estimate, forecast),
    };
    let carriers: Vec<CarrierPart> = estimate.carriers.iter().map(carrier).collect();
    let all = part(estimate, &estimate.all);
    let (words_ja, words_en) = words(estimate, carriers.first());
    Shown {
        at: time::shown(estimate.at),
        elapsed_s: rounded(estimate.elapsed_s),
        all,
        slowest: carriers.first().map(|slowest| slowest.carrier.clone()),
        words_ja,
        words_en,
        carriers,
        curve: estimate.curve.iter().map(|(at_s, share)| (rounded(*at_s), (share * 1e4).round() / 1e4)).collect(),
    }
}

fn words(estimate: &Estimate, slowest: Option<&CarrierPart>) -> (String, String) {
    let clock = |seconds: f64| clock(at(estimate, seconds), estimate.at);
    let range = |name: fn(&Times) -> Option<f64>| {
        let Forecast { earliest, likely, latest, .. } = &estimate.all;
        (name(earliest), name(likely), name(latest))
    };
    let (mut ja, mut en) = match range(|times| times.all_s) {
        _ if estimate.all.mails == 0 => {
            return ("宛先がありません".to_owned(), "there is nobody to send to".to_owned());
        }
        (_, None, _) => ("いつ終わるか分かりません".to_owned(), "nobody can say when it will end".to_owned()),
        (Some(from), Some(likely), to) if estimate.all.sureness != scheduler::Sureness::Learned => {
            let (ja_end, en_end) = to.map_or(("".to_owned(), "later".to_owned()), |to| (clock(to), clock(to)));
            (
                format!("{}ごろまでに全件（{}〜{ja_end}）", clock(likely), clock(from)),
                format!("all by about {} ({} to {en_end})", clock(likely), clock(from)),
            )
        }
        (_, Some(likely), _) => (format!("{}までに全件", clock(likely)), format!("all by {}", clock(likely))),
    };
    if let Some(CarrierPart { label, part, .. }) = slowest.filter(|slowest| slowest.part.why.reason != "done") {
        ja.push_str(&format!("。最も遅いのは{label}：{}", part.why.text_ja));
        en.push_str(&format!(", {label} slowest: {}", part.why.text_en));
    }
    if estimate.all.late > 0 {
        ja.push_str(&format!("。期限に間に合わない見込み {}件", estimate.all.late));
        en.push_str(&format!("; {} will be too late", estimate.all.late));
    }
    (ja, en)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_no_more_than_is_needed() {
        let now = UnixMs(1_788_220_800_000);
        // 09:00 in Japan.
        let table = [(30, "09:00:30"), (2_520, "09:42"), (86_400, "09-02 09:00"), (57_600, "09-02 01:00")];
        for (after_s, shown) in table {
            assert_eq!(clock(UnixMs(now.0 + after_s * 1_000), now), shown);
        }
    }
}
