//! `[canaries]` and `[[canary_mailboxes]]`: mailboxes of our own at each carrier, in which every campaign must arrive.

use mail_model::{CarrierName, EmailAddress};

use super::carrier::{CarrierProfile, CarriersConfig};
use super::text::{CANARY_NAME_FORM, CANARY_WAY_FORM, CanaryName, CanaryWay, NAME_FORM};
use crate::written::document::Table;
use crate::written::section::{Reading, Section};
use crate::written::setting::{Kind, settings, text, whole};
use crate::written::value::At;

settings! {
    /// Canaries: a carrier's 250 says that it took a mail, not that the mail arrives. A mail to a mailbox of our own
    /// goes along with each campaign, and what is accepted and does not arrive raises an alarm.
    pub(crate) struct CanariesWritten in "canaries" {
        /// Whether canaries join campaigns. False switches them off without taking the mailboxes out.
        enabled: bool = true, Kind::Flag;
        /// How long after the carrier's 250 a canary may take to arrive before it is missed. 45 and a look each second
        /// leave a quarter of a minute for those who ask: the alarm stands within 60. Mailboxes that forward slowly
        /// need more.
        arrive_within_s: u64 = 45, whole(1, 3_600, "seconds");
        /// Recipients from which a campaign takes canaries along. Below it a canary would be most of the mail.
        recipients_min: u32 = 100, whole(1, 1_000_000, "recipients");
        /// Shortest time between canaries of two campaigns in one mailbox: phones of our own ring, too. Emergencies
        /// and canaries of the same campaign do not wait for it.
        mailbox_rest_s: u64 = 1_800, whole(0, 86_400, "seconds");
        /// After this time, and each time again, a campaign that is still being sent takes further canaries along.
        again_after_s: u64 = 600, whole(1, 86_400, "seconds");
    }
}

settings! {
    /// A mailbox of our own at a carrier. Two at one carrier tell a broken mailbox from a carrier that drops mail.
    pub(crate) struct CanaryMailboxWritten in "[canary_mailboxes]" {
        /// Its name in reports and in the address it forwards to. No address and no person's name: it stands in logs.
        name: At<CanaryName> = required, text(CANARY_NAME_FORM);
        /// Whose mailbox it is.
        carrier: At<CarrierName> = required, text(NAME_FORM);
        /// Where the canaries go. Nobody else's address.
        address: At<EmailAddress> = required, text("an address such as canary-1@docomo.ne.jp");
        /// How arrival is told: `forward`, the mailbox forwards all mail to the address that `todoke canaries addresses`
        /// prints (needs `[returns]` and `[inbound]`); `webhook`, a program that reads the mailbox calls the API.
        arrives_by: At<CanaryWay> = "forward", text(CANARY_WAY_FORM);
    }
}

/// Own mailboxes that take part in campaigns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanariesConfig {
    /// Whether canaries join campaigns.
    pub enabled: bool,
    /// How long after the carrier's 250 a canary may take to arrive, in seconds.
    pub arrive_within_s: u64,
    /// Recipients from which a campaign takes canaries along.
    pub recipients_min: u32,
    /// Shortest time between canaries of two campaigns in one mailbox, in seconds.
    pub mailbox_rest_s: u64,
    /// How often a campaign that is still being sent takes further canaries along, in seconds.
    pub again_after_s: u64,
    /// The mailboxes; names and addresses stand once.
    pub mailboxes: Vec<CanaryMailbox>,
}

/// A mailbox of our own at a carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryMailbox {
    /// Its name.
    pub name: CanaryName,
    /// Whose mailbox it is.
    pub carrier: CarrierName,
    /// Where the canaries go.
    pub address: EmailAddress,
    /// How arrival is told.
    pub arrives_by: CanaryWay,
}

/// What of the rest of the configuration canaries need.
pub(crate) struct Around<'a> {
    /// Whether forwarded mail can be received: there are `[returns]` and a listener.
    pub hears: bool,
    /// The carriers, where they could be read.
    pub carriers: Option<&'a CarriersConfig>,
}

/// Reads the section and all mailboxes.
pub(crate) fn read(
    reading: &Reading,
    origin: &str,
    section: &Section<'_>,
    tables: &[&Table],
    around: &Around<'_>,
) -> Option<CanariesConfig> {
    let written = CanariesWritten::read(section);
    let mut mailboxes: Vec<CanaryMailbox> = Vec::with_capacity(tables.len());
    for table in tables {
        let section = Section::single(reading, origin, "canary_mailboxes", Some(table));
        let Some(written) = CanaryMailboxWritten::read(&section) else { continue };
        if check(&section, &written, &mailboxes, around) {
            mailboxes.push(CanaryMailbox {
                name: written.name.value,
                carrier: written.carrier.value,
                address: written.address.value,
                arrives_by: written.arrives_by.value,
            });
        }
    }
    let CanariesWritten { enabled, arrive_within_s, recipients_min, mailbox_rest_s, again_after_s } = written?;
    Some(CanariesConfig { enabled, arrive_within_s, recipients_min, mailbox_rest_s, again_after_s, mailboxes })
}

/// Notes what is wrong with a mailbox; whether it can be used.
fn check(section: &Section<'_>, written: &CanaryMailboxWritten, before: &[CanaryMailbox], around: &Around<'_>) -> bool {
    let CanaryMailboxWritten { name, carrier, address, arrives_by } = written;
    let mut good = true;
    let mut fault = |line: u32, key: &str, what: String, remedy: String| {
        section.fault_at(line, key, what, remedy);
        good = false;
    };
    if before.iter().any(|other| other.name == name.value) {
        let what = format!("there is a mailbox {} already", name.value);
        fault(name.line, "name", what, "give each mailbox its own name".to_owned());
    }
    if before.iter().any(|other| other.address == address.value) {
        // The address is not repeated: faults are logged and mailed around.
        let what = "another mailbox has this address".to_owned();
        fault(address.line, "address", what, "give each mailbox its own address".to_owned());
    }
    if arrives_by.value == CanaryWay::Forward && !around.hears {
        let what = "there is no listener to forward to".to_owned();
        let remedy = "fill in [returns] and [inbound], too, or set arrives_by = \"webhook\"".to_owned();
        fault(arrives_by.line.max(name.line), "arrives_by", what, remedy);
    }
    let Some(carriers) = around.carriers else { return good };
    if !carriers.iter().any(|profile| profile.name == carrier.value) {
        let names: Vec<&str> = carriers.iter().map(|profile| profile.name.as_str()).collect();
        let what = format!("there is no carrier {}", carrier.value);
        fault(carrier.line, "carrier", what, format!("name one of: {}", names.join(", ")));
    } else if let Some(owner) = owner(carriers, address.value.domain()).filter(|owner| owner.name != carrier.value) {
        let what = format!("{} is a domain of {}", address.value.domain(), owner.name);
        fault(carrier.line, "carrier", what, format!("set carrier = \"{}\"", owner.name));
    }
    good
}

/// Whose a domain is by the profiles. Domains that only their mail hosts tell are nobody's here.
fn owner<'c>(carriers: &'c CarriersConfig, domain: &str) -> Option<&'c CarrierProfile> {
    let whole = carriers.iter().find(|profile| profile.domains.iter().any(|own| own.as_str() == domain));
    let ends = |profile: &CarrierProfile| {
        let fits = profile.domain_suffixes.iter().filter(|end| domain.ends_with(end.as_str()));
        fits.map(|end| end.as_str().len()).max()
    };
    whole.or_else(|| carriers.iter().filter(|profile| ends(profile).is_some()).max_by_key(|profile| ends(profile)))
}
