//! A bounce report read as a school's spreadsheet reads it: byte order mark, header row, one row a recipient.

use std::collections::HashMap;

use anyhow::{Context, Result};

/// One row by its column names.
#[derive(Debug)]
pub struct Bounce(HashMap<String, String>);

impl Bounce {
    /// A cell; empty when the report has no such column.
    pub fn cell(&self, column: &str) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }

    /// The address.
    pub fn address(&self) -> &str {
        self.cell("アドレス")
    }

    /// The cause's id.
    pub fn cause(&self) -> &str {
        self.cell("原因ID")
    }

    /// What became of it, in words.
    pub fn result(&self) -> &str {
        self.cell("結果")
    }
}

/// Every row of a report, in its order.
///
/// # Errors
/// When the byte order mark is missing, without which a Japanese Excel shows garbage, or a row has another length.
pub fn read(report: &str) -> Result<Vec<Bounce>> {
    let text = report.strip_prefix('\u{feff}').context("the report begins with a byte order mark")?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    let row = |record: csv::StringRecord| {
        Bounce(header.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect())
    };
    reader.records().map(|record| Ok(row(record?))).collect()
}
