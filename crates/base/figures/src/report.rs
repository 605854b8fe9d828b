//! Figures: medians, tables for people, one line of JSON for the record.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::Value;

/// The middle one; between two middle ones, their mean. NaN of nothing.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (length, middle) if length % 2 == 1 => sorted[middle],
        (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// A figure for the record: four digits are more than it deserves.
pub fn round(figure: f64) -> f64 {
    if figure == 0.0 || !figure.is_finite() {
        return figure;
    }
    let scale = 10f64.powf(3.0 - figure.abs().log10().floor());
    (figure * scale).round() / scale
}

/// Prints a line. Ends the program when nobody reads on, as behind `| head`.
pub fn print(line: &str) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// Says what is being done, to whoever waits.
pub fn progress(line: &str) {
    eprintln!("{line}");
}

/// Ends the program, with the reason when it failed.
pub fn end(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints rows of words in columns, the first to the left, the others to the right.
pub fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|w| w.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (column, (word, width)) in row.iter().zip(&widths).enumerate() {
            let gap = " ".repeat(width.saturating_sub(word.chars().count()));
            let (left, right) = if column == 0 { ("", gap.as_str()) } else { (gap.as_str(), "") };
            line.push_str(&format!("{left}{word}{right}  "));
        }
        print(line.trim_end());
    }
}

/// Appends one line to a record file.
///
/// # Errors
/// When the file cannot be written.
pub fn record(path: &Path, line: &Value) -> Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut file =
        OpenOptions::new().create(true).append(true).open(path).with_context(|| path.display().to_string())?;
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    Ok(file.write_all(text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_rounded_figures() {
        for (figures, expected) in [(vec![3.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0], 2.5), (vec![7.0], 7.0)] {
            assert!((median(figures) - expected).abs() < 1e-9);
        }
        assert!(median([]).is_nan());
        for (figure, expected) in [(123_456.0, 123_500.0), (0.123_456, 0.123_5), (0.0, 0.0)] {
            assert!((round(figure) - expected).abs() < 1e-9, "{figure}");
        }
    }
}
