//! Tests of one path: tables of signals and what they leave behind.

use super::*;

fn second(s: u64) -> MonoUs {
    MonoUs(s * 1_000_000)
}

fn limits() -> PathLimits {
    PathLimits {
        connections_max: 8,
        rate_start_per_min: 60.0,
        rate_max_per_min: 600.0,
        rate_floor_per_min: 6.0,
        ..PathLimits::default()
    }
}

fn throttled(pause_s: u64) -> Signal {
    Signal::Throttled { pause: Some(Duration::from_secs(pause_s)) }
}

#[test]
fn replies_already_in_flight_halve_only_once() {
    let mut path = PathThrottle::new(&limits(), second(0));
    for ms in 0..200 {
        path.observe(MonoUs(100_000_000 + ms * 1_000), throttled(30));
    }
    let status = path.status(second(101));
    assert_eq!((status.rate_per_min, status.connections_allowed), (30.0, 4));
    assert_eq!(status.breaker, BreakerStatus::Closed);
    let until = MonoUs(130_199_000);
    assert_eq!(status.shut, Some(Shut { because: ClosedBecause::Throttled, until }));
    assert_eq!(path.may_send(second(101)), Gate::WaitUntil(until));
    assert_eq!(path.may_connect(second(101), 0), Gate::WaitUntil(until));
    assert!(path.may_send(until).is_go());
    path.observe(until, throttled(30));
    assert_eq!(path.status(until).rate_per_min, 15.0, "after the pause it is a new sign");
}

#[test]
fn halving_stops_at_the_floor_and_at_one_connection() {
    let mut path = PathThrottle::new(&limits(), second(0));
    for minute in 1..20 {
        path.observe(second(60 * minute), throttled(1));
    }
    let status = path.status(second(2_000));
    assert_eq!((status.rate_per_min, status.connections_allowed), (6.0, 1));
}

#[test]
fn each_clean_minute_with_mail_gives_a_step_and_a_connection_and_silence_gives_nothing() {
    let mut path = PathThrottle::new(&limits(), second(0));
    path.observe(second(1), throttled(1));
    // (second, mail answered, rate, connections)
    let table =
        [(61, true, 30.0, 4), (62, false, 43.5, 5), (130, false, 43.5, 5), (600, true, 43.5, 5), (661, false, 53.5, 6)];
    for (at, mail, rate, connections) in table {
        if mail {
            path.observe(second(at), Signal::Accepted);
        }
        let _ = path.may_send(second(at));
        let status = path.status(second(at));
        assert_eq!((status.rate_per_min, status.connections_allowed), (rate, connections), "at {at} s");
    }
}

#[test]
fn a_block_stops_everything_then_one_mail_decides() {
    let mut path = PathThrottle::new(&limits(), second(0));
    let pause = Some(Duration::from_secs(600));
    path.observe(second(10), Signal::Blocked { pause });
    path.observe(second(11), Signal::Blocked { pause });
    path.observe(second(11), Signal::Accepted);
    let shut = Shut { because: ClosedBecause::Blocked, until: second(611) };
    assert_eq!(path.status(second(12)).shut, Some(shut));
    assert_eq!(path.may_send(second(12)), Gate::WaitUntil(second(611)));
    assert_eq!(path.may_connect(second(12), 0), Gate::WaitUntil(second(611)));

    assert!(path.may_connect(second(611), 0).is_go());
    assert!(!path.may_connect(second(611), 1).is_go());
    path.observe(second(611), Signal::ConnectOk);
    assert!(path.may_send(second(612)).is_go());
    assert!(!path.may_send(second(630)).is_go(), "one mail only");
    assert_eq!(path.status(second(630)).breaker, BreakerStatus::Probing { because: ClosedBecause::Blocked });
    path.observe(second(631), Signal::Refused);
    let status = path.status(second(631));
    assert_eq!((status.breaker, status.shut), (BreakerStatus::Closed, None));
    assert_eq!((status.rate_per_min, status.connections_allowed), (30.0, 1), "begins again with one connection");
}

