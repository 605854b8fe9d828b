//! How many mails a CPU-second reads: `reports_per_second [--rounds N] FOLDER|FILE…`, one thread, files in memory.

#![allow(clippy::print_stdout)] // The figure is what it is run for.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Kernel ticks a second in `/proc`, fixed by Linux for user space.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() -> ExitCode {
    let mut rounds = 100_u32;
    let mut paths = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => rounds = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(rounds),
            _ => collect(Path::new(&argument), &mut paths),
        }
    }
    let mails: Vec<_> = paths.iter().filter_map(|path| std::fs::read(path).ok()).collect();
    if mails.is_empty() {
        println!("usage: reports_per_second [--rounds N] FOLDER|FILE…");
        return ExitCode::FAILURE;
    }
    // The first mails compile the rules and build the automata; that happens once in the life of a process.
    mails.iter().for_each(|mail| drop(std::hint::black_box(bounce::read_report(mail))));
    let begun = cpu_seconds();
    for _ in 0..rounds {
        for mail in &mails {
            std::hint::black_box(bounce::read_report(mail));
        }
    }
    let spent = cpu_seconds() - begun;
    let read = f64::from(rounds) * mails.len() as f64;
    let bytes: usize = mails.iter().map(Vec::len).sum();
    let mean_kib = bytes as f64 / mails.len() as f64 / 1024.0;
    println!("{:.0} mails a CPU-second ({read:.0} mails of {mean_kib:.1} KiB in {spent:.2} s)", read / spent);
    ExitCode::SUCCESS
}

fn collect(path: &Path, out: &mut Vec<PathBuf>) {
    match std::fs::read_dir(path) {
        Ok(entries) => {
            let mut inside: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
            inside.sort();
            inside.iter().filter(|path| path.extension().is_some_and(|ext| ext == "eml")).for_each(|p| collect(p, out));
        }
        Err(_) => out.push(path.to_owned()),
    }
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = after_name.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // utime and stime, the 14th and 15th field; state, the 3rd, is a letter and falls out.
    (fields.get(10).unwrap_or(&0.0) + fields.get(11).unwrap_or(&0.0)) / TICKS_PER_SECOND
}
