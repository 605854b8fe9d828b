//! How long a path keeps still when a carrier has turned it away.

use std::time::Duration;

use crate::gate::ClosedBecause;
use crate::limits::PathLimits;

/// First waits after "slow down". Short, because a bucket of tokens gives again after seconds; the second is already
/// patient, because who counts by the minute gives nothing until the minute is over, and each knock is one more excess.
const AFTER_THROTTLE: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(20)];

/// From the third knock on, and between knocks at a host that is gone. A door that stays shut is not about rates.
const KNOCK_MIN: Duration = Duration::from_secs(60);
const KNOCK_AT_HOST_MIN: Duration = Duration::from_secs(15);

/// A shut door is tried again after this share of the time it has been shut: whatever the length of an outage, it is
/// found over late by at most a third of it, and knocked at a few times only.
const SHARE_OF_SHUT: f64 = 0.3;

/// How a stop began, and how it went on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shut {
    pub(crate) because: ClosedBecause,
    /// Knocks that were turned away.
    pub(crate) knocks: u32,
    /// Time since it began.
    pub(crate) lasted: Duration,
    /// What the signal or the profile names.
    pub(crate) named: Option<Duration>,
}

/// The next pause.
pub(crate) fn next(shut: Shut, limits: &PathLimits) -> Duration {
    let share = shut.lasted.mul_f64(SHARE_OF_SHUT);
    match shut.because {
        ClosedBecause::Throttled => {
            let first = usize::try_from(shut.knocks).ok().and_then(|knock| AFTER_THROTTLE.get(knock));
            let own = first.copied().unwrap_or(KNOCK_MIN.max(share)).min(limits.pause_max);
            shut.named.unwrap_or_default().max(own)
        }
        ClosedBecause::ConnectFailed => KNOCK_AT_HOST_MIN.max(share).min(limits.pause_max),
        // Who blocks may prolong the block at each knock: doubling ends any block in few of them.
        ClosedBecause::ConnectReset => shut.named.unwrap_or(limits.pause_default).max(share.min(limits.pause_max)),
        ClosedBecause::Blocked => {
            let first = shut.named.unwrap_or(limits.pause_default);
            doubled(first, shut.knocks).min(limits.pause_max.max(first))
        }
    }
}

/// `first`, doubled so many times.
pub(crate) fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times.min(20)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_short_at_first_then_a_share_of_the_time_the_door_was_shut() {
        use ClosedBecause::{Blocked, ConnectFailed, Throttled};
        let limits = PathLimits { pause_default: Duration::from_secs(300), ..PathLimits::default() };
        let hour = Some(3_600);
        // (because, knocks, lasted, named, pause)
        let table = [
            (Throttled, 0, 0, None, 5),
            (Throttled, 1, 5, None, 20),
            (Throttled, 2, 25, None, 60),
            (Throttled, 3, 85, None, 60),
            (Throttled, 6, 1_000, None, 300),
            (Throttled, 0, 0, hour, 3_600),
            (ConnectFailed, 0, 10, None, 15),
            (ConnectFailed, 3, 1_000, None, 300),
            (Blocked, 0, 0, None, 300),
            (Blocked, 1, 300, None, 600),
            (Blocked, 1, 300, Some(400), 800),
            (Blocked, 1, 300, hour, 3_600),
        ];
        for (because, knocks, lasted, named, pause) in table {
            let (lasted, named) = (Duration::from_secs(lasted), named.map(Duration::from_secs));
            let got = next(Shut { because, knocks, lasted, named }, &limits);
            assert_eq!(got, Duration::from_secs(pause), "{because:?}, {knocks} knocks in {lasted:?}");
        }
    }
}
