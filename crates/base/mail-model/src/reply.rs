//! What a remote server said, and to which command it said it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An enhanced status code, RFC 3463. Subject and detail have up to three digits; Exchange uses all of them (5.7.509).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EnhancedStatus {
    /// 2, 4 or 5.
    pub class: u8,
    /// 0–999.
    pub subject: u16,
    /// 0–999.
    pub detail: u16,
}

impl EnhancedStatus {
    /// Reads a code at the beginning of `text`; gives it and the rest of the text after it.
    pub fn read(text: &str) -> Option<(Self, &str)> {
        let mut parts = text.splitn(3, '.');
        let class = match parts.next()? {
            "2" => 2,
            "4" => 4,
            "5" => 5,
            _ => return None,
        };
        let subject = number(parts.next()?)?;
        let tail = parts.next()?;
        let end = tail.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(tail.len());
        let (digits, rest) = tail.split_at(end);
        let clean_end = rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n', '-', ':', ',', ';', ')', ']', '<']);
        let detail = number(digits)?;
        clean_end.then_some((Self { class, subject, detail }, rest))
    }
}

fn number(text: &str) -> Option<u16> {
    let plain = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// A complete SMTP reply. Its text is as the remote wrote it, control characters escaped, lines joined by one space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// 200–599.
    pub code: u16,
    /// The enhanced status of the first line that has one.
    pub enhanced: Option<EnhancedStatus>,
    /// The words, without code and enhanced status.
    pub text: String,
}

impl Reply {
    /// Makes a reply from a code and the words after it, as `550` and `5.1.1 <a@b> unknown`.
    pub fn new(code: u16, words: &str) -> Self {
        match EnhancedStatus::read(words) {
            Some((status, rest)) => Self { code, enhanced: Some(status), text: rest.trim_start().to_owned() },
            None => Self { code, enhanced: None, text: words.to_owned() },
        }
    }

    /// 2xx.
    pub fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// 4xx: try again later.
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// 5xx: do not try again.
    pub fn is_permanent(&self) -> bool {
        (500..600).contains(&self.code)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(status) = self.enhanced {
            write!(f, " {status}")?;
        }
        if !self.text.is_empty() {
            write!(f, " {}", self.text)?;
        }
        Ok(())
    }
}

/// The step of a session that a reply or a failure belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Looking for the carrier's hosts.
    Dns,
    /// TCP connect.
    Connect,
    /// The 220 greeting.
    Greeting,
    /// EHLO or HELO.
    Ehlo,
    /// STARTTLS and the handshake.
    StartTls,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA, up to 354.
    Data,
    /// The content and its final dot.
    DataEnd,
    /// RSET.
    Rset,
    /// QUIT.
    Quit,
}

impl Stage {
    /// The word used in reports, in `--command` and in CSV files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "DNS",
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Ehlo => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::DataEnd => "end of DATA",
            Self::Rset => "RSET",
            Self::Quit => "QUIT",
        }
    }

    /// Reads the words people and logs use: `RCPT`, `rcpt to`, `end of data`, `HELO`, `.` …
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.trim().to_ascii_lowercase().replace(['_', '-'], " ");
        Some(match word.as_str() {
            "dns" => Self::Dns,
            "connect" | "conn" | "connection" => Self::Connect,
            "greeting" | "banner" => Self::Greeting,
            "ehlo" | "helo" => Self::Ehlo,
            "starttls" | "tls" => Self::StartTls,
            "mail" | "mail from" => Self::Mail,
            "rcpt" | "rcpt to" => Self::Rcpt,
            "data" => Self::Data,
            "end of data" | "data end" | "dot" | "." => Self::DataEnd,
            "rset" => Self::Rset,
            "quit" => Self::Quit,
            _ => return None,
        })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_of_an_enhanced_status_survives() {
        let table = [
            ("5.7.509 Access denied", Some("5.7.509"), "Access denied"),
            ("4.7.28", Some("4.7.28"), ""),
            ("5.1.1-rejected", Some("5.1.1"), "-rejected"),
            ("5.1.1.1 what", None, "5.1.1.1 what"),
            ("6.1.1 what", None, "6.1.1 what"),
            ("5.1.1000 what", None, "5.1.1000 what"),
            ("Unknown user <a@b>", None, "Unknown user <a@b>"),
        ];
        for (words, status, text) in table {
            let reply = Reply::new(550, words);
            assert_eq!(reply.enhanced.map(|s| s.to_string()).as_deref(), status, "{words:?}");
            assert_eq!(reply.text, text);
        }
    }

    #[test]
    fn a_stage_reads_back_and_knows_the_words_people_use() {
        use Stage::*;
        for stage in [Dns, Connect, Greeting, Ehlo, StartTls, Mail, Rcpt, Data, DataEnd, Rset, Quit] {
            assert_eq!(Stage::parse(stage.as_str()), Some(stage));
        }
        assert_eq!(Stage::parse("RCPT TO"), Some(Rcpt));
        assert_eq!(Stage::parse("nonsense"), None);
    }
}
