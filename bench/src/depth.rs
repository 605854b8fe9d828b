//! What a million waiting notifications cost: taking them in, memory, sending beside them, starting again.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clock::Clock;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::engine::Engine;
use crate::http::Http;
use crate::http_load::{one_call, until_finished};
use crate::intake;
use crate::machine::facts;
use crate::machine::load_average;
use crate::mails::{CARRIERS, Load};
use crate::measure::{Figures, Run};
use crate::procfs::status_kib;
use crate::report::{median, print, progress, record, round};
use crate::sink_process::SinkProcess;

/// After a large intake, until memory and compactions are at rest.
const SETTLE: Duration = Duration::from_secs(5);
const STALL: Duration = Duration::from_secs(60);
/// The carrier whose mail waits; the measured campaigns go to the others.
const HELD: usize = 0;

/// What is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Notifications that wait.
    pub waiting: u32,
    /// Mails of one measured campaign.
    pub mails: u32,
    /// Bytes of one mail.
    pub mail_bytes: usize,
    /// Measured campaigns for each engine.
    pub rounds: u32,
    /// Where the queues are.
    pub dir: PathBuf,
    /// Where the line of JSON goes; nowhere when `None`.
    pub record: Option<PathBuf>,
}

/// Three engines that live at the same time and send in turn, so that the machine's moods hit all of them.
struct Engines {
    sink: SinkProcess,
    empty: Engine,
    /// Holds mail that is due at a suspended carrier.
    held: Engine,
    /// Holds mail that is not due until tomorrow, in the lanes that send.
    later: Engine,
    sent: u32,
}

/// Runs everything, prints what came out, keeps the record.
///
/// # Errors
/// When an engine does not start or refuses a call.
pub async fn run(plan: &Plan) -> Result<()> {
    let facts = facts(&plan.dir);
    print(&facts.to_string());
    progress("intake at the queue");
    let queue_rates = intake::queue_rates(&plan.dir, plan.waiting, plan.rounds).await?;
    progress(&format!("queue: {queue_rates:?} notifications/s, load {:?}", load_average()));
    let sink = SinkProcess::start().await?;
    let port = sink.port();
    let addresses_only = intake_without_names(plan, port).await?;
    let mut engines = Engines {
        empty: Engine::start(&plan.dir, port).await?,
        held: Engine::start(&plan.dir, port).await?,
        later: Engine::start(&plan.dir, port).await?,
        sink,
        sent: 0,
    };
    let intake = fill(plan, &engines).await?;
    let speeds = speeds(plan, &mut engines).await?;
    let rss_mib = memory_mib(engines.held.pid(), "VmRSS:");
    let restart = restart(plan, &mut engines).await?;
    let line = json!({
        "bench": "queue",
        "machine": facts,
        "waiting": plan.waiting,
        "mails": plan.mails,
        "mail_bytes": plan.mail_bytes,
        "rounds": plan.rounds,
        "intake_queue_per_s": round(median(queue_rates)),
        "intake_http_addresses_only": addresses_only,
        "intake_http_with_names": intake,
        "sending": speeds,
        "rss_after_sending_mib": rss_mib,
        "restart": restart,
    });
    print_summary(&line);
    if let Some(path) = &plan.record {
        record(path, &line)?;
        print(&format!("recorded in {}", path.display()));
    }
    Ok(())
}

fn print_summary(line: &Value) {
    let shown = |name: &str, path: &str| print(&format!("{name:<42}{}", line.pointer(path).unwrap_or(&Value::Null)));
    print("");
    shown("taken in, queue alone, notifications/s", "/intake_queue_per_s");
    shown("taken in, HTTP, addresses only", "/intake_http_addresses_only/per_s");
    shown("taken in, HTTP, with names", "/intake_http_with_names/per_s");
    shown("  memory before, MiB", "/intake_http_with_names/rss_before_mib");
    shown("  memory at most, meanwhile", "/intake_http_with_names/rss_peak_mib");
    shown("  memory with all of it queued", "/intake_http_with_names/rss_after_mib");
    for (name, place) in [("nothing else queued", "empty"), ("beside due mail of a held carrier", "held")] {
        shown(&format!("mails/s, {name}"), &format!("/sending/{place}/mails_per_s"));
    }
    shown("mails/s, beside mail due tomorrow", "/sending/later/mails_per_s");
    shown("  of the speed with nothing queued: held", "/sending/held/of_empty");
    shown("  of the speed with nothing queued: tomorrow", "/sending/later/of_empty");
    shown("memory after sending, MiB", "/rss_after_sending_mib");
    shown("kill -9, then the first mail after, s", "/restart/first_mail_s");
    shown("  and from then on, mails/s", "/restart/mails_per_s_from_the_first");
    shown("  memory, MiB", "/restart/rss_mib");
}

async fn intake_without_names(plan: &Plan, port: u16) -> Result<Value> {
    let mut engine = Engine::start(&plan.dir, port).await?;
    suspend(&engine).await?;
    let figures = take_in(&engine, &waiting(plan, HELD, 1).one_call("waiting", "", false), plan.waiting).await?;
    engine.kill().await?;
    Ok(figures)
}

fn waiting(plan: &Plan, carriers_from: usize, carriers: usize) -> Load {
    // Numbers far from those of the measured campaigns.
    Load { first: 1_000_000_000, carriers_from, carriers, ..Load::of(plan.waiting, plan.mail_bytes) }
}

