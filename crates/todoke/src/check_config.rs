//! Says what is wrong with a configuration, or what it means.

use std::process::ExitCode;

use anyhow::Result;
use engine_config::EngineConfig;

use crate::cli::CheckConfigArgs;

pub(crate) fn run(args: &CheckConfigArgs) -> Result<ExitCode> {
    if args.example {
        print!("{}", EngineConfig::example());
        return Ok(ExitCode::SUCCESS);
    }
    if args.explain {
        print!("{}", engine_config::reference());
        return Ok(ExitCode::SUCCESS);
    }
    let Some(path) = &args.config else {
        return Ok(ExitCode::FAILURE);
    };
    match EngineConfig::load(path) {
        Ok(config) => {
            // What a key file holds is known to those who sign with it.
            if let Err(fault) = delivery::signers(&config.edges) {
                eprintln!("{}: {fault}", path.display());
                return Ok(ExitCode::FAILURE);
            }
            println!(
                "{}: good. {} sources, {} pools, {} carriers, listens on {}, queue in {}",
                path.display(),
                config.pools.sources.len(),
                config.pools.pools.len(),
                config.carriers.iter().count(),
                config.http.listen,
                config.engine.data_dir.display()
            );
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            eprintln!("{faults}");
            Ok(ExitCode::FAILURE)
        }
    }
}
