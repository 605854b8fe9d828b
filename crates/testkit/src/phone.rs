//! Mails as people's phones and their carriers write them: who sends from where, and the oddities of each kind.
//!
//! Hosts and addresses are made up; the habits (charsets, missing fields, irregular local parts) are those that the
//! carriers are known for.

use std::net::{IpAddr, Ipv4Addr};

use encoding_rs::{Encoding, ISO_2022_JP, SHIFT_JIS, UTF_8};

use crate::base64::base64;
use crate::mailing::{Mailing, lines};
use crate::record::DnsRecord;

/// Where forged mail comes from: an address that no carrier's SPF names.
pub const FORGER: Ipv4Addr = Ipv4Addr::new(127, 0, 3, 200);

/// How a phone writes the subject of a mail in which its owner entered none, or a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// No such field.
    Missing,
    /// A field without a value.
    Empty,
    /// Japanese as it is, in the charset of the mail; forbidden, and seen.
    Raw(&'static str),
    /// Encoded words (RFC 2047, B).
    Encoded(&'static str),
}

/// What stands for a body in which nothing was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// Not even a line end.
    Nothing,
    /// An empty line.
    Line,
    /// Plain text and HTML, both empty.
    Alternative,
    /// HTML alone.
    Html,
    /// What the phone adds by itself.
    Signature(&'static str),
}

/// A kind of phone, and one person who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Its carrier's name.
    pub carrier: &'static str,
    /// The person's local part as the carrier gave it out.
    pub local: &'static str,
    /// The carrier's domain.
    pub domain: &'static str,
    /// The carrier's outgoing host, the name in EHLO.
    pub host: &'static str,
    /// That host's address.
    pub source: Ipv4Addr,
    charset: &'static Encoding,
    subject: Subject,
    body: Body,
    has_message_id: bool,
    mailer: &'static str,
}

const fn source(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 3, last)
}

const DOCOMO: Phone = Phone {
    carrier: "docomo",
    local: "a..b.",
    domain: "docomo.ne.jp",
    host: "out1.mail.docomo.ne.jp",
    source: source(11),
    charset: ISO_2022_JP,
    subject: Subject::Empty,
    body: Body::Nothing,
    has_message_id: true,
    mailer: "",
};

/// Every kind, one person each.
pub const PHONES: [Phone; 13] = [
    DOCOMO,
    Phone { local: "-taro_-..-", subject: Subject::Raw("登録"), charset: SHIFT_JIS, has_message_id: false, ..DOCOMO },
    Phone {
        carrier: "au",
        local: ".hanako",
        domain: "ezweb.ne.jp",
        host: "nnmta1.ezweb.ne.jp",
        source: source(12),
        subject: Subject::Missing,
        body: Body::Line,
        ..DOCOMO
    },
    Phone {
        carrier: "au",
        local: "sakura.mama",
        domain: "au.com",
        host: "omta1.au.com",
        source: source(13),
        subject: Subject::Encoded("空メール"),
        body: Body::Line,
        ..DOCOMO
    },
    Phone {
        carrier: "softbank",
        local: "haru-no_umi",
        domain: "softbank.ne.jp",
        host: "ebmky.softbank.ne.jp",
        source: source(14),
        charset: SHIFT_JIS,
        subject: Subject::Raw("ｱﾄﾞﾚｽ登録"),
        body: Body::Nothing,
        has_message_id: false,
        mailer: "",
    },
    Phone {
        carrier: "softbank",
        local: "yuki.s",
        domain: "i.softbank.jp",
        host: "imail1.mailsv.softbank.jp",
        source: source(15),
        charset: UTF_8,
        subject: Subject::Missing,
        body: Body::Signature("iPhoneから送信"),
        has_message_id: true,
        mailer: "iPhone Mail (23B85)",
    },
    Phone {
        carrier: "ymobile",
        local: "w.0123",
        domain: "ymobile.ne.jp",
        host: "mx-out.ymobile.ne.jp",
        source: source(16),
        charset: SHIFT_JIS,
        subject: Subject::Encoded("無題"),
        body: Body::Line,
        has_message_id: false,
        mailer: "",
    },
    Phone {
        carrier: "rakuten",
        local: "kenji",
        domain: "rakumail.jp",
        host: "out.rakumail.jp",
        source: source(17),
        charset: UTF_8,
        subject: Subject::Empty,
        body: Body::Alternative,
        has_message_id: true,
        mailer: "",
    },
    Phone {
        carrier: "uq",
        local: "mei+2",
        domain: "uqmobile.jp",
        host: "smtp.uqmobile.jp",
        source: source(18),
        charset: ISO_2022_JP,
        subject: Subject::Raw("テスト"),
        body: Body::Nothing,
        has_message_id: true,
        mailer: "",
    },
    Phone {
        carrier: "yahoo_jp",
        local: "n_tanaka2010",
        domain: "yahoo.co.jp",
        host: "nh601.bbt.yahoo.co.jp",
        source: source(19),
        charset: ISO_2022_JP,
        subject: Subject::Encoded("登録お願いします"),
        body: Body::Html,
        has_message_id: true,
        mailer: "YahooMailWebService",
    },
    Phone {
        carrier: "google",
        local: "suzuki.ichiro",
        domain: "gmail.com",
        host: "mail-lf1.google.com",
        source: source(20),
        charset: UTF_8,
        subject: Subject::Empty,
        body: Body::Alternative,
        has_message_id: true,
        mailer: "",
    },
    Phone {
        carrier: "apple",
        local: "miku",
        domain: "icloud.com",
        host: "st41p00im.me.com",
        source: source(21),
        charset: UTF_8,
        subject: Subject::Missing,
        body: Body::Signature("Sent from my iPhone"),
        has_message_id: true,
        mailer: "iPhone Mail (23B85)",
    },
    Phone {
        carrier: "microsoft",
        local: "papa_ken",
        domain: "outlook.jp",
        host: "mail-os0jpn01.outbound.outlook.com",
        source: source(22),
        charset: UTF_8,
        subject: Subject::Encoded("（件名なし）"),
        body: Body::Html,
        has_message_id: true,
        mailer: "",
    },
];

