//! `registration`: the address to which guardians of each school send an empty mail.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use engine_config::{EngineConfig, RegistrationConfig, ReturnsConfig};
use return_links::{Keys, RegistrationAddresses};
use serde_json::json;

#[derive(Args, Debug)]
#[command(after_help = "\
The address holds the school's number and which generation of it is in force, and nobody can guess it. To end an
address, raise `generation` of the school in the configuration and restart; `accept_previous = true` lets the old
letters work until they are replaced.")]
pub(crate) struct RegistrationArgs {
    /// The configuration file with [returns], [registration] and [[registration_schools]].
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only this school.
    #[arg(long, value_name = "NUMBER")]
    school: Option<u32>,
    /// Print one JSON line a school, with the text for a QR code.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &RegistrationArgs) -> Result<ExitCode> {
    let config = match EngineConfig::load(&args.config) {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{faults}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let (Some(returns), Some(registration)) = (&config.edges.returns, &config.edges.registration) else {
        bail!("registration needs [returns] and [registration] in {}", args.config.display());
    };
    let addresses = addresses(returns, registration)?;
    let mut schools = registration.schools.iter().filter(|s| args.school.is_none_or(|number| s.number == number));
    let first = schools.next().context("no such school in [[registration_schools]]")?;
    for school in std::iter::once(first).chain(schools) {
        let address = addresses.mint(school.number, school.generation);
        if args.json {
            // Upper case takes the shorter mode of a QR code for all but the sign itself, and is read the same.
            let qr = format!("MAILTO:{}", address.as_str().to_ascii_uppercase());
            println!("{}", json!({ "number": school.number, "name": school.name, "address": address, "qr": qr }));
        } else {
            println!("{:>6}  {address}  {}", school.number, school.name);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn addresses(returns: &ReturnsConfig, registration: &RegistrationConfig) -> Result<RegistrationAddresses> {
    let old = returns.old_keys.iter().map(engine_config::Secret::bytes);
    let keys = Keys::new(returns.key.bytes(), old).context("[returns] key_file")?;
    RegistrationAddresses::new(keys, registration.domain.as_str()).context("[registration] domain")
}
