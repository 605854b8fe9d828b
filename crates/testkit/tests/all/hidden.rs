//! A socket with a scenario's carrier behind it says what the pure model says.

use std::net::Ipv4Addr;
use std::time::Duration;

use clock::{Chance, Clock};
use mail_model::{MonoUs, UnixMs};
use scenario::{HiddenCarrier, Recipient, Said, Scenario, SessionId};
use testkit::{World, WorldPlan, recipient_hash, shrunk, source_addresses};
use tokio::time::timeout;

use crate::talk::{ID, Talk, content};

/// Requests of one run.
const STEPS: usize = 150;
const SEED: u64 = 11;
/// How long nothing must be heard where silence is due.
const SILENCE: Duration = Duration::from_millis(60);

/// What each carrier does, beside answering at once.
const BEHAVIOURS: [(&str, &str); 14] = [
    ("sessions", r#"limits = [{ kind = "sessions", most = 2 }]"#),
    (
        "sessions of a netblock, reset",
        r#"limits = [{ kind = "sessions", most = 3, per = "netblock", over = { how = "reset" } }]"#,
    ),
    ("mails of a session", r#"limits = [{ kind = "session_mails", most = 3 }]"#),
    (
        "mails of a session, closed without a word",
        r#"limits = [{ kind = "session_mails", most = 3, over = { how = "close" } }]"#,
    ),
    (
        "a rate and a ban that knocking prolongs",
        r#"
        limits = [{ kind = "rate", per_min = 20, burst = 2, over = { code = 450 } }]
        ban = { after = 3, in_s = 60, for_s = 30, knock_s = 10 }"#,
    ),
    (
        "a netblock's rate at the final dot",
        r#"
        limits = [{ kind = "rate", per_min = 20, burst = 3, per = "netblock", over = { at = "data_end", code = 452 } }]"#,
    ),
    (
        "a quota at RCPT, in words of its own",
        r#"
        limits = [{ kind = "count", most = 4, in_s = 60, over = { at = "rcpt", say = "451 4.7.1 {source} may not send to {address} now" } }]"#,
    ),
    (
        "a rate at the greeting, refused",
        r#"
        limits = [{ kind = "rate", per_min = 20, burst = 2, over = { how = "refuse" } }]
        ban = { after = 4, for_s = 30, per = "netblock", says = { how = "reset" } }"#,
    ),
    (
        "a reset at the final dot",
        r#"limits = [{ kind = "rate", per_min = 15, burst = 1, over = { at = "data_end", how = "reset" } }]"#,
    ),
    ("silence at MAIL", r#"limits = [{ kind = "rate", per_min = 60, burst = 4, over = { how = "silence" } }]"#),
    (
        "tarpit and load",
        r#"
        latency = { connect_ms = 0, mail_ms = 0, jitter_ms = 2, per_session_ms = 1 }
        limits = [{ kind = "rate", per_min = 20, burst = 2, over = { how = "tarpit", delay_ms = 3 } }]"#,
    ),
    (
        "greylist and a busy carrier",
        r#"
        greylist = { delay_s = 10 }
        busy = { share = 0.3 }"#,
    ),
    ("unknown recipients", r#"unknown = { share = 0.2, of_last = 10, for_s = 40 }"#),
    (
        "a list, the full hour and an outage",
        r#"
        listed = { sources = ["a-1"] }
        full_hour = { after_s = 20, share = 0.5 }
        [[carriers.periods]]
        from_s = 60
        door = { how = "reply", code = 421 }
        [[carriers.periods]]
        from_s = 120
        door = "none""#,
    ),
];

fn scenario(behaviour: &str) -> Scenario {
    let text = format!(
        r#"
        title = "x"
        about = "x"
        start_time = "10:00"
        [[sources]]
        name = "a"
        count = 2
        [[sources]]
        name = "b"
        count = 1
        standing = 2
        [[waves]]
        carrier = "test"
        mails = 1
        [[carriers]]
        name = "test"
        domain = "a.test"
        [[carriers.periods]]
        latency = {{ connect_ms = 0, mail_ms = 0, jitter_ms = 0 }}
        {behaviour}"#
    );
    // A behaviour with a latency of its own replaces the usual one.
    let text = match behaviour.contains("latency") {
        true => text.replacen("latency = { connect_ms = 0, mail_ms = 0, jitter_ms = 0 }", "", 1),
        false => text,
    };
    Scenario::parse("x.toml", &text).unwrap_or_else(|fault| panic!("{fault}"))
}

/// How an answer of the model sounds on a wire.
fn sound(said: &Said) -> String {
    match said {
        Said::Reply(reply) => reply.to_string(),
        Said::Close => "closed".to_owned(),
        Said::Reset | Said::Refused => "reset".to_owned(),
        Said::Silence => "silence".to_owned(),
    }
}

/// Both sides of a run: the model by itself, and the world that plays it.
struct Pair {
    model: HiddenCarrier,
    clock: Clock,
    begun: MonoUs,
    world: World,
    addresses: Vec<Ipv4Addr>,
    sessions: Vec<(usize, SessionId, Talk)>,
}

impl Pair {
    async fn of(scenario: &Scenario) -> Self {
        let clock = Clock::manual(UnixMs(0));
        let addresses = source_addresses(scenario).unwrap();
        let mut named = scenario.clone();
        for (source, address) in named.sources.iter_mut().zip(&addresses) {
            source.name = mail_model::SourceName::new(&address.to_string()).unwrap();
        }
        let world = World::start_at(WorldPlan::from_scenario(scenario, SEED).unwrap(), clock.clone()).await.unwrap();
        world.begin_scenario();
        let model = HiddenCarrier::new(&named, 0, SEED);
        Self { model, begun: clock.mono(), clock, world, addresses, sessions: Vec::new() }
    }

    fn now(&self) -> MonoUs {
        MonoUs(self.clock.mono().0 - self.begun.0)
    }

    async fn connect(&mut self, source: usize) -> (String, String) {
        let greeting = self.model.connect(self.now(), source);
        let due = sound(&greeting.said);
        let mut talk = Talk::connect(self.addresses[source], self.world.carrier("test").address()).await.unwrap();
        let heard = hear(&mut talk, &due).await;
        if let Some(session) = greeting.session {
            if heard == due {
                talk.say("EHLO client.todoke.test").await;
            }
            self.sessions.push((source, session, talk));
        }
        (due, heard)
    }

    async fn mail(&mut self, place: usize, to: &str) -> (String, String) {
        let now = self.now();
        let (_, session, talk) = &mut self.sessions[place];
        let number = recipient_hash(&to.parse().unwrap());
        let recipient = Recipient { number, unknown: to.starts_with("unknown"), address: to };
        let answer = self.model.mail(now, *session, recipient);
        let due = format!("{} {}", answer.stage, sound(&answer.said));
        let heard = tell(talk, to, &due).await;
        // After silence a client gives up.
        if answer.closed || answer.said == Said::Silence {
            self.close(place).await;
        }
        (due, heard)
    }

    /// Ends a session on both sides and waits until the carrier knows.
    async fn close(&mut self, place: usize) {
        let (source, session, talk) = self.sessions.swap_remove(place);
        self.model.close(self.now(), session);
        drop(talk);
        let open = u32::try_from(self.model.open_sessions(source)).unwrap();
        let address = self.addresses[source];
        while self.world.carrier("test").sources().iter().any(|(known, r)| *known == address && r.open != open) {
            tokio::task::yield_now().await;
        }
    }
}

async fn hear(talk: &mut Talk, due: &str) -> String {
    if !due.ends_with("silence") {
        return talk.reply().await;
    }
    let heard = timeout(SILENCE, talk.reply()).await;
    heard.unwrap_or_else(|_| "silence".to_owned())
}

/// A whole mail, as far as it goes: the step that ended it and its reply.
async fn tell(talk: &mut Talk, to: &str, due: &str) -> String {
    let body = format!("{}\r\n.", content(ID));
    let steps = [
        ("MAIL", "MAIL FROM:<b@school.test>".to_owned(), "250"),
        ("RCPT", format!("RCPT TO:<{to}>"), "250"),
        ("DATA", "DATA".to_owned(), "354"),
        ("end of DATA", body, "none"),
    ];
    for (step, line, goes_on) in steps {
        talk.send(&format!("{line}\r\n")).await;
        let heard = if due.starts_with(step) { hear(talk, due).await } else { talk.reply().await };
        if heard.starts_with(goes_on) {
            continue;
        }
        // The next mail begins from the start; a refused MAIL leaves nothing to reset.
        if step == "RCPT" && heard.starts_with(['4', '5']) && !heard.starts_with("421") {
            talk.say("RSET").await;
        }
        return format!("{step} {heard}");
    }
    "nothing".to_owned()
}

#[tokio::test]
async fn every_request_is_answered_as_the_pure_model_answers_it() {
    let people = ["taro@a.test", "hana@a.test", "jiro@a.test", "unknown.x@a.test"];
    for (name, behaviour) in BEHAVIOURS {
        let mut pair = Pair::of(&scenario(behaviour)).await;
        let mut chance = Chance::seeded(SEED);
        let mut pick = |bound: usize| usize::try_from(chance.below(u64::try_from(bound).unwrap())).unwrap();
        for step in 0..STEPS {
            let (due, heard) = match pick(10) {
                0 | 1 => pair.connect(pick(3)).await,
                2 if !pair.sessions.is_empty() => {
                    pair.close(pick(pair.sessions.len())).await;
                    continue;
                }
                3 | 4 => {
                    pair.clock.advance(Duration::from_millis(u64::try_from(pick(6_000)).unwrap()));
                    continue;
                }
                _ if pair.sessions.is_empty() => pair.connect(pick(3)).await,
                _ => pair.mail(pick(pair.sessions.len()), people[pick(people.len())]).await,
            };
            assert_eq!(heard, due, "{name}: request {step}");
        }
        let report = pair.world.carrier("test").hidden_report().unwrap();
        assert_eq!(report.total, pair.model.total(), "{name}");
        assert_eq!(pair.world.carrier("test").bans(), report.total.bans, "{name}");
    }
}

#[tokio::test]
async fn an_address_outside_the_scenario_is_turned_away() {
    let world = World::start(WorldPlan::from_scenario(&scenario(""), SEED).unwrap()).await.unwrap();
    let (_, greeting) = Talk::greeted(Ipv4Addr::LOCALHOST, world.carrier("test").address()).await;
    assert_eq!(greeting, "554 5.7.1 127.0.0.1 is none of the sources of this scenario");
}

#[test]
fn each_netblock_is_a_network_of_its_own() {
    let addresses = source_addresses(&scenario("")).unwrap();
    assert_eq!(addresses, [[127, 1, 0, 1], [127, 1, 0, 2], [127, 1, 1, 1]].map(Ipv4Addr::from));
    let crowd = Scenario::parse(
        "x.toml",
        "title = \"x\"\nabout = \"x\"\nsources = [{ name = \"a\", count = 255 }]\nwaves = [{ carrier = \"test\", mails = 1 }]\n\
         [[carriers]]\nname = \"test\"\n[[carriers.periods]]",
    );
    assert!(source_addresses(&crowd.unwrap()).is_err());
}

#[test]
fn a_shrunk_scenario_has_fewer_mails_and_the_same_carriers() {
    let large = scenario(
        "limits = [{ kind = \"rate\", per_min = 60 }]\n[[carriers.periods]]\nfrom_s = 7\n[[carriers.periods]]\nfrom_s = 9\n[[carriers.periods]]\nfrom_s = 40",
    );
    let small = shrunk(&large, 10);
    assert_eq!(small.waves[0].mails, 1);
    let begins: Vec<u64> = small.carriers[0].periods.iter().map(|period| period.from_s).collect();
    assert_eq!(begins, [0, 4], "what falls into one second is one period");
    assert_eq!(small.carriers[0].periods[1].limits, large.carriers[0].periods[3].limits);
}
