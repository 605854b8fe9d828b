//! What the demo's engine said about the end, before and on the way, beside what came.

use serde_json::{Value, json};

/// The two answers that are compared with what came.
#[derive(Default)]
pub(crate) struct Rehearsed {
    before: Value,
    at_quarter: Value,
}

/// Error of an answer in percent of what came; positive: too late was said.
fn error_percent(said_s: Option<f64>, came_s: Option<f64>) -> Option<f64> {
    let (said_s, came_s) = (said_s?, came_s.filter(|came_s| *came_s > 0.0)?);
    Some(((said_s - came_s) / came_s * 1_000.0).round() / 10.0)
}

impl Rehearsed {
    /// Begins with what was said before sending.
    pub(crate) fn new(before: Value) -> Self {
        Self { before, at_quarter: Value::Null }
    }

    /// Looks at each state of the campaign and keeps what is said when a quarter is through.
    pub(crate) fn look(&mut self, state: &Value) {
        let number = |key: &str| state[key].as_u64().unwrap_or_default();
        let ended = number("count").saturating_sub(number("queued"));
        if self.at_quarter.is_null() && number("count") > 0 && ended * 4 >= number("count") {
            self.at_quarter = state["estimate"].clone();
        }
    }

    /// For people: what was said, what came.
    pub(crate) fn lines(&self, p95_s: Option<f64>) -> String {
        let seconds = |s: Option<f64>| s.map_or("never".to_owned(), |s| format!("{s:.1} s"));
        let mut text = format!("\n95 % were handed over after {}. Said before:\n", seconds(p95_s));
        for (when, said) in [("before sending", &self.before), ("at a quarter", &self.at_quarter)] {
            let at = |range: &str| said[range]["p95"].as_f64();
            // Of a range without any knowledge the middle means nothing.
            let error = match (said["sureness"].as_str(), error_percent(at("likely_s"), p95_s)) {
                (Some("unknown"), _) => "nothing was known".to_owned(),
                (_, error) => error.map_or("–".to_owned(), |error| format!("{error:+.0} %")),
            };
            text.push_str(&format!(
                "  {when:<15} {:>8} ({error}), between {} and {}; {}\n",
                seconds(at("likely_s")),
                seconds(at("earliest_s")),
                seconds(at("latest_s")),
                said["words_en"].as_str().unwrap_or("nothing")
            ));
        }
        text
    }

    /// For programs.
    pub(crate) fn summary(&self, p95_s: Option<f64>) -> Value {
        let said = |said: &Value| {
            let p95 = said["likely_s"]["p95"].as_f64();
            json!({
                "p95_s": p95,
                "earliest_p95_s": said["earliest_s"]["p95"],
                "latest_p95_s": said["latest_s"]["p95"],
                "sureness": said["sureness"],
                "error_percent": error_percent(p95, p95_s),
            })
        };
        json!({ "before": said(&self.before), "at_quarter": said(&self.at_quarter) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_compared_with_what_came() {
        let said = |p95: f64| json!({ "sureness": "learned", "likely_s": { "p95": p95 }, "words_en": "all by 07:42" });
        let mut rehearsed = Rehearsed::new(said(30.0));
        for (queued, p95) in [(90, 1.0), (75, 22.0), (50, 2.0)] {
            rehearsed.look(&json!({ "count": 100, "queued": queued, "estimate": said(p95) }));
        }
        let summary = rehearsed.summary(Some(20.0));
        let errors = ["before", "at_quarter"].map(|when| summary[when]["error_percent"].as_f64());
        assert_eq!(errors, [Some(50.0), Some(10.0)]);
        assert!(rehearsed.lines(Some(20.0)).contains("+50 %"));
        assert!(rehearsed.lines(None).contains("never"));
    }
}
