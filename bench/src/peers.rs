//! The comparison: each engine in turn on the same mails, sink and disk, round after round.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::engine::{self, Engine, Signing};
use crate::http_load::{one_call, separate_calls, until_finished};
use crate::machine::load_average;
use crate::machine::{facts, word};
use crate::mails::Load;
use crate::measure::{Figures, Run};
use crate::postfix::{self, Postfix, Tuning};
use crate::report::{median, print, progress, record, round, table};
use crate::sink_process::SinkProcess;
use crate::smtp_load;

/// After the last mail, for what an engine still writes about it.
const SETTLE: Duration = Duration::from_secs(1);

/// What is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Mails of one run.
    pub mails: u32,
    /// Bytes of one mail.
    pub mail_bytes: usize,
    /// Rounds.
    pub rounds: u32,
    /// SMTP sessions of the injector.
    pub sessions: u32,
    /// HTTP connections of the injector.
    pub connections: u32,
    /// Postfix's numbers.
    pub tuning: Tuning,
    /// Where the engines keep their queues.
    pub dir: PathBuf,
    /// Where the line of JSON goes; nowhere when `None`.
    pub record: Option<PathBuf>,
    /// Which contenders take part.
    pub contenders: Vec<Contender>,
}

/// An engine and the way mail is handed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// Postfix, every mail in a transaction of its own.
    Postfix,
    /// One call with all recipients.
    OneCall,
    /// A call for each recipient.
    SeparateCalls,
    /// One call, every mail with a DKIM signature by RSA-2048 and one by Ed25519.
    Signed,
    /// One call, signed once for all recipients.
    SignedOnce,
}

impl Contender {
    /// All, in the order of a round.
    pub const ALL: [Self; 5] = [Self::Postfix, Self::OneCall, Self::SeparateCalls, Self::Signed, Self::SignedOnce];

    /// Its name in the record and on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Self::Postfix => "postfix",
            Self::OneCall => "todoke-one-call",
            Self::SeparateCalls => "todoke-separate-calls",
            Self::Signed => "todoke-signed",
            Self::SignedOnce => "todoke-signed-once",
        }
    }
}

/// Runs everything, prints the table, keeps the record.
///
/// # Errors
/// When an engine does not start, refuses a mail or loses its process.
pub async fn run(plan: &Plan) -> Result<()> {
    let versions = versions(plan)?;
    let facts = facts(&plan.dir);
    print(&format!("{} × {} bytes, six domains, one recipient each; both engines fsync", plan.mails, plan.mail_bytes));
    print(&format!("{versions}\n{facts}"));
    let mut runs: Vec<(Contender, Figures)> = Vec::new();
    for round in 1..=plan.rounds {
        for &contender in &plan.contenders {
            progress(&format!("round {round}: {}, load {:?}", contender.id(), load_average()));
            let figures = measure(plan, contender).await.with_context(|| contender.id())?;
            progress(&serde_json::to_string(&figures)?);
            runs.push((contender, figures));
        }
    }
    let rows: Vec<(Contender, Vec<Figures>)> = plan
        .contenders
        .iter()
        .map(|&contender| (contender, runs.iter().filter(|(c, _)| *c == contender).map(|(_, f)| *f).collect()))
        .collect();
    print_table(&rows);
    let line = json!({
        "bench": "peers",
        "machine": facts,
        "versions": versions,
        "mails": plan.mails,
        "mail_bytes": plan.mail_bytes,
        "rounds": plan.rounds,
        "sessions": plan.sessions,
        "connections": plan.connections,
        "postfix": {
            "process_limit": plan.tuning.processes,
            "destination_concurrency": plan.tuning.concurrency,
            "settings": plan.tuning.settings,
        },
        "medians": rows.iter().map(|(c, runs)| (c.id().to_owned(), medians(runs))).collect::<serde_json::Map<_, _>>(),
        "ratios": ratios(&rows),
        "runs": runs.iter().map(|(c, f)| json!({ "engine": c.id(), "figures": f })).collect::<Vec<_>>(),
    });
    if let Some(path) = &plan.record {
        record(path, &line)?;
        print(&format!("recorded in {}", path.display()));
    }
    let failed = runs.iter().any(|(_, f)| f.lost + f.duplicates + f.foreign > 0);
    if failed { bail!("mail was lost or came twice") } else { Ok(()) }
}

fn versions(plan: &Plan) -> Result<Value> {
    let postfix = postfix::version();
    if postfix.is_none() && plan.contenders.contains(&Contender::Postfix) {
        bail!("Postfix is not installed: apt-get install postfix (it need not be started)");
    }
    let todoke = word(Command::new(engine::program()?).arg("--version"));
    Ok(json!({ "postfix": postfix, "todoke": todoke }))
}

