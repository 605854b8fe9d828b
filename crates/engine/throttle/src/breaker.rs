//! The breaker of one path. Each state is a type that has only the transitions the table in README.md allows.

use std::time::Duration;

use mail_model::MonoUs;

use crate::gate::{ClosedBecause, Gate};
use crate::limits::PathLimits;

/// How long a probe mail may stay without an answer before another one may go. A caller that took the permit and then
/// found no mail must not keep the path closed for ever.
const PROBE_PATIENCE: Duration = Duration::from_secs(60);

/// How soon to ask again while the probe's one connection is open.
const PROBE_LOOK: Duration = Duration::from_secs(1);

/// First wait after a failed connection; doubled with each further one. Keeps a refusing host from being hammered in
/// the seconds before the breaker opens, and makes attempts that were under way together count as one failure.
const CONNECT_WAIT: Duration = Duration::from_secs(1);

/// The state of one path's breaker.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Breaker {
    /// Traffic flows.
    Closed(Closed),
    /// Nothing goes out.
    Open(Open),
    /// One connection and one mail find out.
    Probing(Probing),
}

/// Traffic flows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Closed {
    connect_failures: u32,
    connect_after: MonoUs,
}

/// Nothing goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    until: MonoUs,
    because: ClosedBecause,
    /// Stops in a row without a success between; at least 1.
    strikes: u32,
}

/// One connection and one mail find out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probing {
    because: ClosedBecause,
    strikes: u32,
    mail_out_until: Option<MonoUs>,
}

/// What a failed connection did to a closed breaker.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AfterFailure {
    /// It was under way when an earlier failure was counted.
    NotCounted(Closed),
    /// Counted, not yet enough.
    Counted(Closed),
    /// The last straw.
    Opened(Open),
}

impl Closed {
    pub(crate) fn connect_failures(self) -> u32 {
        self.connect_failures
    }

    pub(crate) fn connect_after(self) -> MonoUs {
        self.connect_after
    }

    /// A connection was made.
    pub(crate) fn connected(self) -> Self {
        Self::default()
    }

    /// A mail was answered: the host lives. The wait before the next connection stays, or a carrier that refuses just
    /// one connection too many would be asked again after every mail.
    pub(crate) fn answered(self) -> Self {
        Self { connect_failures: 0, ..self }
    }

    pub(crate) fn connect_failed(self, now: MonoUs, limits: &PathLimits) -> AfterFailure {
        if now < self.connect_after {
            return AfterFailure::NotCounted(self);
        }
        let connect_failures = self.connect_failures.saturating_add(1);
        if connect_failures >= limits.connect_failures_max {
            return AfterFailure::Opened(self.stop(now, ClosedBecause::ConnectFailed, None, limits));
        }
        let wait = doubled(CONNECT_WAIT, self.connect_failures).min(limits.pause_default);
        AfterFailure::Counted(Self { connect_failures, connect_after: now + wait })
    }

    pub(crate) fn stop(
        self,
        now: MonoUs,
        because: ClosedBecause,
        pause: Option<Duration>,
        limits: &PathLimits,
    ) -> Open {
        Open { until: now + pause.unwrap_or_else(|| limits.pause_default.min(limits.pause_max)), because, strikes: 1 }
    }
}

impl Open {
    pub(crate) fn until(self) -> MonoUs {
        self.until
    }

    pub(crate) fn because(self) -> ClosedBecause {
        self.because
    }

    /// A reply to a mail sent before the stop names a pause: the later end stands.
    pub(crate) fn at_least_until(self, until: MonoUs) -> Self {
        Self { until: self.until.max(until), ..self }
    }

    /// Begins to probe when the pause is over.
    pub(crate) fn due(self, now: MonoUs) -> Result<Probing, Self> {
        if now < self.until {
            return Err(self);
        }
        Ok(Probing { because: self.because, strikes: self.strikes, mail_out_until: None })
    }
}

impl Probing {
    pub(crate) fn because(self) -> ClosedBecause {
        self.because
    }

    pub(crate) fn may_connect(self, now: MonoUs, open: u32) -> Gate {
        if open == 0 { Gate::Go } else { Gate::WaitUntil(now + PROBE_LOOK) }
    }

