//! What a file may say, and what it is told when it says it wrongly.

use mail_model::{Class, Stage};

use crate::behaviour::{How, LimitKind, Of, Per, Rebuff};
use crate::fault::ReadError;
use crate::words::Style;
use crate::world::Scenario;

const SMALL: &str = r#"
title = "One wave"
about = "The least that a file must say."
[[sources]]
name = "tokyo"
count = 3
[[waves]]
carrier = "docomo"
mails = 100
[[carriers]]
name = "docomo"
[[carriers.periods]]
"#;

fn faults(text: &str) -> Vec<String> {
    match Scenario::parse("dir/x.toml", text) {
        Err(ReadError::Faults(faults)) => faults.iter().map(ToString::to_string).collect(),
        Err(other) => panic!("{other}"),
        Ok(scenario) => panic!("nothing was found wrong: {scenario:?}"),
    }
}

#[test]
fn the_least_file_has_every_default() {
    let world = Scenario::parse("dir/x.toml", SMALL).unwrap();
    assert_eq!((world.name.as_str(), world.horizon_s, world.start_of_day_s), ("x", 7_200, 36_000));
    assert_eq!((world.nodes, world.learned, world.bans_expected, world.time_judged), (1, false, false, true));
    let names: Vec<&str> = world.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["tokyo-1", "tokyo-2", "tokyo-3"]);
    assert_eq!((world.netblocks(), world.groups[0].days), (vec!["tokyo"], 365.0));
    let wave = &world.waves[0];
    assert_eq!((wave.at_s, wave.carrier, wave.class, wave.not_after_s), (0, 0, Class::Normal, None));
    let carrier = &world.carriers[0];
    assert_eq!((carrier.domain.as_str(), carrier.style), ("docomo.ne.jp", Style::Docomo));
    assert_eq!(carrier.periods.len(), 1);
    assert_eq!(carrier.periods[0].latency.mail_ms, 120);
}

#[test]
fn a_period_repeats_only_what_changes() {
    let text = format!(
        "{SMALL}\nlatency = {{ mail_ms = 900 }}\nlimits = [{{ kind = \"rate\", per_min = 60 }}]\nban = {{ after = 1, for_s = 60 }}\n\
         [[carriers.periods]]\nfrom_s = 60\nban = \"none\"\nlimits = [{{ kind = \"sessions\", most = 2, over = {{ how = \"refuse\" }} }}]"
    );
    let world = Scenario::parse("x.toml", &text).unwrap();
    let [first, second] = &world.carriers[0].periods[..] else { panic!("two periods were written") };
    assert_eq!((first.latency, second.from_s), (second.latency, 60));
    assert!(first.ban.is_some() && second.ban.is_none());
    assert_eq!(first.limits[0].kind, LimitKind::Rate { of: Of::Mails, per_min: 60.0, burst: 1.0 });
    let words = "421 Service not available, closing transmission channel".to_owned();
    assert_eq!(first.limits[0].over, Rebuff { how: How::Reply { text: words, closes: true }, at: Stage::Mail });
    assert_eq!(second.limits[0].over, Rebuff { how: How::Refuse, at: Stage::Greeting });
    assert_eq!(second.limits[0].per, Per::Source);
    assert_eq!((world.carriers[0].period_at(59).from_s, world.carriers[0].period_at(60).from_s), (0, 60));
}

#[test]
fn all_faults_come_at_once_each_with_its_line_and_remedy() {
    let text = r#"
title = "x"
nodes = 3
start_time = "25:00"
[[sources]]
nam = "tokyo"
[[waves]]
carrier = "nobody"
mails = 1.5
class = "urgent"
[[carriers]]
name = "docomo"
[[carriers.periods]]
limits = [{ kind = "rate", permin = 5 }]
ban = { after = 1, for_s = 60, says = { say = "250 fine" } }
[[carriers.periods]]
from_s = 0
"#;
    let found = faults(text);
    let expected = [
        "dir/x.toml:1: about: is missing; write about = \"…\"",
        "dir/x.toml:3: nodes: 3 is out of bounds; write a number of engines from 1 to 2",
        "dir/x.toml:4: start_time: 25:00 is no time of day; write it like \"07:55:00\"",
        "dir/x.toml:5: sources.1.name: is missing; write name = \"…\"",
        "dir/x.toml:6: sources.1.nam: this key is not known; did you mean name?",
        "dir/x.toml:8: waves.1.carrier: nobody is not known; write one of: docomo",
        "dir/x.toml:9: waves.1.mails: this is a number with a fraction; write a whole number",
        "dir/x.toml:10: waves.1.class: urgent is not known; write one of: transactional, emergency, normal",
        "dir/x.toml:14: carriers.1.periods.1.limits.1.per_min: is missing; write per_min = a number of a minute from 0.01 \
         to 10000000",
        "dir/x.toml:14: carriers.1.periods.1.limits.1.permin: this key is not known; did you mean per_min?",
        "dir/x.toml:15: carriers.1.periods.1.ban.says.say: this is no refusal; begin with a code from 400 to 599; only \
         {source} and {address} are filled in",
        "dir/x.toml:16: carriers.1.periods.2.from_s: this period begins before the one above it; put the periods in order \
         of from_s",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_contradiction_is_refused_where_it_stands() {
    let table = [
        ("session_idle_s = \"no\"", "session_idle_s: this is a value of type string"),
        (
            "limits = [{ kind = \"sessions\", most = 1, over = { at = \"mail\" } }]",
            "never told at that step; write one of: greeting",
        ),
        (
            "limits = [{ kind = \"rate\", per_min = 1, over = { how = \"refuse\", at = \"mail\" } }]",
            "a connection is refused before",
        ),
        ("limits = [{ kind = \"sessions\", most = 1, growth = { to = 2 } }]", "growth: this key is not known"),
        (
            "limits = [{ kind = \"rate\", per_min = 1, over = { code = 450, say = \"421 x\" } }]",
            "contradict each other",
        ),
        ("greylist = { delay_s = 60, window_s = 60 }", "the window ends before the delay"),
        ("full_hour = {}", "the span has no length"),
        ("listed = { sources = [\"kyoto\"] }", "there is no source kyoto"),
        ("from_s = 5", "nothing is said about the time before"),
        ("door = 5", "door: this is a value of type integer"),
        ("[[carriers]]\nname = \"docomo\"", "there are two carriers named docomo"),
        ("[[sources]]\nname = \"tokyo\"", "there are two groups named tokyo"),
        ("limits = [", "write TOML"),
    ];
    for (lines, complaint) in table {
        let found = faults(&format!("{SMALL}{lines}\n"));
        assert!(found.iter().any(|fault| fault.contains(complaint)), "{lines}: {found:#?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let why = Scenario::read(std::path::Path::new("no/such/file.toml")).unwrap_err().to_string();
    assert!(why.starts_with("no/such/file.toml: "), "{why}");
}
