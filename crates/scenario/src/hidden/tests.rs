//! Laws, one by one: what is asked when, and what comes of it.

use mail_model::{MonoUs, Reply, Stage};

use super::*;
use crate::world::Scenario;

/// A world of two netblocks, `a` with two sources (0, 1) and `b` with one (2), and one carrier that does `period`.
fn world(period: &str) -> Scenario {
    let text = format!(
        r#"
        title = "t"
        about = "a"
        start_time = "11:59:00"
        sources = [{{ name = "a", count = 2 }}, {{ name = "b", standing = 2.0, days = 0 }}]
        waves = [{{ carrier = "c", mails = 10, unknown_share = 0.25 }}]
        [[carriers]]
        name = "c"
        [[carriers.periods]]
        latency = {{ connect_ms = 10, mail_ms = 100, jitter_ms = 0, per_session_ms = 5 }}
        {period}
        "#
    );
    Scenario::parse("t.toml", &text).unwrap_or_else(|why| panic!("{why}"))
}

fn carrier(period: &str) -> HiddenCarrier {
    HiddenCarrier::new(&world(period), 0, 1)
}

fn at(ms: u64) -> MonoUs {
    MonoUs(ms * 1_000)
}

fn known(number: u64) -> Recipient<'static> {
    Recipient { number, unknown: false, address: "x@c.example" }
}

/// Sends one mail in a session of its own, which is closed after it.
fn one(carrier: &mut HiddenCarrier, ms: u64, source: usize) -> Why {
    let greeting = carrier.connect(at(ms), source);
    let Some(session) = greeting.session else { return greeting.why };
    let answer = carrier.mail(at(ms), session, known(ms));
    carrier.close(at(ms), session);
    answer.why
}

/// Plays a table of (ms, source, what comes of a mail).
fn play(period: &str, table: &[(u64, usize, Why)]) -> HiddenCarrier {
    let mut carrier = carrier(period);
    for (ms, source, why) in table {
        assert_eq!(one(&mut carrier, *ms, *source), *why, "at {ms} ms from source {source}: {period}");
    }
    carrier
}

const OVER: Why = Why::Crossing(0);

