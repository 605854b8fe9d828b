//! `make bench-tarpits`: what thousands of peers that never come to the point cost in memory and in speed elsewhere.
#![allow(clippy::print_stdout)] // A program speaks by printing.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use todoke_bench::tarpit::{self, Manner};
use todoke_bench::tarpits::{self, Plan};
use todoke_bench::{report, sink};

/// Holds thousands of the engine's sessions open and measures it. Loopback only.
#[derive(Parser, Debug)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    /// Sessions that are held.
    #[arg(long, default_value_t = 10_000)]
    sessions: u32,
    /// How they are held.
    #[arg(long, value_enum, default_value_t = Manner::Silent)]
    manner: Manner,
    /// Bytes of one mail.
    #[arg(long, default_value_t = 4_096)]
    bytes: usize,
    /// Mails of one campaign to healthy carriers.
    #[arg(long, default_value_t = 50_000)]
    healthy_mails: u32,
    /// Measured campaigns before and beside; the figures are medians.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Where the line of JSON is added.
    #[arg(long, value_name = "FILE", default_value = "bench/results/tarpits.jsonl")]
    record: PathBuf,
    /// Add no line anywhere.
    #[arg(long)]
    no_record: bool,
}

#[derive(Subcommand, Debug)]
enum Part {
    /// Run the sink of the healthy carriers.
    Sink {
        /// Its port; a free one when not given.
        #[arg(long)]
        port: Option<u16>,
    },
    /// Run the tarpit.
    Tarpit {
        /// How it wastes time.
        #[arg(value_enum)]
        manner: Manner,
    },
}

fn main() -> ExitCode {
    report::end(run(Cli::parse()))
}

fn run(cli: Cli) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match cli.part {
        Some(Part::Sink { port }) => return runtime.block_on(sink::run(port)),
        Some(Part::Tarpit { manner }) => return runtime.block_on(tarpit::run(manner)),
        None => {}
    }
    let plan = Plan {
        sessions: cli.sessions,
        manner: cli.manner,
        mail_bytes: cli.bytes,
        healthy_mails: cli.healthy_mails,
        rounds: cli.rounds.max(1),
        record: (!cli.no_record).then_some(cli.record),
    };
    runtime.block_on(tarpits::run(&plan))
}
