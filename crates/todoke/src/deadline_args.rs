//! `--not-after` and what belongs to it, as the engine takes it.

use anyhow::{Context, Result, bail};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::{Value, json};

use crate::cli::{SendArgs, WhenLateArg};
use crate::list;

/// Puts deadline, replacement and warning into the request.
pub(crate) fn put(args: &SendArgs, head: &mut Value, now: Timestamp) -> Result<()> {
    let Some(text) = &args.not_after else { return Ok(()) };
    // The machine's own zone is the one on the sender's wall.
    let end = instant(text, &now.to_zoned(TimeZone::system())).context("--not-after")?;
    head["not_after"] = end.to_string().into();
    if let Some(minutes) = args.warn_before {
        head["warn_before_s"] = (minutes.saturating_mul(60)).into();
    }
    match (args.when_late, &args.replacement) {
        (None | Some(WhenLateArg::Drop), None) => {}
        (Some(WhenLateArg::Replace), Some(file)) => {
            let bytes = std::fs::read(file).with_context(|| format!("cannot read the text {}", file.display()))?;
            let (text, _) = list::decode(&bytes).with_context(|| format!("in the text {}", file.display()))?;
            let mut replacement = json!({ "text_body": text });
            if let Some(subject) = &args.replacement_subject {
                replacement["subject"] = subject.as_str().into();
            }
            if let Some(minutes) = args.replacement_for {
                replacement["valid_s"] = (minutes.saturating_mul(60)).into();
            }
            head["when_late"] = "replace".into();
            head["replacement"] = replacement;
        }
        (Some(WhenLateArg::Replace), None) => bail!("--when-late replace needs --replacement FILE"),
        (_, Some(_)) => bail!("--replacement needs --when-late replace"),
    }
    Ok(())
}

/// `15:30` of the day of `now`, or a time with its offset. A time of day that is past is refused: tomorrow is hardly
/// ever what is meant, and would keep a useless notice going.
fn instant(text: &str, now: &Zoned) -> Result<Timestamp> {
    // The full time first: a time of day would be read out of it too, without its day.
    let end = match text.parse::<Timestamp>() {
        Ok(end) => end,
        Err(_) => {
            let time: Time = text.parse().context("a time like 15:30 or 2026-09-01T15:30:00+09:00")?;
            now.date().to_datetime(time).to_zoned(now.time_zone().clone())?.timestamp()
        }
    };
    if end <= now.timestamp() {
        bail!("{text} is past; give a later time, or the day with it, as 2026-09-01T15:30:00+09:00");
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_time_of_today_or_a_full_time() {
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        let now = "2026-09-01T03:00:00Z".parse::<Timestamp>().unwrap().to_zoned(zone);
        let table = [
            ("15:30", Some("2026-09-01T06:30:00Z")),
            ("15:30:20", Some("2026-09-01T06:30:20Z")),
            ("2026-09-02T15:30:00+09:00", Some("2026-09-02T06:30:00Z")),
            ("11:59", None),
            ("2026-09-01T00:00:00Z", None),
            ("soon", None),
            ("1530 o'clock", None),
        ];
        for (text, expected) in table {
            let end = instant(text, &now).ok().map(|end| end.to_string());
            assert_eq!(end.as_deref(), expected, "{text}");
        }
    }
}