#[test]
fn a_bucket_gives_its_burst_and_then_its_even_pace_to_each_source_by_its_standing() {
    let table = [
        (0, 0, Why::Fine),
        (0, 0, Why::Fine),
        (0, 0, OVER),
        (0, 1, Why::Fine),
        (999, 0, OVER),
        (1_999, 0, Why::Fine),
        (2_000, 2, Why::Fine),
        (2_000, 2, Why::Fine),
        (2_000, 2, Why::Fine),
        (2_000, 2, Why::Fine),
        (2_000, 2, OVER),
        (2_500, 2, Why::Fine),
    ];
    let carrier = play(r#"limits = [{ kind = "rate", per_min = 60, burst = 2 }]"#, &table);
    let total = carrier.total();
    assert_eq!((total.mails_asked, total.accepted, total.crossings, total.bans), (12, 9, 3, 0));
    assert_eq!(carrier.counts(2).crossings, 1);
}

#[test]
fn a_netblock_and_a_carrier_are_counted_over_all_of_theirs() {
    let limit = |per: &str| format!(r#"limits = [{{ kind = "rate", per = "{per}", per_min = 60, burst = 1 }}]"#);
    play(&limit("netblock"), &[(0, 0, Why::Fine), (0, 1, OVER), (0, 2, Why::Fine)]);
    play(&limit("carrier"), &[(0, 0, Why::Fine), (0, 1, OVER), (0, 2, OVER)]);
}

#[test]
fn quotas_slide_or_follow_the_clock() {
    let count =
        |counted: &str| format!(r#"limits = [{{ kind = "count", most = 2, in_s = 60, counted = "{counted}" }}]"#);
    let sliding =
        [(30_000, 0, Why::Fine), (50_000, 0, Why::Fine), (60_000, 0, OVER), (89_999, 0, OVER), (90_000, 0, Why::Fine)];
    play(&count("sliding"), &sliding);
    let clock = [
        (30_000, 0, Why::Fine),
        (50_000, 0, Why::Fine),
        (59_999, 0, OVER),
        (60_000, 0, Why::Fine),
        (60_001, 0, Why::Fine),
    ];
    play(&count("clock"), &clock);
}

#[test]
fn sessions_are_counted_while_they_are_open() {
    let mut carrier = carrier(r#"limits = [{ kind = "sessions", most = 2 }]"#);
    let first = carrier.connect(at(0), 0).session.unwrap();
    let second = carrier.connect(at(0), 0);
    assert_eq!((second.why, second.after_ms), (Why::Fine, 15), "each session open slows the next");
    let third = carrier.connect(at(1), 0);
    assert_eq!((third.session, third.why), (None, OVER));
    assert!(matches!(third.said, Said::Reply(reply) if reply.code == 421));
    assert_eq!(carrier.connect(at(1), 1).why, Why::Fine);
    carrier.close(at(2), first);
    carrier.close(at(2), first);
    assert_eq!(carrier.connect(at(3), 0).why, Why::Fine);
    assert_eq!((carrier.open_sessions(0), carrier.counts(0).open_max), (2, 2));
}

#[test]
fn sessions_too_many_for_a_new_limit_are_ended_the_youngest_first() {
    let mut carrier = carrier(
        r#"[[carriers.periods]]
           from_s = 10
           limits = [{ kind = "sessions", most = 1 }]"#,
    );
    let [first, second] = [0, 0].map(|source| carrier.connect(at(0), source).session.unwrap());
    assert_eq!(carrier.mail(at(10_000), second, known(1)).why, Why::Gone);
    assert_eq!(carrier.mail(at(10_000), first, known(1)).why, Why::Fine);
    assert_eq!(carrier.total().crossings, 0);
}

#[test]
fn a_session_carries_so_many_mails_and_is_closed_with_the_next() {
    let mut carrier = carrier(r#"limits = [{ kind = "session_mails", most = 2 }]"#);
    let session = carrier.connect(at(0), 0).session.unwrap();
    for _ in 0..2 {
        assert_eq!(carrier.mail(at(0), session, known(1)).why, Why::Fine);
    }
    let third = carrier.mail(at(0), session, known(1));
    assert_eq!((third.why, third.stage, third.closed), (OVER, Stage::Mail, true));
    assert_eq!(carrier.mail(at(0), session, known(1)).why, Why::Gone);
    assert_eq!(carrier.open_sessions(0), 0);
}

#[test]
fn what_lies_beyond_a_limit_shows_in_every_way_at_every_step() {
    let reply = |text: &str| Said::Reply(Reply::new(text[..3].parse().unwrap(), text[3..].trim_start()));
    let table = [
        (r#"{ at = "mail", code = 450 }"#, Stage::Mail, reply("450 4.7.1 Error: too much mail from a-1"), false),
        (r#"{ at = "rcpt", code = 452 }"#, Stage::Rcpt, reply("452 4.7.1 Error: too much mail from a-1"), false),
        (r#"{ at = "data_end", say = "451 wait" }"#, Stage::DataEnd, reply("451 wait"), false),
        (r#"{ say = "421 4.3.2 {address}" }"#, Stage::Mail, reply("421 4.3.2 x@c.example"), true),
        (r#"{ say = "421", close = false }"#, Stage::Mail, reply("421"), false),
        (r#"{ how = "close", at = "rcpt" }"#, Stage::Rcpt, Said::Close, true),
        (r#"{ how = "reset" }"#, Stage::Mail, Said::Reset, true),
        (r#"{ how = "refuse" }"#, Stage::Mail, Said::Reset, true),
        (r#"{ how = "silence", at = "data_end" }"#, Stage::DataEnd, Said::Silence, false),
    ];
    for (over, stage, said, closed) in table {
        let mut carrier = carrier(&format!(r#"limits = [{{ kind = "rate", per_min = 1, burst = 1, over = {over} }}]"#));
        let session = carrier.connect(at(0), 0).session.unwrap();
        assert_eq!(carrier.mail(at(0), session, known(1)).why, Why::Fine);
        let answer = carrier.mail(at(0), session, known(1));
        assert_eq!((answer.stage, answer.said, answer.closed, answer.why), (stage, said, closed, OVER), "{over}");
    }
}

#[test]
fn a_pace_told_at_the_greeting_turns_connections_away_while_it_is_exceeded() {
    for (how, said) in [("refuse", Said::Refused), ("reset", Said::Reset), ("silence", Said::Silence)] {
        let over = format!(r#"over = {{ how = "{how}", at = "greeting" }}"#);
        let mut carrier = carrier(&format!(r#"limits = [{{ kind = "rate", per_min = 60, burst = 1, {over} }}]"#));
        assert_eq!(one(&mut carrier, 0, 0), Why::Fine);
        let greeting = carrier.connect(at(1), 0);
        assert_eq!((greeting.said, greeting.why), (said, OVER));
        assert_eq!(one(&mut carrier, 1_001, 0), Why::Fine);
    }
}

#[test]
fn connections_have_a_pace_of_their_own() {
    play(
        r#"limits = [{ kind = "rate", of = "connections", per_min = 60, burst = 1 }]"#,
        &[(0, 0, Why::Fine), (500, 0, OVER), (1_000, 0, Why::Fine)],
    );
}

#[test]
fn a_tarpit_takes_the_mail_later_and_counts_the_crossing() {
    let over = r#"over = { how = "tarpit", delay_ms = 5000 }"#;
    let mut carrier = carrier(&format!(r#"limits = [{{ kind = "rate", per_min = 1, burst = 1, {over} }}]"#));
    let session = carrier.connect(at(0), 0).session.unwrap();
    let [first, second] = [0, 1].map(|ms| carrier.mail(at(ms), session, known(1)));
    assert_eq!((first.why, first.after_ms), (Why::Fine, 100));
    assert_eq!((second.why, second.after_ms), (Why::Fine, 5_100));
    assert_eq!((carrier.counts(0).accepted, carrier.counts(0).crossings), (2, 1));
}

#[test]
fn a_hall_with_a_pace_lets_everybody_wait_and_only_impatience_is_a_crossing() {
    let mut carrier = carrier(r#"limits = [{ kind = "capacity", per_min = 60, patience_s = 1.5 }]"#);
    let session = carrier.connect(at(0), 0).session.unwrap();
    let answers: Vec<(u64, Why)> =
        (0..3).map(|_| carrier.mail(at(0), session, known(1))).map(|answer| (answer.after_ms, answer.why)).collect();
    assert_eq!(answers, [(1_100, Why::Fine), (2_100, Why::Fine), (100, OVER)]);
}

#[test]
fn so_many_excesses_within_a_span_ban_and_knocking_prolongs_it() {
    let period = r#"
        limits = [{ kind = "rate", per_min = 1, burst = 1 }]
        ban = { after = 2, in_s = 10, for_s = 120, knock_s = 100, says = { code = 554 } }"#;
    let table = [
        (0, 0, Why::Fine),
        (1, 0, OVER),
        (10_001, 0, OVER),
        (20_000, 0, OVER),
        (20_001, 0, Why::Banned),
        (60_000, 1, Why::Fine),
        (60_000, 0, Why::Banned),
        (140_001, 0, Why::Banned),
        (240_000, 0, Why::Banned),
        (340_000, 0, Why::Fine),
    ];
    let carrier = play(period, &table);
    let counts = carrier.counts(0);
    assert_eq!((counts.bans, counts.knocks, counts.crossings), (1, 4, 3));
}

#[test]
fn a_ban_ends_the_sessions_that_are_open_at_their_next_mail() {
    let mut carrier = carrier(
        r#"limits = [{ kind = "rate", per_min = 1, burst = 1, over = { code = 450 } }]
           ban = { after = 1, for_s = 60, says = { how = "refuse" } }"#,
    );
    let session = carrier.connect(at(0), 0).session.unwrap();
    assert!(!carrier.mail(at(0), session, known(1)).ban_began);
    let over = carrier.mail(at(1), session, known(1));
    assert_eq!((over.why, over.ban_began, over.closed), (OVER, true, false));
    let banned = carrier.mail(at(2), session, known(1));
    assert_eq!((banned.said, banned.closed, banned.why), (Said::Reset, true, Why::Banned));
    assert_eq!(carrier.connect(at(3), 0).said, Said::Refused);
    assert!(carrier.is_banned(at(60_000), 0) && !carrier.is_banned(at(60_001), 0));
}

#[test]
fn a_ban_of_a_netblock_shuts_all_its_sources_out_and_counts_once() {
    let period = r#"
        limits = [{ kind = "rate", per_min = 1, burst = 1 }]
        ban = { after = 1, for_s = 60, per = "netblock" }"#;
    let table = [(0, 0, Why::Fine), (0, 0, OVER), (1, 1, Why::Banned), (1, 2, Why::Fine)];
    let carrier = play(period, &table);
    assert_eq!((carrier.netblock_bans(0), carrier.netblock_bans(1), carrier.total().bans), (1, 0, 1));
}

#[test]
fn more_than_the_borne_share_of_unknown_recipients_blocks_the_netblock() {
    let mut carrier = carrier("unknown = { share = 0.05, of_last = 40, in_s = 100, for_s = 60 }");
    let session = carrier.connect(at(0), 0).session.unwrap();
    let mut ask = |ms: u64, unknown| carrier.mail(at(ms), session, Recipient { unknown, ..known(ms) });
    // Two of forty are borne; the two of the beginning are forgotten after 100 s.
    let table =
        [(0, true, false), (1, true, false), (100_001, true, false), (100_002, true, false), (100_003, true, true)];
    for (ms, unknown, began) in table {
        let answer = ask(ms, unknown);
        assert_eq!((answer.why, answer.stage, answer.ban_began), (Why::Unknown, Stage::Rcpt, began), "at {ms} ms");
    }
    assert_eq!(ask(100_004, false).why, Why::Banned);
    assert_eq!(one(&mut carrier, 100_005, 1), Why::Banned);
    assert_eq!(one(&mut carrier, 100_005, 2), Why::Fine);
    assert_eq!((carrier.total().bans, carrier.total().unknown, carrier.total().crossings), (1, 5, 0));
}

#[test]
fn good_behaviour_and_age_widen_a_limit_up_to_its_end() {
    // 60 a minute for a newcomer; each accepted mail adds a tenth of that, an old acquaintance has three times as much.
    let period = r#"
        limits = [{ kind = "count", most = 10, in_s = 60, growth = { per_1000_accepted = 100, per_day = 1, to = 3 } }]"#;
    for (source, most) in [(0, 30), (2, 60)] {
        let mut carrier = carrier(period);
        let taken = (0..100).take_while(|ms| one(&mut carrier, *ms, source) == Why::Fine).count();
        assert_eq!(taken, most, "source {source}");
    }
}

#[test]
fn excess_narrows_a_limit_for_a_time() {
    let period = r#"
        limits = [{ kind = "rate", per_min = 60, burst = 1, penalty = { factor = 0.5, for_s = 10 } }]"#;
    let table = [
        (0, 0, Why::Fine),
        (0, 0, OVER),
        (1_000, 0, OVER),
        (2_100, 0, Why::Fine),
        (13_000, 0, Why::Fine),
        (14_000, 0, Why::Fine),
    ];
    play(period, &table);
}

#[test]
fn greylisting_wants_the_same_source_after_the_delay_and_within_the_window() {
    let mut carrier = carrier("greylist = { delay_s = 60, window_s = 600, known_after = 3 }");
    let mut ask = |ms: u64, source, number| {
        let session = carrier.connect(at(ms), source).session.unwrap();
        let why = carrier.mail(at(ms), session, known(number)).why;
        carrier.close(at(ms), session);
        why
    };
    let table = [
        (0, 0, 1, Why::Greylisted),
        (59_999, 0, 1, Why::Greylisted),
        (60_000, 1, 1, Why::Greylisted),
        (60_001, 0, 1, Why::Fine),
        (61_000, 0, 1, Why::Fine),
        (61_000, 0, 2, Why::Greylisted),
        (661_001, 0, 2, Why::Greylisted),
        (721_001, 0, 2, Why::Fine),
        (721_002, 0, 3, Why::Fine),
        (721_002, 1, 3, Why::Greylisted),
    ];
    for (ms, source, number, why) in table {
        assert_eq!(ask(ms, source, number), why, "at {ms} ms from {source} to {number}");
    }
    assert_eq!((carrier.total().greylisted, carrier.total().crossings), (6, 0));
}

#[test]
fn around_the_full_hour_mail_is_put_off() {
    // The world begins at 11:59:00.
    let table =
        [(29_999, 0, Why::Fine), (30_000, 0, Why::FullHour), (89_999, 0, Why::FullHour), (90_000, 0, Why::Fine)];
    play("full_hour = { before_s = 30, after_s = 30 }", &table);
}

#[test]
fn an_outage_a_list_and_a_change_of_limits_begin_and_end_with_their_periods() {
    let period = r#"
        limits = [{ kind = "rate", per_min = 60, burst = 1 }]
        [[carriers.periods]]
        from_s = 10
        door = { how = "reset" }
        [[carriers.periods]]
        from_s = 20
        door = "none"
        listed = { sources = ["a-2"] }
        [[carriers.periods]]
        from_s = 30
        listed = "none"
        limits = []
    "#;
    let table = [
        (9_999, 0, Why::Fine),
        (10_000, 0, Why::Outage),
        (19_999, 0, Why::Outage),
        (20_000, 0, Why::Fine),
        (20_000, 1, Why::Listed),
        (20_001, 0, OVER),
        (30_000, 1, Why::Fine),
        (30_000, 1, Why::Fine),
    ];
    let carrier = play(period, &table);
    assert_eq!((carrier.total().outage, carrier.total().listed, carrier.total().crossings), (2, 1, 1));
}

#[test]
fn a_session_idle_for_too_long_is_gone() {
    let mut carrier = carrier(
        r#"session_idle_s = 5
        limits = [{ kind = "sessions", most = 1 }]"#,
    );
    let session = carrier.connect(at(0), 0).session.unwrap();
    assert_eq!(carrier.mail(at(5_000), session, known(1)).why, Why::Fine);
    let late = carrier.mail(at(10_001), session, known(1));
    assert_eq!((late.why, late.said, late.closed), (Why::Gone, Said::Close, true));
    assert_eq!(carrier.connect(at(10_001), 0).why, Why::Fine);
}

#[test]
fn a_share_of_mails_is_put_off_by_chance_and_a_seed_replays_it() {
    let run = |seed| {
        let mut carrier = HiddenCarrier::new(&world("busy = { share = 0.25 }"), 0, seed);
        (0..1_000).map(|ms| one(&mut carrier, ms, 0) == Why::Busy).collect::<Vec<bool>>()
    };
    let busy = run(7).iter().filter(|busy| **busy).count();
    assert!((200..300).contains(&busy), "{busy}");
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn unknown_people_are_the_same_for_a_seed_and_as_many_as_was_said() {
    let world = world("");
    let unknown = |seed| (0..10_000).filter(|number| world.is_unknown(0, *number, seed)).collect::<Vec<u64>>();
    assert!((2_300..2_700).contains(&unknown(1).len()));
    assert_eq!(unknown(1), unknown(1));
    assert_ne!(unknown(1), unknown(2));
}
