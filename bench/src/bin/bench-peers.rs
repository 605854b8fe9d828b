//! `make bench-peers`: Postfix and Todoke on the same mails, the same sink and the same disk, one after the other.
#![allow(clippy::print_stdout)] // A program speaks by printing.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use todoke_bench::peers::{self, Contender, Plan};
use todoke_bench::postfix::Tuning;
use todoke_bench::{report, sink};

/// What the engine uses; the injector and the sink should not be slower than it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Compares Todoke with Debian's Postfix, tuned for bulk. Loopback only; needs root for Postfix.
#[derive(Parser, Debug)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    /// Mails of one run.
    #[arg(long, default_value_t = 50_000)]
    mails: u32,
    /// Bytes of one mail.
    #[arg(long, default_value_t = 4_096)]
    bytes: usize,
    /// How often everything is run; the table shows medians.
    #[arg(long, default_value_t = 2)]
    rounds: u32,
    /// SMTP sessions that hand mail to Postfix.
    #[arg(long, default_value_t = 20)]
    sessions: u32,
    /// HTTP connections that hand mail to Todoke.
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// Postfix: default_process_limit.
    #[arg(long, default_value_t = 100)]
    postfix_processes: u32,
    /// Postfix: default_destination_concurrency_limit.
    #[arg(long, default_value_t = 20)]
    postfix_concurrency: u32,
    /// Postfix: a further line of main.cf, as name=value. May be repeated.
    #[arg(long, value_name = "LINE")]
    postfix_set: Vec<String>,
    /// Where the queues are; must be on a disk.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Only these: postfix, todoke-one-call, todoke-separate-calls, todoke-signed, todoke-signed-once.
    #[arg(long, value_name = "ENGINE")]
    only: Vec<String>,
    /// Where the line of JSON is added.
    #[arg(long, value_name = "FILE", default_value = "bench/results/peers.jsonl")]
    record: PathBuf,
    /// Add no line anywhere.
    #[arg(long)]
    no_record: bool,
}

#[derive(Subcommand, Debug)]
enum Part {
    /// Run the sink: six carriers on 127.0.0.11 to .16 that take everything.
    Sink {
        /// Its port; a free one when not given. Its first line of output names it.
        #[arg(long)]
        port: Option<u16>,
    },
}

fn main() -> ExitCode {
    report::end(run(Cli::parse()))
}

fn run(cli: Cli) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match cli.part {
        Some(Part::Sink { port }) => runtime.block_on(sink::run(port)),
        None => runtime.block_on(peers::run(&plan(cli)?)),
    }
}

fn plan(cli: Cli) -> Result<Plan> {
    let mut contenders = Contender::ALL.to_vec();
    if !cli.only.is_empty() {
        contenders.retain(|contender| cli.only.iter().any(|name| name == contender.id()));
        if contenders.len() != cli.only.len() {
            bail!("--only knows {:?}", Contender::ALL.map(Contender::id));
        }
    }
    let tuning =
        Tuning { processes: cli.postfix_processes, concurrency: cli.postfix_concurrency, settings: cli.postfix_set };
    Ok(Plan {
        mails: cli.mails,
        mail_bytes: cli.bytes,
        rounds: cli.rounds.max(1),
        sessions: cli.sessions.max(1),
        connections: cli.connections.max(1),
        tuning,
        dir: cli.dir.unwrap_or_else(peers::default_dir),
        record: (!cli.no_record).then_some(cli.record),
        contenders,
    })
}
