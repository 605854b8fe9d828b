//! What this crate writes for other crates of the engine, read by those crates.

use bounce::{ReportKind, classify_reply, read_report};
use engine_config::EngineConfig;
use mail_model::{CarrierName, Cause, Reply, Stage};
use scenario::Scenario;
use testkit::{
    DkimKey, EngineSettings, InboundSettings, PRESETS, ReportForm, Situation, Word, World, WorldPlan, preset,
};

#[test]
fn the_configuration_of_a_child_engine_has_no_fault() {
    let dns = "127.0.0.1:5353".parse().unwrap();
    let http = "127.0.0.1:8025".parse().unwrap();
    let generous = EngineSettings::new(dns, 2525);
    for settings in [generous.clone(), EngineSettings { overrides_profiles: false, sources: 1, ..generous }] {
        let config = EngineConfig::from_toml(&settings.to_toml(http), "/tmp/todoke.toml");
        let config = config.unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!((config.dns.smtp_port, config.dns.allow_private_addresses), (2525, true));
        assert_eq!(config.pools.sources.len(), usize::from(settings.sources));
    }
}

#[tokio::test]
async fn the_configuration_for_a_scenario_has_its_sources_and_beliefs_and_no_fault() {
    let text = r#"
        title = "x"
        about = "x"
        sources = [{ name = "old", count = 2 }, { name = "new", count = 1, netblock = "other", warmup_day = 3 }]
        waves = [{ carrier = "docomo", mails = 1 }, { carrier = "nobody_knows", mails = 1 }]
        [[carriers]]
        name = "docomo"
        profile = { rate_start_per_min = 12, retry_after_s = [5] }
        [[carriers.periods]]
        [[carriers]]
        name = "nobody_knows"
        [[carriers.periods]]"#;
    let scenario = Scenario::parse("x.toml", text).unwrap();
    let world = World::start(WorldPlan::from_scenario(&scenario, 1).unwrap()).await.unwrap();
    let settings = EngineSettings::for_scenario(&world, &scenario).unwrap();
    let text = settings.to_toml("127.0.0.1:8025".parse().unwrap());
    let config = EngineConfig::from_toml(&text, "/tmp/todoke.toml").unwrap_or_else(|faults| panic!("{faults}\n{text}"));
    let sources = config.pools.sources.iter();
    let known: Vec<_> = sources.map(|s| (s.name.to_string(), s.address.unwrap().to_string())).collect();
    let expected = [("old-1", "127.1.0.1"), ("old-2", "127.1.0.2"), ("new-1", "127.1.1.1")];
    assert_eq!(known, expected.map(|(name, address)| (name.to_owned(), address.to_owned())));
    let warming = config.pools.sources.iter().filter(|s| s.warmup_started.is_some()).count();
    assert_eq!(warming, 1);
    let docomo = config.carriers.profile(&CarrierName::new("docomo").unwrap());
    assert_eq!((docomo.rate_start_per_min, &docomo.retry_after_s[..]), (12.0, &[5][..]));
    assert!(config.carriers.profiles.contains_key(&CarrierName::new("nobody_knows").unwrap()));
}

/// The stage at which a preset says the words of a situation, and the words with an address in them.
fn spoken(carrier: &str, situation: Situation, usual: Stage) -> Option<(Stage, Reply)> {
    let plan = preset(carrier)?;
    let (say, stage) = match plan.script.words.get(&situation)? {
        Word::Say(say) => (say.clone(), usual),
        Word::SayAt { say, at } => (say.clone(), at.stage()),
    };
    let filled =
        say.replace("{address}", "taro@docomo.ne.jp").replace("{serial}", "00A").replace("{source}", "127.0.1.1");
    let (code, words) = filled.split_at(3);
    Some((stage, Reply::new(code.parse().ok()?, &words.trim_start().replace('\n', " "))))
}