async fn measure(plan: &Plan, contender: Contender) -> Result<Figures> {
    let mut sink = SinkProcess::start().await?;
    let load = Load::of(plan.mails, plan.mail_bytes);
    if contender == Contender::Postfix {
        return measure_postfix(plan, &mut sink, load).await;
    }
    let signing = match contender {
        Contender::Signed => Signing::EveryMail,
        Contender::SignedOnce => Signing::Once,
        _ => Signing::Off,
    };
    let mut engine = Engine::start_signing(&plan.dir, sink.port(), signing).await?;
    let (to, campaign) = (engine.address(), "bench");
    // One signature for all needs a text that is the same for all.
    let body = load.one_call(campaign, "", contender != Contender::SignedOnce);
    sync_disk();
    let mut run = Run::begin(engine.pid(), sink.pid());
    if contender == Contender::SeparateCalls {
        separate_calls(to, load, campaign, plan.connections).await?;
    } else {
        one_call(to, &body).await?;
    }
    run.accepted();
    run.delivered(&mut sink, plan.mails.into()).await?;
    until_finished(to, campaign).await?;
    sleep(SETTLE).await;
    let figures = run.finish(&mut sink, &load, plan.mails).await?;
    engine.stop().await?;
    Ok(figures)
}

async fn measure_postfix(plan: &Plan, sink: &mut SinkProcess, load: Load) -> Result<Figures> {
    let postfix = Postfix::start(&plan.dir, sink.port(), &plan.tuning).await?;
    sync_disk();
    let mut run = Run::begin(postfix.pid(), sink.pid());
    smtp_load::inject(postfix.address(), load, plan.sessions).await?;
    run.accepted();
    run.delivered(sink, plan.mails.into()).await?;
    postfix.until_drained().await?;
    sleep(SETTLE).await;
    run.finish(sink, &load, plan.mails).await
}

/// So that nobody's writes wait behind those of the run before.
fn sync_disk() {
    word(&mut Command::new("sync"));
}

fn medians(runs: &[Figures]) -> Value {
    let of = |figure: fn(&Figures) -> f64| round(median(runs.iter().map(figure)));
    json!({
        "accepted_per_s": of(|f| f.accepted_per_s),
        "mails_per_s": of(|f| f.mails_per_s),
        "cpu_s_per_1000": of(|f| f.cpu_s_per_1000),
        "rss_peak_mib": of(|f| f.rss_peak_mib),
        "pss_peak_mib": of(|f| f.pss_peak_mib),
        "lost": runs.iter().map(|f| f.lost).sum::<u64>(),
        "duplicates": runs.iter().map(|f| f.duplicates).sum::<u64>(),
    })
}

/// How often better than Postfix, by medians; nothing without Postfix.
fn ratios(rows: &[(Contender, Vec<Figures>)]) -> Value {
    let Some((_, peer)) = rows.iter().find(|(contender, _)| *contender == Contender::Postfix) else {
        return Value::Null;
    };
    let ours = rows.iter().filter(|(contender, _)| *contender != Contender::Postfix);
    let against = |runs: &[Figures]| {
        let of = |runs: &[Figures], figure: fn(&Figures) -> f64| median(runs.iter().map(figure));
        let more = |figure: fn(&Figures) -> f64| round(of(runs, figure) / of(peer, figure));
        let less = |figure: fn(&Figures) -> f64| round(of(peer, figure) / of(runs, figure));
        json!({
            "accepted_per_s": more(|f| f.accepted_per_s),
            "mails_per_s": more(|f| f.mails_per_s),
            "mails_per_cpu_s": less(|f| f.cpu_s_per_1000),
            "memory": less(|f| f.pss_peak_mib),
        })
    };
    ours.map(|(contender, runs)| (contender.id().to_owned(), against(runs))).collect::<serde_json::Map<_, _>>().into()
}

fn print_table(rows: &[(Contender, Vec<Figures>)]) {
    let heads = ["engine", "accepted/s", "mails/s", "CPU-s/1000", "RSS MiB", "PSS MiB", "processes", "lost", "twice"];
    let mut lines = vec![heads.map(str::to_owned).to_vec()];
    for (contender, runs) in rows {
        let of = |figure: fn(&Figures) -> f64| median(runs.iter().map(figure));
        lines.push(vec![
            contender.id().to_owned(),
            format!("{:.0}", of(|f| f.accepted_per_s)),
            format!("{:.0}", of(|f| f.mails_per_s)),
            format!("{:.3}", of(|f| f.cpu_s_per_1000)),
            format!("{:.0}", of(|f| f.rss_peak_mib)),
            format!("{:.0}", of(|f| f.pss_peak_mib)),
            runs.iter().map(|f| f.processes).max().unwrap_or(0).to_string(),
            runs.iter().map(|f| f.lost).sum::<u64>().to_string(),
            runs.iter().map(|f| f.duplicates).sum::<u64>().to_string(),
        ]);
    }
    print("");
    table(&lines);
    if let Value::Object(ratios) = ratios(rows) {
        for (contender, ratio) in ratios {
            print(&format!("{contender} against postfix: {ratio}"));
        }
    }
}

/// A directory for queues: on a disk, not in memory.
pub fn default_dir() -> PathBuf {
    Path::new("/var/tmp").to_owned()
}
