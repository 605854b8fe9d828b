//! What ten thousand peers that never come to the point cost the engine: memory, CPU, and the speed of healthy carriers.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clock::Clock;
use serde_json::{Value, json};
use testkit::{EngineProcess, EngineSettings};
use tokio::time::sleep;

use crate::engine;
use crate::http_load::{one_call, until_finished};
use crate::machine::facts;
use crate::mails::{CARRIERS, FIRST_CARRIER, Load};
use crate::procfs::{cpu_of, pss_kib_of, status_kib};
use crate::report::{median, print, progress, record, round};
use crate::sink_process::SinkProcess;
use crate::tarpit::{Manner, Tarpit};

/// Sessions left for healthy carriers.
const SPARE_SESSIONS: u32 = 256;
/// Recipients at one domain; each domain is a site with connections of its own.
const RECIPIENTS_PER_DOMAIN: u32 = 20;
/// Until the allocator and the compactions are at rest.
const SETTLE: Duration = Duration::from_secs(3);
/// How long the sessions are watched while nothing happens.
const WATCH: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);
/// Looks without another session after which no more are expected. On a busy machine the tarpit's backlog overflows, and
/// TCP tries again after 1, 3, 7, 15 and 31 seconds.
const STALLED_LOOKS: u32 = 400;
const STALL: Duration = Duration::from_secs(60);

/// What is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Sessions that the tarpit holds.
    pub sessions: u32,
    /// How it wastes time.
    pub manner: Manner,
    /// Bytes of one mail.
    pub mail_bytes: usize,
    /// Mails of a campaign to healthy carriers, before and beside.
    pub healthy_mails: u32,
    /// Measured campaigns before and beside; the figures are medians.
    pub rounds: u32,
    /// Where the line of JSON goes; nowhere when `None`.
    pub record: Option<PathBuf>,
}

/// Runs everything, prints what came out, keeps the record.
///
/// # Errors
/// When the engine does not start, refuses a call, or does not open the sessions.
pub async fn run(plan: &Plan) -> Result<()> {
    enough_descriptors(plan)?;
    let facts = facts(Path::new("/tmp"));
    print(&facts.to_string());
    let mut sink = SinkProcess::start().await?;
    let mut tarpit = Tarpit::start(plan.manner).await?;
    let settings = settings(plan, tarpit.address(), sink.port());
    let engine = EngineProcess::start(&engine::program()?, &settings).await?;
    let pid = engine.process_id().context("the engine")?;
    let (mut sent, mut before, mut beside) = (0, Vec::new(), Vec::new());
    // The first campaign opens files and sessions; it is not counted.
    for number in 0..=plan.rounds {
        let speed = healthy(plan, &engine, &mut sink, &mut sent).await?;
        before.extend((number > 0).then_some(speed));
    }
    sleep(SETTLE).await;
    let at_rest = Memory::of(pid);

    one_call(engine.http_address(), tarpitted(plan).as_bytes()).await?;
    let opening_s = until_held(plan, &mut tarpit).await?;
    sleep(SETTLE).await;
    let held = Memory::of(pid);
    let cpu = cpu_of(pid);
    sleep(WATCH).await;
    let cpu_share = (cpu_of(pid) - cpu) / WATCH.as_secs_f64();
    for _ in 0..plan.rounds {
        beside.push(healthy(plan, &engine, &mut sink, &mut sent).await?);
    }
    let still = tarpit.held().await?;
    ensure!(still >= u64::from(plan.sessions), "of {} sessions {still} were still held at the end", plan.sessions);
    let per_session = |held: u64, rest: u64| round(held.saturating_sub(rest) as f64 / f64::from(plan.sessions));
    let line = json!({
        "bench": "tarpits",
        "machine": facts,
        "manner": plan.manner,
        "sessions": plan.sessions,
        "sessions_max": settings.sessions_max,
        "mail_bytes": plan.mail_bytes,
        "opening_s": round(opening_s),
        "at_rest": at_rest.json(),
        "held": held.json(),
        "rss_peak_mib": mib(status_kib(pid, "VmHWM:").unwrap_or(0)),
        "rss_kib_per_session": per_session(held.rss_kib, at_rest.rss_kib),
        "pss_kib_per_session": per_session(held.pss_kib, at_rest.pss_kib),
        "cpu_share_while_held": round(cpu_share),
        "healthy_before": Healthy::median(&before).json(),
        "healthy_beside": Healthy::median(&beside).json(),
        "healthy_cpu_of_before": round(Healthy::median(&beside).cpu_s_per_1000 / Healthy::median(&before).cpu_s_per_1000),
    });
    print_summary(&line);
    if let Some(path) = &plan.record {
        record(path, &line)?;
        print(&format!("recorded in {}", path.display()));
    }
    Ok(())
}

