//! What the caller wants done around the deadline: `when_late`, `replacement`, `warn_before_s`.

use std::time::Duration;

use compose::{BuiltSpec, ContentSpec, Sender};
use mail_model::UnixMs;
use queue::AtDeadline;
use serde::Deserialize;

use crate::http::fault::Faults;

/// Until when a replacement is sent, after the deadline, when nothing is said: an evening of "children stay at school".
const VALID_S_DEFAULT: u64 = 6 * 3_600;
/// A replacement that is no news any more is worse than none.
const VALID_S_MAX: u64 = 7 * 86_400;
const VALID_S_MIN: u64 = 60;
const WARN_BEFORE_S_MAX: u64 = 86_400;

/// `replacement`, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    #[serde(default)]
    from: Option<Sender>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    text_body: Option<String>,
    #[serde(default)]
    html_body: Option<String>,
    #[serde(default)]
    valid_s: Option<u64>,
}

/// The three fields, as written.
#[derive(Debug, Default)]
pub struct Written {
    /// `when_late`.
    pub when_late: Option<String>,
    /// `replacement`.
    pub replacement: Option<Replacement>,
    /// `warn_before_s`.
    pub warn_before_s: Option<u64>,
}

/// The three fields, judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// What is sent in place of a mail that is late.
    pub replacement: Option<ContentSpec>,
    valid_s: u64,
    warn_before_s: Option<u64>,
}

impl Written {
    /// Judges them. `content` is the notice's; what the replacement leaves out is taken from it.
    pub fn judge(self, content: Option<&ContentSpec>, has_deadline: bool, faults: &mut Faults) -> Wish {
        let given = self.when_late.is_some() || self.replacement.is_some() || self.warn_before_s.is_some();
        if given && !has_deadline {
            faults.add("not_after", "required with when_late, replacement and warn_before_s");
        }
        let warn_before_s = self.warn_before_s.filter(|s| *s <= WARN_BEFORE_S_MAX);
        if warn_before_s != self.warn_before_s {
            faults.add("warn_before_s", format!("seconds before not_after, at most {WARN_BEFORE_S_MAX}"));
        }
        let wish = Wish { warn_before_s, ..Wish::default() };
        match (self.when_late.as_deref(), self.replacement) {
            (None | Some("drop"), None) => wish,
            (Some("replace"), Some(replacement)) => {
                let valid_s = replacement.valid_s.unwrap_or(VALID_S_DEFAULT);
                if !(VALID_S_MIN..=VALID_S_MAX).contains(&valid_s) {
                    let message = format!("seconds after not_after, {VALID_S_MIN} to {VALID_S_MAX}");
                    faults.add("replacement.valid_s", message);
                }
                Wish { replacement: replacement.content(content, faults), valid_s, ..wish }
            }
            (Some("replace"), None) => {
                faults.add("replacement", "required with when_late \"replace\": an object with subject and text_body");
                wish
            }
            (None | Some("drop"), Some(_)) => {
                faults.add("when_late", "give \"replace\", or leave the replacement out");
                wish
            }
            (Some(_), _) => {
                faults.add("when_late", "one of drop, replace");
                wish
            }
        }
    }
}

impl Replacement {
    /// A mail like the notice, with another text.
    fn content(self, notice: Option<&ContentSpec>, faults: &mut Faults) -> Option<ContentSpec> {
        if self.text_body.is_none() && self.html_body.is_none() {
            faults.add("replacement.text_body", "required: what is to be said instead");
            return None;
        }
        let base = match notice {
            Some(ContentSpec::Built(spec)) => (**spec).clone(),
            Some(ContentSpec::Raw(_)) if self.from.is_none() => {
                faults.add("replacement.from", "required, because the content is a whole mail");
                return None;
            }
            _ => BuiltSpec::default(),
        };
        let spec = BuiltSpec {
            from: self.from.or(base.from),
            subject: self.subject.or(base.subject),
            reply_to: base.reply_to,
            headers: base.headers,
            text_body: self.text_body,
            html_body: self.html_body,
            attachments: Vec::new(),
        };
        Some(ContentSpec::Built(Box::new(spec)))
    }
}

