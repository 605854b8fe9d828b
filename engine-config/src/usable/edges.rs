//! The sections about what mail proves when it leaves, and what comes back: read together, since they need each other.

use std::path::Path;

use super::canaries::{self, Around, CanariesConfig, CanariesWritten, CanaryMailboxWritten};
use super::carrier::CarriersConfig;
use super::inbound::{InboundConfig, InboundWritten};
use super::registration::{self, RegistrationConfig, RegistrationSchoolWritten, RegistrationWritten};
use super::returns::{ReturnsConfig, ReturnsWritten, UnsubscribeConfig};
use super::signing::{self, DkimConfig, DkimKeyConfig, DkimKeyWritten};
use super::text::HostName;
use crate::written::document::Table;
use crate::written::section::{Reading, Section, table_of, tables_of};
use crate::written::setting::SectionTable;

/// What mail proves when it leaves, and what comes back.
#[derive(Clone, Debug)]
pub struct EdgesConfig {
    /// `[[dkim_keys]]`; empty when mail is not signed.
    pub dkim_keys: Vec<DkimKeyConfig>,
    /// `[dkim]`.
    pub dkim: DkimConfig,
    /// `[returns]`; none when bounces by mail are not heard.
    pub returns: Option<ReturnsConfig>,
    /// `[unsubscribe]`.
    pub unsubscribe: UnsubscribeConfig,
    /// `[inbound]`.
    pub inbound: InboundConfig,
    /// `[registration]` and `[[registration_schools]]`.
    pub registration: Option<RegistrationConfig>,
    /// `[canaries]` and `[[canary_mailboxes]]`.
    pub canaries: CanariesConfig,
}

/// The sections, in the order of the reference.
pub(crate) fn sections() -> Vec<SectionTable> {
    vec![
        DkimKeyWritten::table(),
        DkimConfig::table(),
        ReturnsWritten::table(),
        UnsubscribeConfig::table(),
        InboundWritten::table(),
        RegistrationWritten::table(),
        RegistrationSchoolWritten::table(),
        CanariesWritten::table(),
        CanaryMailboxWritten::table(),
    ]
}

/// Reads all of them before it gives up on any.
pub(crate) fn read(
    reading: &Reading,
    origin: &str,
    root: &Table,
    base: &Path,
    node_name: &HostName,
    carriers: Option<&CarriersConfig>,
) -> Option<EdgesConfig> {
    let single = |name: &'static str| Section::single(reading, origin, name, table_of(reading, origin, root, name));
    let dkim_keys = signing::read_keys(reading, origin, &tables_of(reading, origin, root, "dkim_keys"), base);
    let dkim = DkimConfig::read(&single("dkim"));
    let unsubscribe = UnsubscribeConfig::read(&single("unsubscribe"));

    let section = single("returns");
    let has_returns = !section.layers.is_empty();
    let returns = has_returns.then(|| ReturnsWritten::read(&section)?.usable(&section, base)).flatten();
    let section = single("inbound");
    let inbound = InboundWritten::read(&section).map(|written| written.usable(&section, base, node_name));
    needs(&section, "listen", has_returns, "returns", "there are no addresses to receive mail for");

    let schools = tables_of(reading, origin, root, "registration_schools");
    let schools = registration::read_schools(reading, origin, &schools);
    let section = single("registration");
    let written = (!section.layers.is_empty()).then(|| RegistrationWritten::read(&section)).flatten();
    let registration = written.map(|written| written.usable(&section, base, schools));
    needs(&section, "domain", has_returns, "returns", "there is no key to authenticate addresses with");
    let listens = inbound.as_ref().is_some_and(|inbound| !inbound.listen.is_empty());
    needs(&section, "domain", listens, "inbound", "there is no listener to receive registrations");

    let mailboxes = tables_of(reading, origin, root, "canary_mailboxes");
    let around = Around { hears: has_returns && listens, carriers };
    let canaries = canaries::read(reading, origin, &single("canaries"), &mailboxes, &around);
    Some(EdgesConfig {
        dkim_keys,
        dkim: dkim?,
        returns,
        unsubscribe: unsubscribe?,
        inbound: inbound?,
        registration,
        canaries: canaries?,
    })
}

/// Notes that `key`, where it is given, cannot do without another section.
fn needs(section: &Section<'_>, key: &str, is_there: bool, other: &str, what: &str) {
    let line = section.layers.first().and_then(|layer| layer.table.get(key)).map(|node| node.line);
    if let (false, Some(line)) = (is_there, line) {
        section.fault_at(line, key, what, format!("fill in [{other}], too"));
    }
}
