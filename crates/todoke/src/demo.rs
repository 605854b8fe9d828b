//! A ward's notice to ten scripted carriers on this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use carriers::Directory;
use clock::Clock;
use engine_config::EngineConfig;
use mail_model::{MessageId, MonoUs, NotificationId};
use queue::AttemptRecord;
use serde_json::{Map, Value, json};
use testkit::{Drain, Guardian, Intent, LedgerLine, Reconciliation, World};

use crate::cli::DemoArgs;
use crate::client::Client;
use crate::estimate;
use crate::list::Row;
use crate::progress::{self, Totals};
use crate::rehearsed::Rehearsed;
use crate::send::inject_body;
use crate::serve::{self, Running, StopSignals};

const CAMPAIGN: &str = "typhoon-closure";

/// A demo's config gives each path most of what the preset carriers allow, so that it is over in half a minute.
const CONFIG: &str = include_str!("demo.toml");

pub(crate) async fn run(args: DemoArgs) -> Result<ExitCode> {
    telemetry::init_logging("error", true).context("logging")?;
    let mut stop = StopSignals::new()?;
    let clock = Clock::system();
    let data = data_dir(args.data.as_deref())?;
    eprintln!("Ten carriers, a name server and the engine start on loopback; nothing leaves this machine.");
    let world = World::start(testkit::demo_world(args.seed)).await?;
    let config = config(&world, &data, &args.listen)?;
    let directory = Directory::new(config.carriers.clone());
    let running = serve::start(config).await?;
    let client = Client::to(&format!("http://{}", running.address), None)?;

    let guardians: Vec<Guardian> = testkit::population(u64::from(args.contacts), args.seed).collect();
    let totals = totals(&directory, &guardians);
    let before = estimate::ask(&client, &json!({ "class": "emergency" }), guardians.iter().map(|g| &g.email)).await?;
    eprint!("\nThe engine's estimate before it sends:\n{}\n", estimate::table(&before));
    let mut rehearsed = Rehearsed::new(before);
    let clicked = clock.mono();
    let answer = client.post_stream("/engine/api/inject/v1", request(&guardians)).await?;
    let accepted_after = clock.mono().since(clicked);
    eprintln!(
        "{} notifications are on disk after {:.2} s. Eight source addresses send:",
        args.contacts,
        accepted_after.as_secs_f64()
    );
    let state = progress::watch(&client, CAMPAIGN, &totals, |state| rehearsed.look(state)).await?;
    let through_after = clock.mono().since(clicked);

    let csv = data.join("bounces.csv");
    client.download(&format!("/engine/api/campaigns/v1/{CAMPAIGN}/bounces.csv"), &csv).await?;
    let message = answer["message_id"].as_str().context("the engine gave no message id")?.parse()?;
    let found = reconcile(&running, &world, message, &guardians);
    progress::print_causes(&state);
    let clicks = clicks(&running, message, clicked, &clock);
    print!("{}", rehearsed.lines(at_percent(&clicks, 95)));
    print_places(&running, &csv, &data);
    if !found.is_clean() {
        println!("\n{found}");
    }
    let exits = !matches!(args.exit.as_str(), "" | "0" | "false");
    if !exits {
        println!("\nThe engine stays for you to look at. Ctrl-C ends it.");
        stop.wait().await;
    }
    let mut summary = summary(&found, &world, accepted_after, &clicks, through_after);
    summary["estimate"] = rehearsed.summary(at_percent(&clicks, 95));
    running.stop().await;
    if exits {
        println!("{summary}");
    }
    Ok(if found.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) fn data_dir(given: Option<&Path>) -> Result<PathBuf> {
    let dir = match given {
        Some(dir) => dir.to_owned(),
        None => std::env::temp_dir().join(format!("todoke-demo-{}", std::process::id())),
    };
    if dir.join("queue").exists() {
        bail!("{} holds a queue already; give the demo a new folder with --data", dir.display());
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

fn config(world: &World, data: &Path, listen: &str) -> Result<EngineConfig> {
    let text = CONFIG
        .replace("@data_dir@", &data.display().to_string())
        .replace("@listen@", listen)
        .replace("@dns@", &world.dns().address().to_string())
        .replace("@smtp_port@", &world.port().to_string());
    EngineConfig::from_toml(&text, "the demo's configuration").map_err(|faults| anyhow::anyhow!("{faults}"))
}

fn request(guardians: &[Guardian]) -> reqwest::Body {
    let head = json!({
        "envelope_sender": "bounce@notice.koto.example.jp",
        "campaign": CAMPAIGN,
        "tenant": "board-of-education",
        "class": "emergency",
        "content": {
            "from": { "email": "notice@notice.koto.example.jp", "name": "教育委員会" },
            "subject": "【緊急】台風接近に伴う臨時休校のお知らせ",
            "text_body": "{{ name }} 様\n\n台風の接近に伴い、本日は{{ school }}を臨時休校とします。\n\
                          お子様を登校させないでください。明日以降については、改めてお知らせします。\n",
        },
    });
    let row = |g: &Guardian| Row {
        email: g.email.clone(),
        name: Some(g.name.clone()),
        columns: Map::from_iter([("name".into(), g.name.clone().into()), ("school".into(), g.school.into())]),
    };
    inject_body(&head, guardians.iter().map(row).collect())
}

fn totals(directory: &Directory, guardians: &[Guardian]) -> Totals {
    let mut totals = Totals::new();
    for guardian in guardians {
        *totals.entry(directory.lane_site(guardian.email.domain()).0.as_str().to_owned()).or_default() += 1;
    }
    totals
}

/// Every settled attempt, read from the outbox page by page.
pub(crate) fn ledger(running: &Running) -> impl Iterator<Item = AttemptRecord> + '_ {
    const PAGE: usize = 10_000;
    let mut from = 0;
    std::iter::from_fn(move || {
        let page = running.queue.outbox(from, PAGE);
        from = page.last()?.seq + 1;
        Some(page)
    })
    .flatten()
}

fn reconcile(running: &Running, world: &World, message: MessageId, guardians: &[Guardian]) -> Reconciliation {
    let intent = |(index, g): (u32, &Guardian)| Intent::new(NotificationId { message, index }, &g.email);
    let intents = (0..).zip(guardians).map(intent);
    let ledger =
        ledger(running).map(|r| LedgerLine { id: r.id, attempt: r.attempt, outcome: r.outcome, in_doubt: r.in_doubt });
    testkit::reconcile(intents, ledger, &world.snapshot(), Drain::Done)
}

/// Seconds from the click until each accepted notification was handed over, ascending.
fn clicks(running: &Running, message: MessageId, clicked: MonoUs, clock: &Clock) -> Vec<f64> {
    let since_click_ms = clock.mono().since(clicked).as_millis();
    let click_unix_ms = u128::from(clock.unix().0).saturating_sub(since_click_ms);
    let after = |r: AttemptRecord| u128::from(r.at.0).saturating_sub(click_unix_ms) as f64 / 1_000.0;
    let accepted = ledger(running).filter(|r| r.id.message == message && r.outcome == mail_model::Outcome::Accepted);
    let mut seconds: Vec<f64> = accepted.map(after).collect();
    seconds.sort_by(f64::total_cmp);
    seconds
}

fn at_percent(seconds: &[f64], percent: usize) -> Option<f64> {
    seconds.get((seconds.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

fn summary(
    found: &Reconciliation,
    world: &World,
    accepted_after: Duration,
    seconds: &[f64],
    through_after: Duration,
) -> Value {
    let by_cause = |causes: &BTreeMap<mail_model::Cause, usize>| -> Map<String, Value> {
        causes.iter().map(|(cause, count)| (cause.id().to_owned(), (*count).into())).collect()
    };
    let sources: usize = found.source_count();
    let carriers: Map<String, Value> = world
        .names()
        .iter()
        .map(|n| (n.to_string(), found.by_carrier.get(n.as_str()).map(|c| c.copies).into()))
        .collect();
    json!({
        "recipients": found.recipients,
        "accepted": found.accepted,
        "failed": by_cause(&found.failed),
        "deferred": found.deferred.values().sum::<usize>() + found.queued,
        "expired": found.expired.values().sum::<usize>(),
        "withheld": found.withheld,
        "lost": found.lost.len(),
        "duplicates_avoidable": found.duplicates_avoidable.len(),
        "duplicates_in_doubt": found.duplicates_in_doubt.len(),
        "phantoms": found.phantoms.len(),
        "seconds_to_accept": accepted_after.as_secs_f64(),
        "seconds_p50": at_percent(seconds, 50),
        "seconds_p95": at_percent(seconds, 95),
        "seconds_p99": at_percent(seconds, 99),
        "seconds_all": through_after.as_secs_f64(),
        "sources_used": sources,
        "carriers": carriers,
    })
}

fn print_places(running: &Running, csv: &Path, data: &Path) {
    println!("\nbounce report  {}", csv.display());
    println!("dashboard      http://{}/engine/dashboard/{CAMPAIGN}", running.address);
    println!("metrics        http://{}/metrics (Grafana: ops/grafana/todoke.json)", running.address);
    println!("queue          {}", data.join("queue").display());
}
