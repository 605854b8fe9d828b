//! What holds for a path whatever is asked and whatever the carrier does.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers of a test")]

use std::time::Duration;

use mail_model::MonoUs;
use proptest::prelude::*;
use throttle::{BreakerStatus, Gate, PathLimits, PathThrottle, Signal};

#[derive(Clone, Debug)]
enum Act {
    Send,
    Connect(u32),
    Observe(Signal),
}

fn pause() -> impl Strategy<Value = Option<Duration>> {
    prop::option::of((0_u64..2_000).prop_map(Duration::from_secs))
}

fn signal() -> impl Strategy<Value = Signal> {
    prop_oneof![
        6 => Just(Signal::Accepted),
        1 => Just(Signal::Refused),
        1 => Just(Signal::UnknownUser),
        1 => pause().prop_map(|pause| Signal::Throttled { pause }),
        1 => pause().prop_map(|pause| Signal::Blocked { pause }),
        2 => Just(Signal::ConnectFailed),
        1 => Just(Signal::ConnectReset),
        2 => Just(Signal::ConnectOk),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![6 => Just(Act::Send), 2 => (0_u32..12).prop_map(Act::Connect), 4 => signal().prop_map(Act::Observe)]
}

fn limits() -> impl Strategy<Value = PathLimits> {
    (1_u32..10, 1.0_f64..5_000.0, 0.0_f64..100_000.0, 0.0_f64..50.0).prop_map(|(connections, start, max, floor)| {
        PathLimits {
            connections_max: connections,
            rate_start_per_min: start,
            rate_max_per_min: max,
            rate_floor_per_min: floor,
            ..PathLimits::default()
        }
    })
}

proptest! {
    #[test]
    fn rate_and_connections_stay_inside_their_limits_and_a_wait_is_always_ahead(
        limits in limits(),
        acts in prop::collection::vec((act(), 0_u64..90_000_000), 1..300),
    ) {
        let mut now = MonoUs(1_000_000);
        let mut path = PathThrottle::new(&limits, now);
        let bounds = path.limits().clone();
        for (act, us) in acts {
            now = MonoUs(now.0 + us);
            let gate = match act {
                Act::Send => path.may_send(now),
                Act::Connect(open) => path.may_connect(now, open),
                Act::Observe(signal) => {
                    path.observe(now, signal);
                    Gate::Go
                }
            };
            if let Gate::WaitUntil(then) = gate {
                prop_assert!(then > now, "{act:?} at {now:?} waits until {then:?}");
            }
            let status = path.status(now);
            prop_assert!((bounds.rate_floor_per_min..=bounds.rate_max_per_min).contains(&status.rate_per_min));
            prop_assert!((1..=bounds.connections_max).contains(&status.connections_allowed));
            if let Some(shut) = status.shut {
                prop_assert!(shut.until > now);
                prop_assert!(!path.may_send(now).is_go());
                prop_assert!(!path.may_connect(now, 0).is_go());
            }
        }
    }

    #[test]
    fn in_no_span_does_more_go_than_the_highest_rate_allows(
        limits in limits(),
        acts in prop::collection::vec((signal(), 1_u64..20_000), 1..200),
    ) {
        let mut now = MonoUs(0);
        let mut path = PathThrottle::new(&limits, now);
        let per_us = path.limits().rate_max_per_min / 60_000_000.0;
        let mut sent: Vec<u64> = Vec::new();
        for (signal, ms) in acts {
            now = MonoUs(now.0 + ms * 1_000);
            for _ in 0..20 {
                if path.may_send(now).is_go() {
                    sent.push(now.0);
                }
            }
            path.observe(now, signal);
        }
        for (first, from) in sent.iter().enumerate() {
            for (last, until) in sent.iter().enumerate().skip(first) {
                let allowed = (until - from + 5_000) as f64 * per_us + 1.0 + 1e-6;
                let count = last - first + 1;
                prop_assert!(count as f64 <= allowed.floor() + 1e-9, "{count} in {} µs", until - from);
            }
        }
    }

    #[test]
    fn a_block_is_obeyed_to_the_microsecond_and_ends_with_one_mail(
        pause_s in 1_u64..5_000,
        before in prop::collection::vec(signal(), 0..20),
        looks in prop::collection::vec(0.0_f64..1.0, 1..50),
    ) {
        let start = MonoUs(7_000_000);
        let mut path = PathThrottle::new(&PathLimits::default(), start);
        for signal in before {
            path.observe(start, signal);
        }
        path.observe(start, Signal::Blocked { pause: Some(Duration::from_secs(pause_s)) });
        let until = path.status(start).shut.expect("closed").until;
        prop_assert!(until >= start + Duration::from_secs(pause_s));
        let mut times: Vec<u64> = looks.iter().map(|x| start.0 + ((until.0 - start.0) as f64 * x) as u64).collect();
        times.sort_unstable();
        for at in times {
            prop_assert!(!path.may_send(MonoUs(at)).is_go());
            prop_assert!(!path.may_connect(MonoUs(at), 0).is_go());
        }
        let after = until + Duration::from_secs(3_000);
        let is_probing = matches!(path.status(after).breaker, BreakerStatus::Probing { .. });
        prop_assert!(is_probing);
        let sent = (0..50).filter(|_| path.may_send(after).is_go()).count();
        prop_assert_eq!(sent, 1);
    }
}
