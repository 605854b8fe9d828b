//! The breaker of one path. Each state is a type that has only the transitions the table in README.md allows.

use std::time::Duration;

use mail_model::MonoUs;

use crate::gate::{ClosedBecause, Gate};
use crate::limits::PathLimits;
use crate::pause::{self, Shut, doubled};

/// How long a probe mail may stay without an answer before another one may go. A caller that took the permit and then
/// found no mail must not keep the path closed for ever.
const PROBE_PATIENCE: Duration = Duration::from_secs(60);

/// How soon to ask again while the probe mail is out.
const PROBE_LOOK: Duration = Duration::from_secs(1);

/// First wait after a failed connection; doubled with each further one. Keeps a refusing host from being hammered in
/// the seconds before the breaker opens, and makes attempts that were under way together count as one failure.
const CONNECT_WAIT: Duration = Duration::from_secs(1);
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(60);

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
    first_failure: MonoUs,
    connect_after: MonoUs,
}

/// Nothing goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    stop: Stop,
    until: MonoUs,
}

/// One connection and one mail find out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probing {
    stop: Stop,
    due: MonoUs,
    mail_out_until: Option<MonoUs>,
}

/// Why and since when nothing goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) because: ClosedBecause,
    pub(crate) began: MonoUs,
    /// Probes that were turned away.
    pub(crate) knocks: u32,
    /// A pause that a signal named.
    pub(crate) named: Option<Duration>,
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
        let first_failure = if self.connect_failures == 0 { now } else { self.first_failure };
        if connect_failures >= limits.connect_failures_max {
            let stop = Stop { because: ClosedBecause::ConnectFailed, began: first_failure, knocks: 0, named: None };
            return AfterFailure::Opened(stop.open(now, limits));
        }
        let wait = doubled(CONNECT_WAIT, self.connect_failures).min(CONNECT_WAIT_MAX);
        AfterFailure::Counted(Self { connect_failures, first_failure, connect_after: now + wait })
    }

    pub(crate) fn stop(
        self,
        now: MonoUs,
        because: ClosedBecause,
        named: Option<Duration>,
        limits: &PathLimits,
    ) -> Open {
        Stop { because, began: now, knocks: 0, named }.open(now, limits)
    }
}

impl Stop {
    fn open(self, now: MonoUs, limits: &PathLimits) -> Open {
        let lasted = now.since(self.began);
        let shut = Shut { because: self.because, knocks: self.knocks, lasted, named: self.named };
        Open { stop: self, until: now + pause::next(shut, limits) }
    }
}

impl Open {
    pub(crate) fn until(self) -> MonoUs {
        self.until
    }

    pub(crate) fn because(self) -> ClosedBecause {
        self.stop.because
    }

    pub(crate) fn stop(self) -> Stop {
        self.stop
    }

    /// A reply to a mail sent before the stop names a pause: the later end stands.
    pub(crate) fn at_least_until(self, until: MonoUs) -> Self {
        Self { until: self.until.max(until), ..self }
    }

    /// Another path of the netblock got through: no need to wait longer.
    pub(crate) fn at_most_until(self, until: MonoUs) -> Self {
        Self { until: self.until.min(until), ..self }
    }

    /// Begins to probe when the pause is over.
    pub(crate) fn due(self, now: MonoUs) -> Result<Probing, Self> {
        if now < self.until {
            return Err(self);
        }
        Ok(Probing { stop: self.stop, due: self.until, mail_out_until: None })
    }
}

impl Probing {
    pub(crate) fn because(self) -> ClosedBecause {
        self.stop.because
    }

    pub(crate) fn stop(self) -> Stop {
        self.stop
    }

    /// `stuck` of the open sessions wait for an answer.
    pub(crate) fn may_connect(self, now: MonoUs, open: usize, stuck: usize) -> Gate {
        let free = self.mail_out_until.is_none() && open <= stuck;
        if free { Gate::Go } else { Gate::WaitUntil(now + PROBE_LOOK) }
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

    /// The probe mail came back untried.
    pub(crate) fn mail_back(self) -> Self {
        Self { mail_out_until: None, ..self }
    }

    /// Since when the probe has been due.
    pub(crate) fn due(self) -> MonoUs {
        self.due
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
        named: Option<Duration>,
        limits: &PathLimits,
    ) -> Open {
        Stop { because, named, knocks: self.stop.knocks.saturating_add(1), ..self.stop }.open(now, limits)
    }
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
        assert_eq!((open.until(), open.because()), (second(130), ClosedBecause::ConnectFailed));
    }

    #[test]
    fn knocks_become_rarer_with_the_time_shut_and_a_pause_from_the_signal_wins() {
        let limits = PathLimits::default();
        let mut open = Closed::default().stop(second(0), ClosedBecause::Throttled, None, &limits);
        for until in [5, 25, 85, 145, 205, 267, 346, 450] {
            assert_eq!((open.until().0 + 500_000) / 1_000_000, until);
            let Ok(probing) = open.due(open.until()) else { panic!("due") };
            open = probing.failed(open.until(), ClosedBecause::Throttled, None, &limits);
        }
        let Ok(probing) = open.due(second(999_999)) else { panic!("due") };
        let hours = Some(Duration::from_secs(9_000));
        assert_eq!(probing.failed(second(0), ClosedBecause::Blocked, hours, &limits).until(), second(9_000));
    }

    #[test]
    fn one_probe_mail_is_out_at_a_time_and_only_its_answer_closes() {
        let limits = PathLimits::default();
        let open = Closed::default().stop(second(0), ClosedBecause::Blocked, None, &limits);
        assert!(open.due(second(299)).is_err());
        let Ok(probing) = open.due(second(300)) else { panic!("due") };
        assert!(probing.worked().is_err(), "a late answer to an older mail");
        assert!(probing.may_connect(second(300), 0, 0).is_go());
        assert!(!probing.may_connect(second(300), 1, 0).is_go());
        assert!(probing.may_connect(second(300), 3, 3).is_go(), "those that are open are stuck");
        assert!(probing.may_send(second(300)).is_go());
        let probing = probing.mail_out(second(300));
        assert!(!probing.may_connect(second(301), 0, 0).is_go());
        assert_eq!(probing.may_send(second(301)), Gate::WaitUntil(second(360)));
        assert!(probing.may_send(second(360)).is_go(), "a lost permit does not close the path for ever");
        assert!(probing.worked().is_ok());
    }
}