#[test]
fn the_presets_words_mean_to_the_classifier_what_they_mean_here() {
    let table = [
        (Situation::Unknown, Stage::Rcpt, Cause::AddressUnknown),
        (Situation::Filtered, Stage::DataEnd, Cause::RecipientFiltered),
        (Situation::Full, Stage::Rcpt, Cause::MailboxFull),
        (Situation::Disabled, Stage::Rcpt, Cause::MailboxDisabled),
        (Situation::ContentRefused, Stage::DataEnd, Cause::ContentRejected),
    ];
    let mut wrong = Vec::new();
    for carrier in PRESETS {
        let name = CarrierName::new(carrier).unwrap();
        for (situation, usual, cause) in table {
            let Some((stage, reply)) = spoken(carrier, situation, usual) else { continue };
            let verdict = classify_reply(&reply, stage, &name);
            if verdict.cause != cause {
                wrong.push(format!(
                    "{carrier} {situation:?} at {stage}: {reply} = {} by {}",
                    verdict.cause, verdict.rule
                ));
            }
        }
        let busy = spoken(carrier, Situation::Busy, Stage::Rcpt);
        if let Some((stage, reply)) = busy {
            let verdict = classify_reply(&reply, stage, &name);
            if matches!(verdict.cause, Cause::RateLimited | Cause::SenderBlocked) {
                wrong.push(format!("{carrier}: {reply} slows the sender down, {} says so", verdict.rule));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_late_report_is_a_bounce_and_means_its_cause() {
    let mail = b"From: a@school.example\r\nMessage-ID: <1@node>\r\nSubject: notice\r\n\r\ntext\r\n";
    for form in ReportForm::ALL {
        let recipient = format!("taro@{}", form.domain());
        let report = read_report(&form.report(&recipient, "b+1@bounce.example", mail).content);
        assert_eq!(report.kind, ReportKind::Bounce, "{form:?}: {report:#?}");
        let [told] = &report.recipients[..] else { panic!("{form:?}: not one recipient: {report:#?}") };
        assert_eq!(told.cause.id(), form.cause(), "{form:?}: {report:#?}");
    }
}

#[test]
fn the_configuration_of_an_engine_that_hears_what_comes_back_has_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = EngineSettings::new("127.0.0.1:5353".parse().unwrap(), 2525);
    let mut inbound = InboundSettings::at("127.0.0.1:2526".parse().unwrap());
    inbound.starttls = true;
    settings.inbound = Some(inbound);
    settings.dkim_keys =
        vec![DkimKey::rsa("school.todoke.test", "r1").unwrap(), DkimKey::ed25519("school.todoke.test", "e1").unwrap()];
    settings.write_files(folder.path()).unwrap();
    let path = folder.path().join("todoke.toml");
    std::fs::write(&path, settings.to_toml("127.0.0.1:8025".parse().unwrap())).unwrap();
    let config = EngineConfig::load(&path).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(config.edges.returns.is_some() && config.edges.inbound.certificate.is_some());
    assert_eq!(config.edges.registration.map(|registration| registration.schools.len()), Some(1));
    assert_eq!(config.edges.dkim_keys.len(), 2);
}

#[tokio::test]
async fn every_scenario_of_the_simulator_can_be_played_with_sockets() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/simulation");
    let mut played = 0;
    for part in ["scenarios", "sockets"] {
        for file in std::fs::read_dir(folder.join(part)).unwrap() {
            let path = file.unwrap().path();
            let scenario = Scenario::read(&path).unwrap_or_else(|fault| panic!("{fault}"));
            let plan = WorldPlan::from_scenario(&scenario, 1).unwrap_or_else(|fault| panic!("{path:?}: {fault}"));
            let world = World::start(plan).await.unwrap_or_else(|fault| panic!("{path:?}: {fault}"));
            let settings = EngineSettings::for_scenario(&world, &scenario).unwrap();
            let text = settings.to_toml("127.0.0.1:8025".parse().unwrap());
            let config = EngineConfig::from_toml(&text, "/tmp/todoke.toml");
            let config = config.unwrap_or_else(|faults| panic!("{path:?}: {faults}"));
            assert_eq!(config.pools.sources.len(), scenario.sources.len());
            played += 1;
        }
    }
    assert!(played >= 31, "{played} files were found");
}