impl Phone {
    /// The person's address, not quoted however irregular.
    pub fn address(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// What the carrier publishes of its outgoing host: addresses forward and back, SPF that calls all others doubtful (as
    /// docomo, au and SoftBank do), DMARC.
    pub fn records(&self) -> [DnsRecord; 4] {
        let address = IpAddr::V4(self.source);
        [
            DnsRecord::txt(self.domain, &format!("v=spf1 ip4:{address} ~all")),
            DnsRecord::txt(&format!("_dmarc.{}", self.domain), "v=DMARC1; p=none"),
            DnsRecord::address(self.host, address),
            DnsRecord::ptr(address, self.host),
        ]
    }

    /// The mail of somebody who opened a registration link, entered nothing and pressed "send". `serial` tells two of
    /// them apart.
    pub fn empty_mail(&self, to: &str, serial: u32) -> Mailing {
        self.mailing(to, serial, &[])
    }

    /// What the phone's owner has it say while away, to whoever writes (RFC 3834 marks it).
    pub fn auto_reply(&self, to: &str, serial: u32) -> Mailing {
        self.mailing(to, serial, &["Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All"])
    }

    fn mailing(&self, to: &str, serial: u32, more: &[&str]) -> Mailing {
        Mailing {
            ehlo: self.host.to_owned(),
            sender: self.address(),
            recipients: vec![to.to_owned()],
            content: self.content(to, serial, more),
        }
    }

    fn content(&self, to: &str, serial: u32, more: &[&str]) -> Vec<u8> {
        let (type_line, body) = self.body(serial);
        let mut head = vec![
            format!("Received: from {} by {}; Tue, 1 Dec 2026 07:30:{:02} +0900", self.source, self.host, serial % 60),
            "Date: Tue, 1 Dec 2026 07:30:00 +0900".to_owned(),
            format!("From: {}", self.address()),
            format!("To: {to}"),
            "MIME-Version: 1.0".to_owned(),
            type_line,
        ];
        if self.has_message_id {
            head.push(format!("Message-ID: <{serial:08x}.{}@{}>", self.source, self.host));
        }
        if !self.mailer.is_empty() {
            head.push(format!("X-Mailer: {}", self.mailer));
        }
        head.extend(more.iter().map(|line| (*line).to_owned()));
        let mut content = lines(head).into_bytes();
        content.extend(self.subject_line());
        content.extend_from_slice(b"\r\n");
        content.extend(self.charset.encode(&body).0.iter());
        content
    }

    fn subject_line(&self) -> Vec<u8> {
        match self.subject {
            Subject::Missing => Vec::new(),
            Subject::Empty => b"Subject: \r\n".to_vec(),
            Subject::Raw(text) => [b"Subject: ", &*self.charset.encode(text).0, b"\r\n"].concat(),
            Subject::Encoded(text) => {
                let encoded = base64(&self.charset.encode(text).0);
                format!("Subject: =?{}?B?{encoded}?=\r\n", self.charset.name()).into_bytes()
            }
        }
    }

    fn body(&self, serial: u32) -> (String, String) {
        let charset = self.charset.name();
        let plain = format!("Content-Type: text/plain; charset={charset}");
        let html = "<html><body><div dir=\"auto\"></div></body></html>";
        match self.body {
            Body::Nothing => (plain, String::new()),
            Body::Line => (plain, "\r\n".to_owned()),
            Body::Signature(text) => (plain, format!("\r\n\r\n{text}\r\n")),
            Body::Html => (format!("Content-Type: text/html; charset=\"{charset}\""), format!("{html}\r\n")),
            Body::Alternative => {
                let mark = format!("----={serial:08x}");
                let part = |kind: &str, text: &str| {
                    format!("--{mark}\r\nContent-Type: text/{kind}; charset=\"{charset}\"\r\n\r\n{text}\r\n")
                };
                let text = part("plain", "") + &part("html", html) + &format!("--{mark}--\r\n");
                (format!("Content-Type: multipart/alternative; boundary=\"{mark}\""), text)
            }
        }
    }
}