    /// Whether the probe mail may go.
    pub(crate) fn may_send(self, now: MonoUs) -> Gate {
        match self.mail_out_until {
            Some(until) if now < until => Gate::WaitUntil(until),
            _ => Gate::Go,
        }
    }

    /// The probe mail went.
    pub(crate) fn mail_out(self, now: MonoUs) -> Self {
        Self { mail_out_until: Some(now + PROBE_PATIENCE), ..self }
    }

    /// A mail was answered in the ordinary way. Without a probe mail out it is a late answer to a mail sent before the
    /// stop and proves nothing.
    pub(crate) fn worked(self) -> Result<Closed, Self> {
        self.mail_out_until.map(|_| Closed::default()).ok_or(self)
    }

    pub(crate) fn failed(
        self,
        now: MonoUs,
        because: ClosedBecause,
        pause: Option<Duration>,
        limits: &PathLimits,
    ) -> Open {
        let doubling = || doubled(limits.pause_default, self.strikes).min(limits.pause_max);
        Open { until: now + pause.unwrap_or_else(doubling), because, strikes: self.strikes.saturating_add(1) }
    }
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times.min(20)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(s: u64) -> MonoUs {
        MonoUs(s * 1_000_000)
    }

    #[test]
    fn failures_count_when_the_attempt_began_after_the_wait_and_the_fifth_opens() {
        let limits = PathLimits::default();
        let mut closed = Closed::default();
        // (second, counted failures afterwards)
        let table = [(100, 1), (100, 1), (101, 2), (102, 2), (103, 3), (107, 4), (114, 4)];
        for (at, failures) in table {
            closed = match closed.connect_failed(second(at), &limits) {
                AfterFailure::NotCounted(same) => same,
                AfterFailure::Counted(next) => next,
                AfterFailure::Opened(open) => panic!("open at {at}: {open:?}"),
            };
            assert_eq!(closed.connect_failures(), failures, "at {at}");
        }
        let AfterFailure::Opened(open) = closed.connect_failed(second(115), &limits) else {
            panic!("the fifth failure opens");
        };
        assert_eq!((open.until(), open.because()), (second(175), ClosedBecause::ConnectFailed));
    }

    #[test]
    fn pauses_double_up_to_the_cap_and_a_pause_from_the_signal_wins() {
        let limits = PathLimits::default();
        let mut open = Closed::default().stop(second(0), ClosedBecause::Blocked, None, &limits);
        for pause in [60, 120, 240, 480, 600, 600] {
            let began = MonoUs(open.until().0 - pause * 1_000_000);
            assert_eq!(open.until().since(began), Duration::from_secs(pause));
            let now = open.until();
            let Ok(probing) = open.due(now) else { panic!("due") };
            open = probing.failed(now, ClosedBecause::Blocked, None, &limits);
            assert_eq!(open.until().since(now), Duration::from_secs((pause * 2).min(600)));
        }
        let Ok(probing) = open.due(second(999_999)) else { panic!("due") };
        let hour = Some(Duration::from_secs(3_600));
        assert_eq!(probing.failed(second(0), ClosedBecause::Blocked, hour, &limits).until(), second(3_600));
    }

    #[test]
    fn one_probe_mail_is_out_at_a_time_and_only_its_answer_closes() {
        let limits = PathLimits::default();
        let open = Closed::default().stop(second(0), ClosedBecause::Blocked, None, &limits);
        assert!(open.due(second(59)).is_err());
        let Ok(probing) = open.due(second(60)) else { panic!("due") };
        assert!(probing.worked().is_err(), "a late answer to an older mail");
        assert!(probing.may_connect(second(60), 0).is_go());
        assert!(!probing.may_connect(second(60), 1).is_go());
        assert!(probing.may_send(second(60)).is_go());
        let probing = probing.mail_out(second(60));
        assert_eq!(probing.may_send(second(61)), Gate::WaitUntil(second(120)));
        assert!(probing.may_send(second(120)).is_go(), "a lost permit does not close the path for ever");
        assert!(probing.worked().is_ok());
    }
}