fn print_summary(line: &Value) {
    let shown = |name: &str, path: &str| print(&format!("{name:<46}{}", line.pointer(path).unwrap_or(&Value::Null)));
    print("");
    shown("sessions held", "/sessions");
    shown("  by a tarpit that is", "/manner");
    shown("  opened in, s", "/opening_s");
    shown("RSS / PSS at rest, MiB", "/at_rest");
    shown("RSS / PSS with the sessions, MiB", "/held");
    shown("RSS at most, MiB", "/rss_peak_mib");
    shown("RSS for each session, KiB", "/rss_kib_per_session");
    shown("PSS for each session, KiB", "/pss_kib_per_session");
    shown("cores used while nothing happens", "/cpu_share_while_held");
    shown("to healthy carriers, before", "/healthy_before");
    shown("to healthy carriers, beside", "/healthy_beside");
    shown("  CPU of a mail beside, of that before", "/healthy_cpu_of_before");
}

/// One campaign to healthy carriers. The CPU time tells more than the speed where others use the machine.
#[derive(Clone, Copy, Debug)]
struct Healthy {
    mails_per_s: f64,
    cpu_s_per_1000: f64,
}

impl Healthy {
    fn median(campaigns: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(campaigns.iter().map(figure));
        Self {
            mails_per_s: of(|campaign| campaign.mails_per_s),
            cpu_s_per_1000: of(|campaign| campaign.cpu_s_per_1000),
        }
    }

    fn json(self) -> Value {
        json!({ "mails_per_s": round(self.mails_per_s), "cpu_s_per_1000": round(self.cpu_s_per_1000) })
    }
}

#[derive(Clone, Copy, Debug)]
struct Memory {
    rss_kib: u64,
    pss_kib: u64,
}

impl Memory {
    fn of(pid: u32) -> Self {
        Self { rss_kib: status_kib(pid, "VmRSS:").unwrap_or(0), pss_kib: pss_kib_of(pid) }
    }

    fn json(self) -> Value {
        json!({ "rss_mib": mib(self.rss_kib), "pss_mib": mib(self.pss_kib) })
    }
}

fn mib(kib: u64) -> f64 {
    round(kib as f64 / 1_024.0)
}

/// Engine and tarpit inherit this process's limit.
fn enough_descriptors(plan: &Plan) -> Result<()> {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_default();
    let limit: u64 = line.split_ascii_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(u64::MAX);
    let needed = u64::from(sessions_max(plan)) + 1_000;
    ensure!(limit >= needed, "{needed} file descriptors are needed and {limit} allowed: ulimit -n {needed}");
    Ok(())
}

/// A quarter of the sessions is kept for emergencies, and nothing here is one.
fn sessions_max(plan: &Plan) -> u32 {
    (plan.sessions + SPARE_SESSIONS).div_ceil(3) * 4
}

