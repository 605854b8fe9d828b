//! `make bench`: taking in, holding, sending beside and starting again with a million waiting notifications.
#![allow(clippy::print_stdout)] // A program speaks by printing.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use todoke_bench::depth::{self, Plan};
use todoke_bench::peers::default_dir;
use todoke_bench::{report, sink};

/// The product's allocator: the queue is measured inside this process, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Todoke's queue. Loopback only.
#[derive(Parser, Debug)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    /// Notifications that wait.
    #[arg(long, default_value_t = 1_000_000)]
    waiting: u32,
    /// Mails of one measured campaign.
    #[arg(long, default_value_t = 50_000)]
    mails: u32,
    /// Bytes of one mail.
    #[arg(long, default_value_t = 4_096)]
    bytes: usize,
    /// Measured campaigns for each engine; the figures are medians.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Where the queues are; must be on a disk.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where the line of JSON is added.
    #[arg(long, value_name = "FILE", default_value = "bench/results/queue.jsonl")]
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
    if let Some(Part::Sink { port }) = cli.part {
        return runtime.block_on(sink::run(port));
    }
    let plan = Plan {
        waiting: cli.waiting,
        mails: cli.mails,
        mail_bytes: cli.bytes,
        rounds: cli.rounds.max(1),
        dir: cli.dir.unwrap_or_else(default_dir),
        record: (!cli.no_record).then_some(cli.record),
    };
    runtime.block_on(depth::run(&plan))
}
