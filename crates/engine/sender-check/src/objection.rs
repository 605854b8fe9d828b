//! Who asks for what, and what they do without it. Facts, each with the page that says so.

use serde::Serialize;

/// What a carrier does with mail that lacks something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// May drop it in silence, put it among spam, or refuse it.
    MayDrop,
    /// Shows the recipient a warning, and may drop it, too.
    Warns,
    /// Refuses it.
    Refuses,
}

/// One carrier's objection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Objection {
    /// The carrier, as it calls itself.
    pub who: &'static str,
    /// What it does.
    pub effect: Effect,
    /// Where that is known from.
    pub source: &'static str,
}

/// What carriers ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matter {
    /// The From domain has an address or an MX.
    FromDomain,
    /// The return path's domain exists.
    EnvelopeDomain,
    /// SPF of the From domain names the sources.
    SpfFrom,
    /// SPF of the return path's domain names the sources.
    SpfEnvelope,
    /// SPF of the EHLO name, for mail without a return path.
    SpfHelo,
    /// A signature that can be verified.
    Dkim,
    /// A key of at least 1024 bits.
    DkimLength,
    /// A DMARC record.
    Dmarc,
    /// SPF or DKIM belongs to the From domain.
    Alignment,
    /// Each source has a PTR whose name leads back to it.
    Ptr,
}

/// The carriers that are told about, in the order of the page.
pub const CARRIERS: [&str; 7] = ["docomo", "au", "SoftBank", "Gmail", "Outlook", "iCloud", "Yahoo! JAPAN"];

pub(crate) const DOCOMO: &str = "https://www.docomo.ne.jp/service/docomo_mail/smtp_notice/";
pub(crate) const AU: &str = "https://au.com/mobile/service/mail/attention/spf-record";
pub(crate) const SOFTBANK: &str = "https://www.softbank.jp/mobile/info/personal/news/support/20240213a/";
// A sender's collection of SoftBank's replies; SoftBank itself publishes none.
pub(crate) const SOFTBANK_REPLIES: &str = "https://note.com/sendmagic/n/n5afbf98aeb25";
pub(crate) const GMAIL: &str = "https://support.google.com/mail/answer/81126";
pub(crate) const OUTLOOK: &str = "https://support.microsoft.com/en-au/topic/fix-ndr-error-550-5-7-515-in-outlook-com-34cfe8f8-6fbf-457e-9e8b-9e4dbaf4e0ef";
pub(crate) const OUTLOOK_POLICIES: &str = "https://sendersupport.olc.protection.outlook.com/pm/policies.aspx";
pub(crate) const ICLOUD: &str = "https://support.apple.com/en-us/102322";
pub(crate) const YAHOO_JP: &str = "https://whatsnewmail.yahoo.co.jp/yahoo/20241211a.html";

type Row = (Matter, &'static str, Effect, &'static str);

/// Everything known. docomo verifies SPF for the domain of the From line; au for the return path and, when that is
/// empty, for the EHLO name. What a carrier has not said, and nobody has measured, has no row.
const ROWS: [Row; 29] = {
    use Effect::{MayDrop, Refuses, Warns};
    use Matter::{Alignment, Dkim, DkimLength, Dmarc, EnvelopeDomain, FromDomain, Ptr, SpfEnvelope, SpfFrom, SpfHelo};
    [
        (FromDomain, "docomo", MayDrop, DOCOMO),
        (EnvelopeDomain, "SoftBank", Refuses, SOFTBANK_REPLIES),
        (SpfFrom, "docomo", MayDrop, DOCOMO),
        (SpfEnvelope, "au", MayDrop, AU),
        (SpfEnvelope, "Gmail", Refuses, GMAIL),
        (SpfEnvelope, "Outlook", Refuses, OUTLOOK),
        (SpfEnvelope, "iCloud", Refuses, ICLOUD),
        (SpfEnvelope, "Yahoo! JAPAN", MayDrop, YAHOO_JP),
        (SpfHelo, "au", MayDrop, AU),
        (Dkim, "docomo", MayDrop, DOCOMO),
        (Dkim, "Gmail", Refuses, GMAIL),
        (Dkim, "Outlook", Refuses, OUTLOOK),
        (Dkim, "iCloud", Refuses, ICLOUD),
        (Dkim, "Yahoo! JAPAN", MayDrop, YAHOO_JP),
        (DkimLength, "Gmail", Refuses, GMAIL),
        (Dmarc, "docomo", Warns, DOCOMO),
        (Dmarc, "Gmail", Refuses, GMAIL),
        (Dmarc, "Outlook", Refuses, OUTLOOK),
        (Dmarc, "iCloud", Refuses, ICLOUD),
        (Alignment, "docomo", Warns, DOCOMO),
        (Alignment, "au", MayDrop, AU),
        (Alignment, "SoftBank", MayDrop, SOFTBANK),
        (Alignment, "Gmail", Refuses, GMAIL),
        (Alignment, "Outlook", Refuses, OUTLOOK),
        (Alignment, "iCloud", Refuses, ICLOUD),
        (Alignment, "Yahoo! JAPAN", MayDrop, YAHOO_JP),
        (Ptr, "Gmail", Refuses, GMAIL),
        (Ptr, "Outlook", MayDrop, OUTLOOK_POLICIES),
        (Ptr, "iCloud", Refuses, ICLOUD),
    ]
};

/// Who objects to any of `matters`; a carrier once, with its gravest effect.
pub(crate) fn objections(matters: &[Matter]) -> Vec<Objection> {
    let of = |carrier: &'static str| {
        let rows = ROWS.iter().filter(|(matter, who, ..)| *who == carrier && matters.contains(matter));
        rows.max_by_key(|(_, _, effect, _)| *effect).map(|&(_, who, effect, source)| Objection { who, effect, source })
    };
    CARRIERS.into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carrier_objects_once_and_by_its_gravest_rule() {
        let who: Vec<_> =
            objections(&[Matter::SpfFrom, Matter::SpfEnvelope]).iter().map(|o| (o.who, o.effect)).collect();
        assert_eq!(who.first(), Some(&("docomo", Effect::MayDrop)));
        assert_eq!(who.len(), 6);
        assert!(objections(&[]).is_empty());
        for (_, who, _, source) in ROWS {
            assert!(CARRIERS.contains(&who) && source.starts_with("https://"), "{who}");
        }
    }
}
