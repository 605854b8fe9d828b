//! Scenario files: one, several, or a folder of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use scenario::Scenario;

/// Reads every named file and every `.toml` of every named folder, in the order of their names.
///
/// # Errors
/// With everything that is wrong in all of them, or when there is none.
pub fn scenarios(paths: &[PathBuf]) -> Result<Vec<Scenario>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(folder(path)?);
        } else {
            files.push(path.clone());
        }
    }
    let (mut worlds, mut faults) = (Vec::new(), Vec::new());
    for file in &files {
        match Scenario::read(file) {
            Ok(world) => worlds.push(world),
            Err(fault) => faults.push(fault.to_string()),
        }
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    if worlds.is_empty() {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        bail!("no scenario (*.toml) in {}", names.join(", "));
    }
    Ok(worlds)
}

fn folder(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(path).with_context(|| path.display().to_string())?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "toml"));
    files.sort();
    Ok(files)
}
