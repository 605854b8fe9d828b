//! `cargo simulate`.

use std::process::ExitCode;

use clap::Parser;
use simulator::cli::Cli;

fn main() -> ExitCode {
    figures::report::end(Cli::parse().run())
}
