//! Times and durations as callers write them and as they are shown.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mail_model::UnixMs;

use crate::http::fault::Fault;

/// How long a suspension lasts when nothing is said; KumoMTA's default.
const DURATION_DEFAULT: Duration = Duration::from_secs(300);
/// A suspension that outlives the memory of who made it is a trap.
const DURATION_MAX: Duration = Duration::from_secs(30 * 86_400);

/// The end of something that begins now: by `duration` (`5m`, `1 hour 30 min`) or `expires` (RFC 3339).
pub fn end(duration: Option<&str>, expires: Option<&str>, now: UnixMs) -> Result<UnixMs, Fault> {
    let (field, end) = match (duration, expires) {
        (Some(_), Some(_)) => return Err(Fault::invalid("expires", "give duration or expires, not both")),
        (None, None) => return Ok(now + DURATION_DEFAULT),
        (Some(text), None) => ("duration", span(text).map(|span| now + span)),
        (None, Some(text)) => ("expires", instant(text)),
    };
    let Some(end) = end else {
        let message = "a duration like 30m or 2h, or a time like 2026-09-01T08:30:00+09:00";
        return Err(Fault::invalid(field, message));
    };
    if end <= now || end > now + DURATION_MAX {
        return Err(Fault::invalid(field, "must end between now and 30 days from now"));
    }
    Ok(end)
}

fn span(text: &str) -> Option<Duration> {
    let span: SignedDuration = text.trim().parse().ok()?;
    Duration::try_from(span).ok()
}

/// A time with its offset in RFC 3339. Numbers of seconds are not taken anywhere: callers mix them up with milliseconds,
/// and a notice would go out in the year 57000.
pub fn instant(text: &str) -> Option<UnixMs> {
    let time: Timestamp = text.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok().map(UnixMs)
}

/// A wall-clock time in RFC 3339, UTC.
pub fn shown(time: UnixMs) -> Option<String> {
    let ms = i64::try_from(time.0).ok()?;
    Timestamp::from_millisecond(ms).ok().map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_ends_are_read_as_operators_write_them() {
        let now = UnixMs(1_788_220_800_000);
        let table = [
            (None, None, Ok(300_000)),
            (Some("5m"), None, Ok(300_000)),
            (Some("1 hour 30 minutes"), None, Ok(5_400_000)),
            (Some("2h30m"), None, Ok(9_000_000)),
            (None, Some("2026-09-01T00:00:30Z"), Ok(30_000)),
            (None, Some("2026-09-01T09:00:30+09:00"), Ok(30_000)),
            (Some("-5m"), None, Err("duration")),
            (Some("0s"), None, Err("duration")),
            (Some("31 days"), None, Err("duration")),
            (Some("soon"), None, Err("duration")),
            (None, Some("2026-08-31T23:59:59Z"), Err("expires")),
            (None, Some("2026-09-01 09:00"), Err("expires")),
            (Some("5m"), Some("2026-09-01T00:00:30Z"), Err("expires")),
        ];
        for (duration, expires, expected) in table {
            match (end(duration, expires, now), expected) {
                (Ok(end), Ok(after)) => assert_eq!(end.since_ms(now), after, "{duration:?} {expires:?}"),
                (Err(fault), Err(field)) => assert_eq!(fault.lines[0].field.as_deref(), Some(field)),
                (result, _) => panic!("{duration:?} {expires:?}: {result:?}"),
            }
        }
        assert_eq!(shown(now).as_deref(), Some("2026-09-01T00:00:00Z"));
    }
}