#[test]
fn every_sign_of_trouble_fails_a_probe() {
    let hour = Some(Duration::from_secs(3_600));
    // (signal, closed because, seconds)
    let table = [
        (Signal::Blocked { pause: None }, ClosedBecause::Blocked, 120),
        (Signal::Blocked { pause: hour }, ClosedBecause::Blocked, 3_600),
        (throttled(20), ClosedBecause::Throttled, 20),
        (Signal::ConnectFailed, ClosedBecause::ConnectFailed, 120),
        (Signal::ConnectReset, ClosedBecause::ConnectReset, 300),
    ];
    for (signal, because, pause_s) in table {
        let mut path = PathThrottle::new(&limits(), second(0));
        path.observe(second(0), Signal::Blocked { pause: None });
        let now = second(60);
        assert!(path.may_send(now).is_go());
        path.observe(now, signal);
        let until = second(60 + pause_s);
        assert_eq!(path.status(now).shut, Some(Shut { because, until }), "{signal:?}");
        assert_eq!(path.status(now).rate_per_min, 30.0, "a failed probe is no reason to halve again");
    }
}

#[test]
fn failed_connections_halve_connections_and_the_fifth_in_a_row_stops() {
    let mut path = PathThrottle::new(&limits(), second(0));
    // (second, connections allowed afterwards)
    let table = [(100, 4), (101, 4), (103, 4), (107, 2)];
    for (at, connections) in table {
        path.observe(second(at), Signal::ConnectFailed);
        assert_eq!(path.status(second(at)).connections_allowed, connections, "at {at} s");
    }
    assert_eq!(path.may_connect(second(108), 0), Gate::WaitUntil(second(115)));
    assert!(path.may_send(second(108)).is_go(), "open connections may go on");
    path.observe(second(115), Signal::ConnectFailed);
    let status = path.status(second(116));
    assert_eq!(status.shut, Some(Shut { because: ClosedBecause::ConnectFailed, until: second(175) }));
    assert_eq!((status.rate_per_min, status.connections_allowed), (60.0, 1), "an outage says nothing about the rate");
}

#[test]
fn a_mail_or_a_connection_between_makes_failures_begin_from_none() {
    for good in [Signal::ConnectOk, Signal::Accepted, Signal::UnknownUser] {
        let mut path = PathThrottle::new(&limits(), second(0));
        for round in 1..20 {
            path.observe(second(round * 20), Signal::ConnectFailed);
            path.observe(second(round * 20 + 1), good);
        }
        assert_eq!(path.status(second(400)).breaker, BreakerStatus::Closed, "{good:?}");
    }
}

#[test]
fn a_reset_is_a_block_unless_the_profile_says_otherwise() {
    let table = [(Some(Duration::from_secs(300)), Some(second(310))), (None, None)];
    for (pause_on_reset, until) in table {
        let mut path = PathThrottle::new(&PathLimits { pause_on_reset, ..limits() }, second(0));
        path.observe(second(10), Signal::ConnectReset);
        assert_eq!(path.status(second(10)).shut.map(|shut| shut.until), until);
    }
}

#[test]
fn at_the_allowed_number_of_connections_the_next_look_is_after_the_minute() {
    let mut path = PathThrottle::new(&limits(), second(0));
    assert!(path.may_connect(second(10), 7).is_go());
    assert_eq!(path.may_connect(second(10), 8), Gate::WaitUntil(second(60)));
}

#[test]
fn other_limits_take_hold_at_once_and_keep_what_was_learnt() {
    let mut path = PathThrottle::new(&limits(), second(0));
    path.observe(second(1), throttled(1));
    path.set_limits(&PathLimits { rate_max_per_min: 20.0, connections_max: 3, ..limits() }, second(2));
    let status = path.status(second(2));
    assert_eq!((status.rate_per_min, status.connections_allowed), (20.0, 3));
    path.set_limits(&limits(), second(3));
    assert_eq!(path.status(second(3)).rate_per_min, 20.0);
}

#[test]
fn an_unlimited_path_passes_a_million_mails_a_second() {
    let mut path = PathThrottle::new(&PathLimits::unlimited(64), second(0));
    let mut sent = 0;
    for ms in 0..2_000 {
        let now = MonoUs(ms * 1_000);
        while path.may_send(now).is_go() {
            sent += 1;
        }
    }
    assert!((1_995_000..=2_010_000).contains(&sent), "{sent}");
    assert!(path.may_connect(second(2), 63).is_go());
}
