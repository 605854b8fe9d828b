//! The target that `TODOKE_FUZZ_TARGET` names, under libFuzzer. `tests/fuzz/run` sets the other variables.
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use todoke_fuzz::{TARGETS, Target, corpus, find};

static CHOSEN: OnceLock<&Target> = OnceLock::new();

fn fail(why: &str) -> ! {
    eprintln!("fuzz-target: {why}");
    std::process::exit(2)
}

fn chosen() -> &'static Target {
    CHOSEN.get_or_init(|| {
        let name = std::env::var("TODOKE_FUZZ_TARGET").unwrap_or_default();
        find(&name).unwrap_or_else(|| {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            fail(&format!("TODOKE_FUZZ_TARGET={name}: no such target; there are {}", names.join(" ")))
        })
    })
}

/// Moves corpora between their files and folders of libFuzzer's kind, instead of a run.
fn serve_the_script() {
    chosen();
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let Some(saved) = folder("TODOKE_FUZZ_SAVED") else { return };
    let done = match (folder("TODOKE_FUZZ_UNPACK"), folder("TODOKE_FUZZ_PACK")) {
        (Some(to), _) => corpus::unpack(&saved, &to),
        (None, Some(from)) => corpus::pack(&saved, &from),
        (None, None) => return,
    };
    match done {
        Ok(()) => std::process::exit(0),
        Err(error) => fail(&error.to_string()),
    }
}

fuzz_target!(init: serve_the_script(), |data: &[u8]| (chosen().run)(data));