impl Wish {
    /// The times that follow for a message whose sending begins at `begins`.
    pub fn at_deadline(&self, begins: UnixMs, not_after: Option<UnixMs>, warn_before_s_max: u64) -> AtDeadline {
        let Some(end) = not_after else { return AtDeadline::default() };
        let third_ms = end.since_ms(begins) / 3;
        let before_ms = self.warn_before_s.map_or(third_ms.min(warn_before_s_max * 1_000), |s| s * 1_000);
        let replace_until = self.replacement.is_some().then(|| end + Duration::from_secs(self.valid_s));
        AtDeadline { replace_until, warn_at: Some(UnixMs(end.0.saturating_sub(before_ms))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(fields: &str, content: &str, has_deadline: bool) -> Result<Wish, String> {
        #[derive(Deserialize)]
        struct Three {
            when_late: Option<String>,
            replacement: Option<Replacement>,
            warn_before_s: Option<u64>,
        }
        let Three { when_late, replacement, warn_before_s } = serde_json::from_str(fields).unwrap();
        let content: ContentSpec = serde_json::from_str(content).unwrap();
        let mut faults = Faults::default();
        let wish = Written { when_late, replacement, warn_before_s }.judge(Some(&content), has_deadline, &mut faults);
        match faults.into_result() {
            Ok(()) => Ok(wish),
            Err(fault) => Err(fault.lines[0].field.clone().unwrap_or_default()),
        }
    }

    const NOTICE: &str = r#"{"from":"a@b.jp","subject":"s","text_body":"t","reply_to":"c@d.jp","headers":{"X-A":"1"}}"#;

    #[test]
    fn what_is_wrong_about_a_deadline_is_named() {
        let instead = r#""replacement":{"text_body":"x"}"#;
        let table = [
            ("{}".to_owned(), NOTICE, false, None),
            (r#"{"when_late":"drop","warn_before_s":60}"#.to_owned(), NOTICE, true, None),
            (format!(r#"{{"when_late":"replace",{instead}}}"#), NOTICE, true, None),
            (format!(r#"{{"when_late":"replace",{instead}}}"#), NOTICE, false, Some("not_after")),
            (r#"{"warn_before_s":60}"#.to_owned(), NOTICE, false, Some("not_after")),
            (r#"{"warn_before_s":86401}"#.to_owned(), NOTICE, true, Some("warn_before_s")),
            (r#"{"when_late":"replace"}"#.to_owned(), NOTICE, true, Some("replacement")),
            (format!("{{{instead}}}"), NOTICE, true, Some("when_late")),
            (r#"{"when_late":"later"}"#.to_owned(), NOTICE, true, Some("when_late")),
            (r#"{"when_late":"replace","replacement":{}}"#.to_owned(), NOTICE, true, Some("replacement.text_body")),
            (
                r#"{"when_late":"replace","replacement":{"text_body":"x","valid_s":5}}"#.to_owned(),
                NOTICE,
                true,
                Some("replacement.valid_s"),
            ),
            (format!(r#"{{"when_late":"replace",{instead}}}"#), r#""From: a@b.jp""#, true, Some("replacement.from")),
        ];
        for (fields, content, has_deadline, field) in table {
            let result = judged(&fields, content, has_deadline);
            assert_eq!(result.as_ref().err().map(String::as_str), field, "{fields}");
        }
    }

    #[test]
    fn a_replacement_takes_from_the_notice_what_it_does_not_say() {
        let fields = r#"{"when_late":"replace","replacement":{"text_body":"x","valid_s":3600}}"#;
        let Some(ContentSpec::Built(spec)) = judged(fields, NOTICE, true).unwrap().replacement else { panic!() };
        assert_eq!((spec.subject.as_deref(), spec.text_body.as_deref()), (Some("s"), Some("x")));
        assert!(spec.from.is_some() && spec.reply_to.is_some() && spec.headers.contains_key("X-A"));
    }

    #[test]
    fn the_warning_comes_a_third_of_the_time_ahead_and_no_earlier_than_told() {
        let end = Some(UnixMs(9_000_000));
        let by_default = Wish::default();
        let told = Wish { warn_before_s: Some(60), replacement: None, valid_s: 0 };
        let table = [
            (&by_default, 0, 9_000_000 - 600_000),
            (&by_default, 8_100_000, 9_000_000 - 300_000),
            (&told, 0, 9_000_000 - 60_000),
        ];
        for (wish, begins, warn_at) in table {
            let at = wish.at_deadline(UnixMs(begins), end, 600);
            assert_eq!(at, AtDeadline { replace_until: None, warn_at: Some(UnixMs(warn_at)) });
        }
        assert_eq!(told.at_deadline(UnixMs(0), None, 600), AtDeadline::default());
        let instead = ContentSpec::Raw("x".to_owned());
        let replaces = Wish { replacement: Some(instead), valid_s: 3_600, warn_before_s: None };
        assert_eq!(replaces.at_deadline(UnixMs(0), end, 600).replace_until, Some(UnixMs(12_600_000)));
    }
}