fn settings(plan: &Plan, tarpit: SocketAddr, sink_port: u16) -> EngineSettings {
    // No name server is asked: every domain has a route.
    let mut settings = EngineSettings::new(SocketAddr::from(([127, 0, 0, 1], 9)), sink_port);
    settings.sessions_max = sessions_max(plan);
    settings.overrides_profiles = false;
    let mut extra = format!("[[routes]]\ndomain = \"*\"\nto = \"{tarpit}\"\n");
    let profile = "tls = \"off\"\nrate_start_per_min = 1_000_000.0\nrate_max_per_min = 1_000_000.0\n\
                   messages_per_connection_max = 10_000\n";
    let [a, b, c, first] = FIRST_CARRIER;
    for (last, (carrier, domain)) in (first..).zip(CARRIERS) {
        // Writing to a String cannot fail.
        let _ = write!(extra, "[[routes]]\ndomain = \"{domain}\"\nto = \"{a}.{b}.{c}.{last}:{sink_port}\"\n");
        let _ = write!(extra, "[carriers.{carrier}]\nconnections_max = 4\n{profile}");
    }
    let patience = "greeting_timeout_s = 600\ncommand_timeout_s = 600\ndata_end_timeout_s = 3_600\n";
    let _ = write!(extra, "[carriers.other]\nconnections_max = 500\n{profile}{patience}");
    settings.extra = extra;
    settings
}

/// One call for a mail to each recipient of the tarpit.
fn tarpitted(plan: &Plan) -> String {
    let recipient =
        |number: u32| json!({ "email": format!("g{number}@d{}.tarpit.example", number / RECIPIENTS_PER_DOMAIN) });
    let recipients: Vec<Value> = (0..plan.sessions).map(recipient).collect();
    json!({
        "campaign": "tarpitted",
        "envelope_sender": "bounce@school.example",
        "content": {
            "from": "School <notice@school.example>",
            "subject": "School closed",
            "text_body": "We write again. ".repeat(plan.mail_bytes / 16),
        },
        "recipients": recipients,
    })
    .to_string()
}

/// Waits until the tarpit holds all sessions; seconds that it took.
async fn until_held(plan: &Plan, tarpit: &mut Tarpit) -> Result<f64> {
    let clock = Clock::system();
    let began = clock.mono();
    let (mut last, mut stalled) = (0, 0);
    while stalled < STALLED_LOOKS {
        let held = tarpit.held().await?;
        if held >= u64::from(plan.sessions) {
            return Ok(clock.mono().since(began).as_secs_f64());
        }
        stalled = if held > last { 0 } else { stalled + 1 };
        last = last.max(held);
        sleep(LOOK).await;
    }
    bail!("the engine opened {last} sessions of {} and no more", plan.sessions)
}

/// One campaign to healthy carriers.
async fn healthy(plan: &Plan, engine: &EngineProcess, sink: &mut SinkProcess, sent: &mut u32) -> Result<Healthy> {
    let load = Load { first: *sent, ..Load::of(plan.healthy_mails, plan.mail_bytes) };
    let campaign = format!("healthy-{sent}");
    let body = load.one_call(&campaign, "", true);
    let pid = engine.process_id().context("the engine")?;
    let (began, cpu) = (Clock::system().unix().0, cpu_of(pid));
    one_call(engine.http_address(), &body).await?;
    *sent += plan.healthy_mails;
    let waited = sink.wait((*sent).into(), STALL).await?;
    ensure!(waited.copies >= u64::from(*sent), "{} of {sent} mails came to the healthy carriers", waited.copies);
    until_finished(engine.http_address(), &campaign).await?;
    let mails = f64::from(plan.healthy_mails);
    let figures = Healthy {
        mails_per_s: mails / (waited.at_ms.saturating_sub(began).max(1) as f64 / 1_000.0),
        cpu_s_per_1000: (cpu_of(pid) - cpu) * 1_000.0 / mails,
    };
    progress(&format!("{} mails to healthy carriers: {}", plan.healthy_mails, figures.json()));
    Ok(figures)
}
