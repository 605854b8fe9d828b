//! The deadline of a campaign in the form in which it leaves.

use mail_model::UnixMs;
use queue::{MessageDeadline, Queue};
use serde::Serialize;

use crate::engine::campaigns::found::Found;
use crate::engine::time;

/// When a campaign has to be done, and for whom that is not foreseen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadlineView {
    /// The next deadline of its messages of which something waits; the last one when none is ahead. RFC 3339, UTC.
    pub not_after: Option<String>,
    /// Seconds until then; negative when it has passed.
    pub left_s: f64,
    /// What happens then to those who wait: `drop` or `replace`.
    pub when_late: &'static str,
    /// From then on those who wait are foreseen to be late.
    pub warn_at: Option<String>,
    /// Notifications foreseen to be late now; `unreached.csv` lists them.
    pub foreseen_late: u64,
    /// How many will be late by the estimate, which may know it long before the warning; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_late: Option<u64>,
}

fn left_s(until: UnixMs, now: UnixMs) -> f64 {
    // Differences of wall-clock times are far below 2^53 ms.
    (until.since_ms(now) as f64 - now.since_ms(until) as f64) / 1_000.0
}

/// The campaign's deadline, if any of its messages has one.
pub fn deadline(found: &Found, queue: &Queue, now: UnixMs) -> Option<DeadlineView> {
    view(&queue.deadlines_of(&found.messages(queue)), now)
}

fn view(all: &[MessageDeadline], now: UnixMs) -> Option<DeadlineView> {
    let ahead = all.iter().filter(|deadline| deadline.not_after > now && deadline.waiting > 0);
    let next = ahead.min_by_key(|deadline| deadline.not_after).or_else(|| all.iter().max_by_key(|d| d.not_after))?;
    Some(DeadlineView {
        not_after: time::shown(next.not_after),
        left_s: left_s(next.not_after, now),
        when_late: if next.at_deadline.replace_until.is_some() { "replace" } else { "drop" },
        warn_at: next.at_deadline.warn_at.and_then(time::shown),
        foreseen_late: all.iter().filter(|deadline| deadline.is_near(now)).map(|deadline| deadline.waiting).sum(),
        estimated_late: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_model::MessageId;
    use queue::AtDeadline;

    #[test]
    fn the_next_deadline_that_matters_is_shown() {
        let of = |s: u64, waiting| MessageDeadline {
            message: MessageId(s),
            campaign: "c".parse().unwrap(),
            not_after: UnixMs(s * 1_000),
            at_deadline: AtDeadline { replace_until: None, warn_at: Some(UnixMs((s - 10) * 1_000)) },
            waiting,
        };
        let all = [of(50, 0), of(100, 7), of(200, 9), of(300, 0)];
        let shown = |now_s: u64| view(&all, UnixMs(now_s * 1_000)).map(|v| (v.left_s, v.foreseen_late));
        assert_eq!(shown(0), Some((100.0, 0)));
        assert_eq!(shown(90), Some((10.0, 7)));
        assert_eq!(shown(150), Some((50.0, 0)));
        assert_eq!(shown(400), Some((-100.0, 0)));
        assert_eq!(view(&[], UnixMs(0)), None);
    }
}
