//! What carriers write when they took a mail and could not deliver it after all, each in its own form.

use encoding_rs::ISO_2022_JP;

use crate::mailing::{Mailing, lines};

/// A carrier's form of a late bounce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportForm {
    /// A Postfix before docomo: RFC 3464 with docomo's words in its Diagnostic-Code.
    Docomo,
    /// au: Japanese and English text, and a report that says 5.0.0 and nothing more.
    Au,
    /// SoftBank: Japanese text, the recipient in angle brackets in a report that says 4.2.2.
    Softbank,
    /// Yahoo! JAPAN: qmail's plain text, no report at all.
    YahooJp,
    /// Gmail: RFC 3464 with the words of Google's own server.
    Google,
    /// Outlook: RFC 3464 with Exchange's words.
    Microsoft,
}

impl ReportForm {
    /// Every form.
    pub const ALL: [Self; 6] = [Self::Docomo, Self::Au, Self::Softbank, Self::YahooJp, Self::Google, Self::Microsoft];

    /// The carrier's domain.
    pub fn domain(self) -> &'static str {
        match self {
            Self::Docomo => "docomo.ne.jp",
            Self::Au => "ezweb.ne.jp",
            Self::Softbank => "softbank.ne.jp",
            Self::YahooJp => "yahoo.co.jp",
            Self::Google => "gmail.com",
            Self::Microsoft => "outlook.jp",
        }
    }

    /// The id of the cause that its words mean (`causes.json`).
    pub fn cause(self) -> &'static str {
        match self {
            Self::Docomo | Self::YahooJp | Self::Microsoft => "address_unknown",
            Self::Au => "mailbox_disabled",
            Self::Softbank | Self::Google => "mailbox_full",
        }
    }

    /// The bounce of a mail to `recipient`, from the null sender to `return_path`. `mail` is the mail as it was taken;
    /// its header section is quoted.
    pub fn report(self, recipient: &str, return_path: &str, mail: &[u8]) -> Mailing {
        let host = format!("mta1.{}", self.domain());
        let form = Form { recipient, return_path, host: &host, quoted: header_section(mail) };
        let text = match self {
            Self::Docomo => form.docomo(),
            Self::Au => form.au(),
            Self::Softbank => form.softbank(),
            Self::YahooJp => form.yahoo_jp(),
            Self::Google => form.google(),
            Self::Microsoft => form.microsoft(),
        };
        let content = match self {
            Self::Au | Self::Softbank => ISO_2022_JP.encode(&text).0.into_owned(),
            _ => text.into_bytes(),
        };
        Mailing { ehlo: host, sender: String::new(), recipients: vec![return_path.to_owned()], content }
    }
}

struct Form<'a> {
    recipient: &'a str,
    return_path: &'a str,
    host: &'a str,
    quoted: String,
}

