//! The load: who gets mail, and the same mail as SMTP content and as JSON calls.

use std::fmt::Write;

use anyhow::{Context, Result};
use mail_model::EmailAddress;

/// The sink's carriers with their domains. The order gives their addresses: 127.0.0.11, .12 …
pub const CARRIERS: [(&str, &str); 6] = [
    ("docomo", "docomo.ne.jp"),
    ("au", "au.com"),
    ("softbank", "softbank.ne.jp"),
    ("google", "gmail.com"),
    ("apple", "icloud.com"),
    ("yahoo_jp", "yahoo.co.jp"),
];

/// The address of the first carrier; the others follow it.
pub const FIRST_CARRIER: [u8; 4] = [127, 0, 0, 11];

/// Envelope sender of everything.
pub const SENDER: &str = "bounce@school.example";

/// Domain of everything's From.
pub const SENDER_DOMAIN: &str = "school.example";

const SUBJECT: &str = "School closed on Tuesday because of the typhoon";
const HEADER_SENDER: &str = "School <notice@school.example>";
const SENTENCE: &str = "Please keep your children at home. We write again as soon as lessons can be held.";

/// A run of mails: numbers from `first`, spread over the domains of `carriers`.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Number of the first recipient.
    pub first: u32,
    /// How many recipients.
    pub count: u32,
    /// First of [`CARRIERS`] that gets mail.
    pub carriers_from: usize,
    /// How many of [`CARRIERS`], from there, get mail; at least 1.
    pub carriers: usize,
    /// Size of one finished mail in bytes, headers included; about, for mails that the engine makes.
    pub mail_bytes: usize,
}

impl Load {
    /// `count` mails of `mail_bytes` to all carriers.
    pub fn of(count: u32, mail_bytes: usize) -> Self {
        Self { first: 0, count, carriers_from: 0, carriers: CARRIERS.len(), mail_bytes }
    }

    /// Numbers of all recipients.
    pub fn numbers(&self) -> std::ops::Range<u32> {
        self.first..self.first.saturating_add(self.count)
    }

    /// The address of recipient `number`.
    pub fn recipient(&self, number: u32) -> String {
        let place = self.carriers_from + number as usize % self.carriers.max(1);
        format!("guardian.{number:07}@{}", CARRIERS[place % CARRIERS.len()].1)
    }

    /// The same, checked.
    ///
    /// # Errors
    /// Never for a load made here.
    pub fn address(&self, number: u32) -> Result<EmailAddress> {
        self.recipient(number).parse().context("a recipient of the load is no address")
    }

    /// A whole mail as a client hands it in by SMTP: CRLF-clean, not dot-stuffed, at most two bytes shorter than
    /// `mail_bytes`.
    pub fn smtp_content(&self, number: u32) -> String {
        let mut mail = format!(
            "From: {HEADER_SENDER}\r\nTo: <{}>\r\nSubject: {SUBJECT}\r\nDate: Tue, 1 Sep 2026 06:30:00 +0900\r\n\
             Message-ID: <bench.{number:07}@school.example>\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
             Dear {},\r\n\r\n",
            self.recipient(number),
            name(number)
        );
        let wanted = self.mail_bytes.max(mail.len() + 4);
        fill(&mut mail, wanted - 2, "\r\n");
        mail.push_str("\r\n");
        mail
    }

    /// One call for all recipients. `extra` is put before the recipients: `"not_before":"…",`.
    pub fn one_call(&self, campaign: &str, extra: &str, with_names: bool) -> Vec<u8> {
        let mut body = self.head(campaign, if with_names { "{{ name }}" } else { "guardian" });
        let _ = write!(body, ",{extra}\"recipients\":[");
        body.reserve(self.count as usize * 100);
        for number in self.numbers() {
            let comma = if number == self.first { "" } else { "," };
            let _ = write!(body, "{comma}{{\"email\":\"{}\"", self.recipient(number));
            if with_names {
                let _ = write!(body, ",\"name\":\"{}\"", name(number));
            }
            body.push('}');
        }
        body.push_str("]}");
        body.into_bytes()
    }

    /// A call of its own for one recipient.
    pub fn separate_call(&self, campaign: &str, number: u32) -> Vec<u8> {
        let mut body = self.head(campaign, &name(number));
        let _ = write!(body, ",\"recipients\":[{{\"email\":\"{}\"}}]}}", self.recipient(number));
        body.into_bytes()
    }

    fn head(&self, campaign: &str, name: &str) -> String {
        let mut text = format!("Dear {name},\\n\\n");
        // What the engine puts around the text: nine header fields.
        let around = 370;
        let wanted = self.mail_bytes.saturating_sub(around).max(text.len() + 1);
        fill(&mut text, wanted, "\\n");
        format!(
            "{{\"envelope_sender\":\"{SENDER}\",\"campaign\":\"{campaign}\",\"tenant\":\"school\",\
             \"content\":{{\"from\":\"{HEADER_SENDER}\",\"subject\":\"{SUBJECT}\",\"text_body\":\"{text}\"}}"
        )
    }
}

fn name(number: u32) -> String {
    format!("Guardian Number {number:07}")
}

/// Fills up to `wanted` bytes with sentences, each on a line of its own.
fn fill(text: &mut String, wanted: usize, line_end: &str) {
    while text.len() + SENTENCE.len() + line_end.len() <= wanted {
        text.push_str(SENTENCE);
        text.push_str(line_end);
    }
    let rest = wanted.saturating_sub(text.len());
    text.push_str(&SENTENCE[..rest.min(SENTENCE.len())]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_has_the_size_asked_for_and_clean_line_ends() {
        for bytes in [4_096, 1_000, 10_000] {
            let mail = Load::of(10, bytes).smtp_content(7);
            assert!(mail.len() <= bytes && mail.len() + 90 > bytes, "{} of {bytes}", mail.len());
            assert!(!mail.replace("\r\n", "").contains(['\r', '\n']));
        }
    }

    #[test]
    fn calls_are_json_and_name_every_recipient() {
        let load = Load { first: 100, carriers_from: 1, carriers: 5, ..Load::of(12, 4_096) };
        for names in [false, true] {
            let call: serde_json::Value =
                serde_json::from_slice(&load.one_call("c", "\"class\":\"normal\",", names)).unwrap();
            assert_eq!(call["recipients"].as_array().unwrap().len(), 12);
            assert_eq!(call["recipients"][0]["email"], load.recipient(100));
        }
        let call: serde_json::Value = serde_json::from_slice(&load.separate_call("c", 105)).unwrap();
        assert_eq!(call["recipients"][0]["email"], load.recipient(105));
        assert!(load.numbers().all(|n| !load.recipient(n).ends_with("docomo.ne.jp")));
    }
}
