//! Reading the tables of replies that tests judge.

use std::fs;
use std::path::Path;

use bounce::{classify_quoted_reply, classify_reply};
use mail_model::{CarrierName, EnhancedStatus, Reply, Stage, Verdict};

/// A table with a header row, tab separated, without quoting.
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// One row of it.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    header: &'a [String],
    cells: &'a [String],
}

impl Table {
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        let header = lines.next().expect("a header row");
        Self { header, rows: lines.collect() }
    }

    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row { header: &self.header, cells })
    }
}

impl<'a> Row<'a> {
    pub fn get(self, column: &str) -> &'a str {
        let at = self.header.iter().position(|name| name == column).unwrap_or_else(|| panic!("no column {column}"));
        self.cells.get(at).map_or("", String::as_str)
    }

    /// The reply of this row with other words.
    pub fn reply_with(self, text: &str) -> Reply {
        let code = self.get("code").chars().take_while(char::is_ascii_digit).collect::<String>();
        let enhanced = EnhancedStatus::read(self.get("enhanced")).map(|(status, _)| status);
        Reply { code: code.parse().unwrap_or(0), enhanced, text: text.to_owned() }
    }
}

/// Judges a reply whose command may be unknown.
pub fn judge(reply: &Reply, stage: Option<Stage>, carrier: &str) -> Verdict {
    let carrier = CarrierName::new(carrier).expect("a carrier's name");
    match stage {
        Some(stage) => classify_reply(reply, stage, &carrier),
        None => classify_quoted_reply(reply, None, &carrier),
    }
}
