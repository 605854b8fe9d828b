//! The program: wires, starts and stops in order.
#![doc = include_str!("../README.md")]
#![allow(clippy::print_stdout)] // A program speaks by printing.

mod address_command;
mod canaries_command;
mod check_config;
mod check_sending;
mod classify;
mod cli;
mod client;
mod deadline_args;
mod deadlines;
mod demo;
mod dkim;
mod engine_args;
mod estimate;
mod holds_file;
mod inbox_command;
mod keys;
mod limits;
mod limits_command;
mod list;
mod port;
mod progress;
mod queue_command;
mod registration;
mod rehearsed;
mod returns;
mod scenario_demo;
mod send;
mod serve;
mod time_left;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

/// A mail engine allocates and frees a few small buffers per mail on every thread; mimalloc costs a third of glibc's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::CheckConfig(args) => check_config::run(&args),
        Command::CheckSending(args) => in_runtime(check_sending::run(args)),
        Command::Classify(args) => classify::run(&args),
        Command::Serve(args) => in_runtime(serve::run(args)),
        Command::Estimate(args) => in_runtime(estimate::run(args)),
        Command::Send(args) => in_runtime(send::run(*args)),
        Command::Queue { engine, command } => in_runtime(queue_command::run(engine, command)),
        Command::Address { engine, command } => in_runtime(address_command::run(engine, command)),
        Command::Inbox { engine, command } => in_runtime(inbox_command::run(engine, command)),
        Command::Limits(args) => in_runtime(limits_command::run(args)),
        Command::Canaries(args) => in_runtime(canaries_command::run(*args)),
        Command::Registration(args) => registration::run(&args),
        Command::Dkim(command) => dkim::run(&command),
        Command::Keys(command) => keys::run(&command),
        Command::Demo(args) => match &args.scenario {
            Some(file) => in_runtime(scenario_demo::run(&args, file)),
            None => in_runtime(demo::run(args)),
        },
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("todoke: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn in_runtime<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
