//! A scenario played live: its carriers behind sockets on this machine, their limits told to nobody.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use engine_config::EngineConfig;
use mail_model::{MessageId, NotificationId, UnixMs};
use scenario::{Scenario, oracle};
use serde_json::{Value, json};
use testkit::{
    Drain, EngineSettings, Intent, LedgerLine, Reconciliation, StagedScore, WaveCall, World, WorldPlan, shrunk,
    wave_calls,
};

use crate::cli::DemoArgs;
use crate::client::Client;
use crate::demo;
use crate::progress::{self, Totals};
use crate::serve::{self, Running, StopSignals};

const CAMPAIGN: &str = "scenario";

pub(crate) async fn run(args: &DemoArgs, file: &Path) -> Result<ExitCode> {
    telemetry::init_logging("error", true).context("logging")?;
    let mut stop = StopSignals::new()?;
    let scenario = shrunk(&Scenario::read(file)?, args.shrink);
    say_what_is_played(&scenario, args.shrink);
    let data = demo::data_dir(args.data.as_deref())?;
    let world = World::start(WorldPlan::from_scenario(&scenario, args.seed)?).await?;
    let running = serve::start(config(&world, &scenario, &data, &args.listen)?).await?;
    let client = Client::to(&format!("http://{}", running.address), None)?;

    world.begin_scenario();
    let begun = world.unix();
    let waves = wave_calls(&scenario, args.seed, CAMPAIGN, begun)?;
    let intents = inject(&client, &waves).await?;
    let horizon = Duration::from_secs(scenario.horizon_s);
    let totals = totals(&scenario);
    let watched = tokio::select! {
        watched = tokio::time::timeout(horizon, progress::watch(&client, CAMPAIGN, &totals, |_| {})) => watched,
        () = stop.wait() => bail!("ended before all was answered"),
    };
    match watched {
        Ok(state) => progress::print_causes(&state?),
        Err(_) => println!("\nnot all was answered within the scenario's {} s", scenario.horizon_s),
    }

    let drain = if watched_all(&client).await? { Drain::Done } else { Drain::UnderWay };
    let found = reconcile(&running, &world, intents, drain);
    let score = score(&scenario, &world, &running, begun);
    println!("\n{score}");
    print_carriers(&world);
    if !found.is_clean() {
        println!("\n{found}");
    }
    let exits = !matches!(args.exit.as_str(), "" | "0" | "false");
    if !exits {
        println!("\nThe engine stays at http://{} for you to look at. Ctrl-C ends it.", running.address);
        stop.wait().await;
    }
    running.stop().await;
    if exits {
        println!("{}", summary(&scenario, &score, &found));
    }
    Ok(if found.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn say_what_is_played(scenario: &Scenario, shrink: u64) {
    eprintln!("{}: {}", scenario.name, scenario.title);
    let least = oracle::time_to_share(scenario, 1.0);
    let part = if shrink > 1 { format!(" (one in {shrink})") } else { String::new() };
    eprintln!(
        "{} mails{part} from {} sources; a sender who knows every limit needs {least:.0} s. Nothing leaves this machine.",
        scenario.mails(),
        scenario.sources.len(),
    );
    // Sockets run in real time, and one engine has all sources.
    if scenario.learned || scenario.nodes > 1 {
        eprintln!(
            "Played by one engine that knows nothing yet; what the scenario says of nodes and memory is for the simulator."
        );
    }
}

fn config(world: &World, scenario: &Scenario, data: &Path, listen: &str) -> Result<EngineConfig> {
    let settings = EngineSettings::for_scenario(world, scenario)?;
    let listen = listen.parse().with_context(|| format!("--listen {listen:?}: give an address and a port"))?;
    let path = data.join("todoke.toml");
    std::fs::write(&path, settings.to_toml(listen)).with_context(|| format!("cannot write {}", path.display()))?;
    EngineConfig::load(&path).map_err(|faults| anyhow::anyhow!("{faults}"))
}

async fn inject(client: &Client, waves: &[WaveCall]) -> Result<Vec<Intent>> {
    let mut intents = Vec::new();
    for wave in waves {
        let answer = client.post("/engine/api/inject/v1", &wave.call).await?;
        let message: MessageId = answer["message_id"].as_str().context("the engine gave no message id")?.parse()?;
        let intent = |(index, guardian): (u32, &testkit::Guardian)| {
            Intent::new(NotificationId { message, index }, &guardian.email)
        };
        intents.extend((0..).zip(&wave.guardians).map(intent));
    }
    Ok(intents)
}

fn totals(scenario: &Scenario) -> Totals {
    let mut totals = Totals::new();
    for wave in &scenario.waves {
        *totals.entry(scenario.carriers[wave.carrier].name.to_string()).or_default() += wave.mails;
    }
    totals
}

async fn watched_all(client: &Client) -> Result<bool> {
    let state = client.get(&format!("/engine/api/campaigns/v1/{CAMPAIGN}")).await?;
    Ok(testkit::is_finished(&state))
}

fn reconcile(running: &Running, world: &World, intents: Vec<Intent>, drain: Drain) -> Reconciliation {
    let line =
        |r: queue::AttemptRecord| LedgerLine { id: r.id, attempt: r.attempt, outcome: r.outcome, in_doubt: r.in_doubt };
    testkit::reconcile(intents, demo::ledger(running).map(line), &world.snapshot(), drain)
}

fn score(scenario: &Scenario, world: &World, running: &Running, begun: UnixMs) -> StagedScore {
    let finals = demo::ledger(running).filter(|record| record.outcome.is_final());
    let seconds = finals.map(|record| record.at.0.saturating_sub(begun.0) as f64 / 1_000.0).collect();
    StagedScore::of(scenario, world.hidden_total(), seconds)
}

fn print_carriers(world: &World) {
    println!("\n{:>12} {:>9} {:>9} {:>9} {:>5}", "carrier", "accepted", "refused", "crossings", "bans");
    for carrier in world.carriers() {
        let Some(report) = carrier.hidden_report() else { continue };
        let counts = report.total;
        let refused = (counts.mails_asked + counts.connections_turned_away).saturating_sub(counts.accepted);
        println!(
            "{:>12} {:>9} {refused:>9} {:>9} {:>5}",
            carrier.name().as_str(),
            counts.accepted,
            counts.crossings,
            counts.bans
        );
    }
}

fn summary(scenario: &Scenario, score: &StagedScore, found: &Reconciliation) -> Value {
    json!({
        "scenario": scenario.name,
        "mails": score.mails,
        "accepted": found.accepted,
        "lost": found.lost.len(),
        "duplicates_avoidable": found.duplicates_avoidable.len(),
        "crossings": score.counts.crossings,
        "crossings_per_10000": score.crossings_per_10_000(),
        "bans": score.counts.bans,
        "seconds_to_99": score.seconds,
        "seconds_to_99_oracle": score.oracle_s,
        "ratio": score.ratio(),
    })
}