async fn suspend(engine: &Engine) -> Result<()> {
    let call = json!({ "carrier": CARRIERS[HELD].0, "reason": "bench", "duration": "6h" });
    let path = "/engine/api/admin/suspend/v1";
    Http::connect(engine.address()).await?.post(path, call.to_string().as_bytes()).await?.json()?;
    Ok(())
}

/// Fills two engines; the figures are those of the first.
async fn fill(plan: &Plan, engines: &Engines) -> Result<Value> {
    suspend(&engines.held).await?;
    let body = waiting(plan, HELD, 1).one_call("waiting", "", true);
    let figures = take_in(&engines.held, &body, plan.waiting).await?;
    let tomorrow = Clock::system().unix().0 + 86_400_000;
    let tomorrow = jiff::Timestamp::from_millisecond(i64::try_from(tomorrow)?)?;
    let extra = format!("\"not_before\":\"{tomorrow}\",");
    let body = waiting(plan, HELD + 1, CARRIERS.len() - 1).one_call("waiting", &extra, true);
    take_in(&engines.later, &body, plan.waiting).await?;
    Ok(figures)
}

async fn take_in(engine: &Engine, body: &[u8], count: u32) -> Result<Value> {
    let before = memory_mib(engine.pid(), "VmRSS:");
    let cpu = crate::procfs::cpu_of(engine.pid());
    let clock = Clock::system();
    let began = clock.mono();
    one_call(engine.address(), body).await?;
    let seconds = clock.mono().since(began).as_secs_f64();
    let cpu = crate::procfs::cpu_of(engine.pid()) - cpu;
    let peak = memory_mib(engine.pid(), "VmHWM:");
    sleep(SETTLE).await;
    let figures = json!({
        "per_s": round(f64::from(count) / seconds),
        "seconds": round(seconds),
        "cpu_s": round(cpu),
        "body_mib": round(body.len() as f64 / f64::from(1 << 20)),
        "rss_before_mib": before,
        "rss_peak_mib": peak,
        "rss_after_mib": memory_mib(engine.pid(), "VmRSS:"),
        "load": load_average(),
    });
    progress(&figures.to_string());
    Ok(figures)
}

fn memory_mib(pid: u32, line: &str) -> f64 {
    round(status_kib(pid, line).unwrap_or(0) as f64 / 1_024.0)
}

async fn speeds(plan: &Plan, engines: &mut Engines) -> Result<Value> {
    let mut runs: [Vec<Figures>; 3] = Default::default();
    // The first campaign of each opens sessions and files; it is not counted.
    for round in 0..=plan.rounds {
        for (place, runs) in runs.iter_mut().enumerate() {
            let figures = campaign(plan, engines, place).await?;
            progress(&format!("round {round}, engine {place}: {}", serde_json::to_string(&figures)?));
            if figures.lost + figures.duplicates > 0 {
                bail!("mail was lost or came twice: {figures:?}");
            }
            if round > 0 {
                runs.push(figures);
            }
        }
    }
    let of = |place: usize, figure: fn(&Figures) -> f64| median(runs[place].iter().map(figure));
    let shown = |place: usize| {
        json!({
            "mails_per_s": round(of(place, |f| f.mails_per_s)),
            "cpu_s_per_1000": round(of(place, |f| f.cpu_s_per_1000)),
            "of_empty": round(of(place, |f| f.mails_per_s) / of(0, |f| f.mails_per_s)),
        })
    };
    Ok(json!({ "empty": shown(0), "held": shown(1), "later": shown(2), "runs": runs }))
}

async fn campaign(plan: &Plan, engines: &mut Engines, place: usize) -> Result<Figures> {
    let all = Load { carriers_from: HELD + 1, carriers: CARRIERS.len() - 1, ..Load::of(plan.mails, plan.mail_bytes) };
    let load = Load { first: engines.sent, ..all };
    engines.sent += plan.mails;
    let engine = [&engines.empty, &engines.held, &engines.later][place];
    let name = format!("measured-{}", load.first);
    let body = load.one_call(&name, "", true);
    let mut run = Run::begin(engine.pid(), engines.sink.pid());
    one_call(engine.address(), &body).await?;
    run.accepted();
    run.delivered(&mut engines.sink, engines.sent.into()).await?;
    until_finished(engine.address(), &name).await?;
    run.finish(&mut engines.sink, &Load { count: engines.sent, ..all }, plan.mails).await
}

/// Kills the engine with the held mail and starts it again without the suspension: everything is due at once.
async fn restart(plan: &Plan, engines: &mut Engines) -> Result<Value> {
    engines.held.kill().await?;
    engines.held.forget_suspensions()?;
    let clock = Clock::system();
    let held_before = u64::from(engines.sent);
    let wanted = u64::from(plan.mails.min(plan.waiting));
    let began = clock.unix();
    engines.held.launch()?;
    let first = engines.sink.wait(held_before + 1, STALL).await?;
    let many = engines.sink.wait(held_before + wanted, STALL).await?;
    if many.copies < held_before + wanted {
        bail!("after the restart {} of {wanted} mails came", many.copies.saturating_sub(held_before));
    }
    engines.held.until_live().await?;
    let rss = memory_mib(engines.held.pid(), "VmRSS:");
    engines.held.kill().await.context("the end of the restarted engine")?;
    let seconds = |at_ms: u64| at_ms.saturating_sub(began.0) as f64 / 1_000.0;
    let (first_s, many_s) = (seconds(first.at_ms), seconds(many.at_ms));
    Ok(json!({
        "after": "kill -9",
        "first_mail_s": round(first_s),
        "mails_per_s_from_the_first": round(wanted as f64 / (many_s - first_s).max(0.001)),
        "rss_mib": rss,
        "load": load_average(),
    }))
}
