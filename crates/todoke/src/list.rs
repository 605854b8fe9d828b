//! A list of recipients as people have it: CSV, UTF-8 or Shift_JIS, every bad row named by its line.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use mail_model::EmailAddress;
use serde_json::{Map, Value};

/// One recipient.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) email: EmailAddress,
    pub(crate) name: Option<String>,
    /// Every other column.
    pub(crate) columns: Map<String, Value>,
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadRow {
    /// Line in the file, the header being line 1.
    pub(crate) line: u64,
    pub(crate) reason: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct List {
    pub(crate) rows: Vec<Row>,
    pub(crate) bad: Vec<BadRow>,
    /// `UTF-8` or `Shift_JIS`.
    pub(crate) encoding: &'static str,
}

const EMAIL_HEADERS: [&str; 6] = ["email", "e-mail", "mail", "メールアドレス", "メール", "アドレス"];
const NAME_HEADERS: [&str; 5] = ["name", "氏名", "名前", "お名前", "保護者氏名"];

/// Reads a list from a file.
pub(crate) fn read(path: &Path) -> Result<List> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read the list {}", path.display()))?;
    parse(&bytes).with_context(|| format!("in the list {}", path.display()))
}

/// Text that people saved on a Windows or a Mac machine.
pub(crate) fn decode(bytes: &[u8]) -> Result<(String, &'static str)> {
    let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(plain) {
        return Ok((text.to_owned(), "UTF-8"));
    }
    let (text, _, broken) = encoding_rs::SHIFT_JIS.decode(bytes);
    if broken {
        let line = bytes.iter().take(first_bad_byte(bytes)).filter(|b| **b == b'\n').count() + 1;
        bail!("line {line} is neither UTF-8 nor Shift_JIS; save the file as \"CSV UTF-8\" and try again");
    }
    Ok((text.into_owned(), "Shift_JIS"))
}

fn first_bad_byte(bytes: &[u8]) -> usize {
    std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), |_| bytes.len())
}

fn parse(bytes: &[u8]) -> Result<List> {
    let (text, encoding) = decode(bytes)?;
    // The csv crate counts a line at its LF, one record late where lines end in CRLF, and rows are named by their lines.
    let text = text.replace("\r\n", "\n");
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().context("the header row cannot be read")?.clone();
    let is = |known: &[&str], h: &str| known.iter().any(|k| k.eq_ignore_ascii_case(h));
    let Some(email_at) = headers.iter().position(|h| is(&EMAIL_HEADERS, h)) else {
        let found: Vec<_> = headers.iter().collect();
        bail!("no column named email (or メールアドレス); the header row has: {}", found.join(", "));
    };
    let name_at = headers.iter().position(|h| is(&NAME_HEADERS, h));
    let mut list = List { encoding, ..List::default() };
    let mut first_line_of: HashMap<EmailAddress, u64> = HashMap::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                list.bad.push(BadRow { line, reason: "the row cannot be read as CSV; look for a stray quote".into() });
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        match row(&headers, &record, email_at, name_at) {
            Ok(row) => match first_line_of.get(&row.email) {
                Some(first) => {
                    let reason = format!("the same address as line {first}; it gets the notice once");
                    list.bad.push(BadRow { line, reason });
                }
                None => {
                    first_line_of.insert(row.email.clone(), line);
                    list.rows.push(row);
                }
            },
            Err(reason) => list.bad.push(BadRow { line, reason }),
        }
    }
    Ok(list)
}

fn row(
    headers: &csv::StringRecord,
    record: &csv::StringRecord,
    email_at: usize,
    name_at: Option<usize>,
) -> Result<Row, String> {
    if record.len() != headers.len() {
        return Err(format!("{} columns where the header has {}", record.len(), headers.len()));
    }
    let text = record.get(email_at).unwrap_or_default();
    if text.is_empty() {
        return Err("the address is empty".into());
    }
    let email = text.parse::<EmailAddress>().map_err(|e| format!("the address is not usable: {e}"))?;
    let name = name_at.and_then(|at| record.get(at)).filter(|n| !n.is_empty()).map(str::to_owned);
    let columns = headers.iter().zip(record).map(|(h, v)| (h.to_owned(), Value::from(v))).collect();
    Ok(Row { email, name, columns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_saved_by_excel_in_japan_is_read_as_it_is() {
        let csv =
            "メールアドレス,氏名,クラス\r\ntaro@docomo.ne.jp,山田 太郎,1年2組\r\na..b@ezweb.ne.jp,髙橋,\"3,組\"\r\n";
        let (sjis, _, lost) = encoding_rs::SHIFT_JIS.encode(csv);
        assert!(!lost);
        for (bytes, encoding) in [(csv.as_bytes().to_vec(), "UTF-8"), (sjis.into_owned(), "Shift_JIS")] {
            let list = parse(&bytes).unwrap();
            assert_eq!(list.encoding, encoding);
            assert!(list.bad.is_empty(), "{:?}", list.bad);
            assert_eq!(list.rows.len(), 2);
            assert_eq!(list.rows[0].name.as_deref(), Some("山田 太郎"));
            assert_eq!(list.rows[1].columns["クラス"], "3,組");
        }
        let with_mark = [b"\xef\xbb\xbf".as_slice(), csv.as_bytes()].concat();
        assert_eq!(parse(&with_mark).unwrap().rows.len(), 2);
    }

    #[test]
    fn every_bad_row_is_named_by_its_line_and_the_good_ones_stay() {
        let csv = "email,name\na@docomo.ne.jp,A\n,B\nnot an address,C\na@docomo.ne.jp,D\nx@au.com\ny@au.com,E\n";
        let list = parse(csv.as_bytes()).unwrap();
        for list in [&list, &parse(csv.replace('\n', "\r\n").as_bytes()).unwrap()] {
            let lines: Vec<_> = list.bad.iter().map(|b| b.line).collect();
            assert_eq!(lines, [3, 4, 5, 6]);
        }
        assert!(list.bad[2].reason.contains("line 2"), "{}", list.bad[2]);
        assert_eq!(list.rows.len(), 2);
        assert!(!list.bad.iter().any(|b| b.to_string().contains("not an address")), "addresses stay out of messages");
    }

    #[test]
    fn addresses_in_letters_of_any_script_are_read_and_compared_in_one_form() {
        let list =
            parse("email\ntaro@例え.jp\n太郎@例え.jp\ntaro@xn--r8jz45g.jp\nｔａｒｏ@au.com\n".as_bytes()).unwrap();
        let people: Vec<_> = list.rows.iter().map(|row| row.email.for_people()).collect();
        assert_eq!(people, ["taro@例え.jp", "太郎@例え.jp"]);
        let lines: Vec<_> = list.bad.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [4, 5], "the same address in its other form, and full-width letters");
    }

    #[test]
    fn a_file_without_the_needed_column_or_encoding_says_what_to_do() {
        let no_column = parse(b"address_of_house,name\nTokyo,A\n").unwrap_err().to_string();
        assert!(no_column.contains("no column named email"), "{no_column}");
        let broken = parse(b"email\na@b.jp\n\xff\xff\x80").unwrap_err().to_string();
        assert!(broken.contains("line 3") && broken.contains("CSV UTF-8"), "{broken}");
    }
}