impl Form<'_> {
    fn head(&self, from: &str, subject: &str, type_line: &str) -> String {
        lines([
            "Date: Tue, 1 Dec 2026 09:15:00 +0900 (JST)".to_owned(),
            format!("From: {from}"),
            format!("To: {}", self.return_path),
            format!("Subject: {subject}"),
            format!("Message-ID: <20261201001500.7F3@{}>", self.host),
            "MIME-Version: 1.0".to_owned(),
            format!("Content-Type: {type_line}"),
            String::new(),
        ])
    }

    /// A report of three parts: words, fields, the quoted header section.
    fn three_parts(&self, from: &str, subject: &str, charset: &str, words: &str, fields: &[String]) -> String {
        let mark = format!("7F3.1796256900/{}", self.host);
        let type_line = format!("multipart/report; report-type=delivery-status;\r\n\tboundary=\"{mark}\"");
        let part = |type_line: &str, text: &str| format!("--{mark}\r\nContent-Type: {type_line}\r\n\r\n{text}\r\n");
        [
            self.head(from, subject, &type_line),
            part(&format!("text/plain; charset={charset}"), words),
            part("message/delivery-status", &lines(fields)),
            part("text/rfc822-headers", &self.quoted),
            format!("--{mark}--\r\n"),
        ]
        .concat()
    }

    fn docomo(&self) -> String {
        let reply = format!("550 Unknown user {}", self.recipient);
        let words = lines([
            "This is the mail system of the relay in front of the mailbox.".to_owned(),
            String::new(),
            format!("<{}>: host mfsmax.docomo.ne.jp[203.0.113.112] said: {reply}", self.recipient),
            "    (in reply to RCPT TO command)".to_owned(),
        ]);
        let fields = [
            format!("Reporting-MTA: dns; {}", self.host),
            String::new(),
            format!("Final-Recipient: rfc822; {}", self.recipient),
            "Action: failed".to_owned(),
            "Status: 5.0.0".to_owned(),
            "Remote-MTA: dns; mfsmax.docomo.ne.jp".to_owned(),
            format!("Diagnostic-Code: smtp; {reply}"),
        ];
        let from = format!("MAILER-DAEMON@{} (Mail Delivery System)", self.host);
        self.three_parts(&from, "Undelivered Mail Returned to Sender", "us-ascii", &words, &fields)
    }

    fn au(&self) -> String {
        let words = lines([
            "次の宛先へのメールはエラーのため送信できませんでした。".to_owned(),
            String::new(),
            "送信先メールアドレスが見つかりませんでした。".to_owned(),
            String::new(),
            "The user(s) account is disabled.".to_owned(),
            String::new(),
            format!("<{}>: 550 user unknown (in reply to RCPT TO command)", self.recipient),
        ]);
        let fields = [
            format!("Reporting-MTA: dns; {}", self.host),
            String::new(),
            format!("Final-Recipient: rfc822; {}", self.recipient),
            "Action: failed".to_owned(),
            "Status: 5.0.0".to_owned(),
        ];
        let from = "Mail Administrator <Postmaster@ezweb.ne.jp>";
        self.three_parts(from, "Mail System Error - Returned Mail", "iso-2022-jp", &words, &fields)
    }

    fn softbank(&self) -> String {
        let words = lines([
            "送信先のサーバーメールボックスが一杯で".to_owned(),
            "お届けできませんでした。".to_owned(),
            format!("<{}>", self.recipient),
        ]);
        let fields = [
            format!("Reporting-MTA: dns; {}", self.host),
            String::new(),
            format!("Final-Recipient: RFC822; <{}>", self.recipient),
            "Action: failed".to_owned(),
            "Status: 4.2.2".to_owned(),
        ];
        let from = "<MAILER-DAEMON@softbank.ne.jp>";
        self.three_parts(from, "Non Delivery Notification", "\"iso-2022-jp\"", &words, &fields)
    }

    fn yahoo_jp(&self) -> String {
        let head = self.head("MAILER-DAEMON@yahoo.co.jp", "failure notice", "text/plain; charset=us-ascii");
        let words = lines([
            "Hi. This is the qmail-send program at yahoo.co.jp.".to_owned(),
            "I'm afraid I wasn't able to deliver your message to the following addresses.".to_owned(),
            "This is a permanent error; I've given up. Sorry it didn't work out.".to_owned(),
            String::new(),
            format!("<{}>:", self.recipient),
            format!("This user doesn't have a yahoo.co.jp account ({}) [-9]", self.recipient),
            String::new(),
            "--- Below this line is a copy of the message.".to_owned(),
            String::new(),
        ]);
        head + &words + &self.quoted
    }

    fn google(&self) -> String {
        let reply = "452-4.2.2 The recipient's inbox is out of storage space. Please direct the";
        let words = lines([
            "The recipient's inbox is full. It was tried for some time, and now it is given up.".to_owned(),
            String::new(),
            format!("{}: {reply} recipient to Gmail's help.", self.recipient),
        ]);
        let fields = [
            "Reporting-MTA: dns; googlemail.com".to_owned(),
            format!("Received-From-MTA: dns; {}", self.return_path),
            String::new(),
            format!("Final-Recipient: rfc822; {}", self.recipient),
            "Action: failed".to_owned(),
            "Status: 4.2.2".to_owned(),
            format!("Diagnostic-Code: smtp; {reply}\r\n recipient to Gmail's help - gsmtp"),
        ];
        let from = "Mail Delivery Subsystem <mailer-daemon@googlemail.com>";
        self.three_parts(from, "Delivery Status Notification (Failure)", "\"UTF-8\"", &words, &fields)
    }

    fn microsoft(&self) -> String {
        let reply = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup";
        let words = lines([
            format!("Your message to {} couldn't be delivered.", self.recipient),
            String::new(),
            format!("{} wasn't found at {}.", self.recipient, self.host),
        ]);
        let fields = [
            format!("Reporting-MTA: dns;{}", self.host),
            String::new(),
            format!("Final-Recipient: rfc822;{}", self.recipient),
            "Action: failed".to_owned(),
            "Status: 5.1.10".to_owned(),
            format!("Diagnostic-Code: smtp;{reply}"),
        ];
        let from = format!("<postmaster@{}>", self.host);
        self.three_parts(&from, "Undeliverable: notice", "\"utf-8\"", &words, &fields)
    }
}

/// The header section of a mail, its last line end included. Bytes that are not UTF-8 are replaced.
fn header_section(mail: &[u8]) -> String {
    let end = mail.windows(4).position(|four| four == b"\r\n\r\n").map_or(mail.len(), |at| at + 2);
    String::from_utf8_lossy(mail.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_names_its_recipient_and_quotes_the_header_section_only() {
        let mail = b"Message-ID: <1@node>\r\nSubject: x\r\n\r\nsecret body\r\n";
        for form in ReportForm::ALL {
            let recipient = format!("taro@{}", form.domain());
            let report = form.report(&recipient, "b+1@bounce.example", mail);
            let text = String::from_utf8_lossy(&report.content);
            assert!(report.sender.is_empty() && report.recipients == ["b+1@bounce.example"], "{form:?}");
            assert!(text.contains(&recipient) && text.contains("Message-ID: <1@node>\r\n"), "{form:?}");
            assert!(!text.contains("secret body") && text.ends_with("\r\n"), "{form:?}");
            assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{form:?}: a bare line end");
        }
    }
}
