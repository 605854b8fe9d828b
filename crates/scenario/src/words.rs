//! What carriers say, as bounces and logs collected by others quote it. Where a carrier's own words for a situation were
//! never seen, they are RFC 5321's.

use mail_model::Reply;

/// Whose way of speaking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Style {
    /// NTT docomo: no enhanced codes.
    Docomo,
    /// au: no enhanced codes, a reset instead of words.
    Au,
    /// SoftBank: a bare code.
    Softbank,
    /// Gmail.
    Gmail,
    /// Outlook.com.
    Microsoft,
    /// Yahoo! JAPAN.
    YahooJp,
    /// Postfix.
    Generic,
}

/// Something to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// More sessions than allowed.
    Sessions,
    /// More mails in a session than allowed.
    SessionMails,
    /// Faster or more than allowed.
    TooMuch,
    /// Banned for excess.
    Ban,
    /// Blocked for unknown recipients.
    UnknownBlock,
    /// Out of order.
    Outage,
    /// Put off at first.
    Greylist,
    /// Put off around the full hour.
    FullHour,
    /// Put off for no reason of ours.
    Busy,
    /// On a list.
    Listed,
}

impl Style {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::Docomo, Self::Au, Self::Softbank, Self::Gmail, Self::Microsoft, Self::YahooJp, Self::Generic];

    /// As written in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docomo => "docomo",
            Self::Au => "au",
            Self::Softbank => "softbank",
            Self::Gmail => "gmail",
            Self::Microsoft => "microsoft",
            Self::YahooJp => "yahoo_jp",
            Self::Generic => "generic",
        }
    }

    /// The style of a carrier's name, by the names of the built-in profiles.
    pub fn of_carrier(name: &str) -> Self {
        match name {
            "docomo" | "mopera" => Self::Docomo,
            "au" => Self::Au,
            "softbank" | "softbank_i" | "ymobile_old" => Self::Softbank,
            "google" => Self::Gmail,
            "microsoft" | "microsoft365" => Self::Microsoft,
            "yahoo_jp" => Self::YahooJp,
            _ => Self::Generic,
        }
    }

    /// The greeting of a session that is let in.
    pub(crate) fn greeting(self) -> Reply {
        Reply { code: 220, enhanced: None, text: "ESMTP".to_owned() }
    }

    /// The last word on a mail that is taken.
    pub(crate) fn accepted(self) -> Reply {
        let text = match self {
            Self::Docomo | Self::Au | Self::Softbank => "OK",
            Self::Gmail => "2.0.0 OK - gsmtp",
            Self::YahooJp => "ok dirdel",
            Self::Microsoft | Self::Generic => "2.0.0 Ok: queued",
        };
        Reply::new(250, text)
    }

    /// What is said of a recipient who does not exist.
    pub(crate) fn unknown(self) -> &'static str {
        match self {
            Self::Docomo => "550 Unknown user {address}",
            Self::Au => "550 <{address}>: User unknown",
            Self::Softbank => "550 Invalid recipient: <{address}>",
            Self::Gmail => {
                "550 5.1.1 The email account that you tried to reach does not exist. For more information, go to \
                 https://support.google.com/mail/?p=NoSuchUser - gsmtp"
            }
            Self::Microsoft => "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).",
            Self::YahooJp => "554 delivery error: dd This user doesn't have a yahoo.co.jp account ({address}) [-9]",
            Self::Generic => "550 5.1.1 <{address}>: Recipient address rejected: User unknown",
        }
    }

    /// The usual code in a situation.
    pub(crate) fn code(self, situation: Situation) -> u16 {
        match (situation, self) {
            (Situation::Listed, _) => 550,
            (Situation::UnknownBlock, Self::Generic) => 554,
            (Situation::Ban, Self::Generic) => 554,
            (Situation::Greylist, _) => 450,
            (Situation::FullHour | Situation::Busy, _) => 451,
            (Situation::TooMuch | Situation::Sessions, Self::Microsoft) => 451,
            _ => 421,
        }
    }

    /// The whole reply in a situation with a code. A code of another class than the usual one changes the first
    /// figure of the enhanced code too.
    pub(crate) fn text(self, situation: Situation, code: u16) -> String {
        let words = self.words(situation, code);
        let class = if code >= 500 { '5' } else { '4' };
        let words = match words.split_at_checked(2) {
            Some(("4." | "5.", rest)) => format!("{class}.{rest}"),
            _ => words.to_owned(),
        };
        format!("{code} {words}").trim_end().to_owned()
    }

    fn words(self, situation: Situation, code: u16) -> &'static str {
        if situation == Situation::Listed {
            return match self {
                Self::Docomo | Self::Au | Self::Softbank => "Access denied: {source} is blocked",
                Self::Microsoft => {
                    "5.7.1 Unfortunately, messages from [{source}] weren't sent. Part of their network is on our block list (S3140)."
                }
                Self::Gmail => {
                    "5.7.1 [{source}] Our system has detected that this message comes from a blocked IP address - gsmtp"
                }
                Self::YahooJp => "5.7.1 Message from {source} rejected: blocked using local list",
                Self::Generic => "5.7.1 Service unavailable; client host [{source}] blocked using rbl.example",
            };
        }
        match (self, situation) {
            (Self::Docomo | Self::Au, Situation::Greylist) => "Greylisted, please try again later",
            (Self::Softbank, Situation::Greylist) => "Greylisted",
            (_, Situation::Greylist) => "4.2.0 <{address}>: Recipient address rejected: Greylisted",
            (Self::Docomo | Self::Au | Self::Softbank, Situation::Busy) => {
                "Requested action aborted: local error in processing"
            }
            (Self::Softbank, _) => "",
            (Self::Docomo | Self::Au, _) if code == 421 => "Service not available, closing transmission channel",
            (Self::Docomo | Self::Au, _) if code >= 500 => "Access denied",
            (Self::Docomo | Self::Au, _) => "Requested action not taken",
            (Self::Gmail, Situation::Busy | Situation::FullHour | Situation::Outage) => {
                "4.3.0 Mail server temporarily rejected message. - gsmtp"
            }
            (Self::Gmail, Situation::Sessions | Situation::SessionMails) => {
                "4.7.0 Try again later, closing connection. - gsmtp"
            }
            (Self::Gmail, _) => {
                "4.7.28 Gmail has detected an unusual rate of mail originating from your IP address [{source}]. - gsmtp"
            }
            (Self::Microsoft, Situation::Sessions) => {
                "4.7.652 The mail server [{source}] has exceeded the maximum number of connections. (S3115)"
            }
            (Self::Microsoft, Situation::Busy | Situation::FullHour | Situation::Outage) => {
                "4.3.2 Temporary server error. Please try again later"
            }
            (Self::Microsoft, _) => {
                "4.7.650 The mail server [{source}] has been temporarily rate limited due to IP reputation."
            }
            (Self::YahooJp, Situation::Busy | Situation::FullHour | Situation::Outage) => {
                "Resources temporarily unavailable, please try again later [#4.1.9]."
            }
            (Self::YahooJp, Situation::TooMuch) => "VS98-IP0 deferred",
            (Self::YahooJp, _) => "[TSS04] Messages from {source} temporarily deferred",
            (Self::Generic, other) => generic(other),
        }
    }
}

