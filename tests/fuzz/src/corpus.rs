//! Saved inputs of a target: those written by hand, one file each, and those that a run has found, in one file.

use std::io;
use std::path::{Path, PathBuf};

/// The file of what runs have found: for each input its length (32 bits, little-endian) and its bytes.
pub const FOUND: &str = "found.pack";
/// Largest such file. Small inputs go first: they say the same in less time.
const FOUND_BYTES_MAX: usize = 48 << 10;

/// The inputs written by hand, by name.
///
/// # Errors
/// When the folder cannot be read.
pub fn by_hand(folder: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "bin"));
    files.sort();
    files.into_iter().map(|path| Ok((path.clone(), std::fs::read(path)?))).collect()
}

/// The inputs that runs have found.
///
/// # Errors
/// When the file cannot be read.
pub fn found(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let file = folder.join(FOUND);
    if !file.exists() {
        return Ok(Vec::new());
    }
    let bytes = std::fs::read(file)?;
    let mut rest = bytes.as_slice();
    let mut inputs = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (input, behind) = behind.split_at_checked(length).ok_or(io::ErrorKind::InvalidData)?;
        inputs.push(input.to_vec());
        rest = behind;
    }
    Ok(inputs)
}

/// Writes every saved input into a folder, as libFuzzer wants them.
///
/// # Errors
/// When one cannot be read or written.
pub fn unpack(folder: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    let inputs = by_hand(folder)?.into_iter().map(|(_, data)| data).chain(found(folder)?);
    for (at, input) in inputs.enumerate() {
        std::fs::write(to.join(format!("saved-{at:04}")), input)?;
    }
    Ok(())
}

/// Keeps the inputs of a folder that are not written by hand, the smallest first, as many as fit.
///
/// # Errors
/// When one cannot be read or written.
pub fn pack(folder: &Path, from: &Path) -> io::Result<()> {
    let known = by_hand(folder)?;
    let files = std::fs::read_dir(from)?.flatten().map(|entry| std::fs::read(entry.path()));
    let mut inputs: Vec<Vec<u8>> = files.collect::<io::Result<_>>()?;
    inputs.retain(|input| !known.iter().any(|(_, data)| data == input));
    inputs.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    inputs.dedup();
    let mut packed = Vec::new();
    for input in inputs {
        let Ok(length) = u32::try_from(input.len()) else { continue };
        if packed.len() + 4 + input.len() > FOUND_BYTES_MAX {
            break;
        }
        packed.extend_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(&input);
    }
    std::fs::write(folder.join(FOUND), packed)
}