fn generic(situation: Situation) -> &'static str {
    match situation {
        Situation::Sessions => "4.7.0 Error: too many connections from {source}",
        Situation::SessionMails => "4.7.0 Error: too many messages in this session",
        Situation::TooMuch => "4.7.1 Error: too much mail from {source}",
        Situation::Ban => "5.7.1 Service unavailable; client host [{source}] blocked",
        Situation::UnknownBlock => "5.7.1 Client host [{source}] blocked for too many unknown recipients",
        Situation::Outage | Situation::FullHour => "4.3.2 Service currently unavailable",
        Situation::Greylist => "4.2.0 Greylisted",
        Situation::Busy => "4.3.0 Temporary server error",
        Situation::Listed => "5.7.1 Client host [{source}] blocked",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITUATIONS: [Situation; 10] = [
        Situation::Sessions,
        Situation::SessionMails,
        Situation::TooMuch,
        Situation::Ban,
        Situation::UnknownBlock,
        Situation::Outage,
        Situation::Greylist,
        Situation::FullHour,
        Situation::Busy,
        Situation::Listed,
    ];

    #[test]
    fn every_style_has_a_reply_for_every_situation_with_an_enhanced_code_of_the_same_class() {
        for style in Style::ALL {
            for situation in SITUATIONS {
                for code in [style.code(situation), 421, 450, 452, 554] {
                    let text = style.text(situation, code);
                    let reply = Reply::new(text[..3].parse().unwrap(), text[3..].trim());
                    assert_eq!(reply.code, code, "{text}");
                    let class = reply.enhanced.map_or(code / 100, |status| status.class.into());
                    assert_eq!(class, code / 100, "{text}");
                }
            }
            assert!(style.accepted().is_positive() && style.greeting().is_positive());
            assert!(style.unknown().starts_with("55"));
        }
    }

    #[test]
    fn a_style_is_found_by_the_name_of_a_built_in_profile() {
        let table = [("docomo", Style::Docomo), ("google", Style::Gmail), ("nobody_knows", Style::Generic)];
        for (name, style) in table {
            assert_eq!(Style::of_carrier(name), style);
        }
    }
}
