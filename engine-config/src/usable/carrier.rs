//! `[defaults]` and `[carriers.<name>]`: how one carrier's mail system is treated.

use std::collections::BTreeMap;

use mail_model::{CarrierName, PoolName};

use super::text::{
    CHARSET_FORM, Charset, DomainSuffix, HOST_FORM, HostName, IP_VERSION_FORM, IpVersion, NAME_FORM, SUFFIX_FORM,
    TLS_FORM, TlsPolicy,
};
use crate::written::section::Section;
use crate::written::setting::{Kind, real, settings, text, texts, whole, wholes};

settings! {
    /// How a carrier is treated. A key is looked for in `[carriers.<name>]`, in the carrier's built-in profile, in
    /// `[defaults]` and in the built-in defaults, in this order. No Japanese carrier publishes a threshold: rates and
    /// counts are start values of a controller. All of them count for one source and one carrier.
    pub struct CarrierProfile in "defaults" {
        given
        /// Its id in reports, labels and lanes.
        name: CarrierName;
        /// Its name in reports; the id when left out.
        label: Option<String> = none, text("a name for people");
        /// Recipients' domains that are this carrier's.
        domains: Vec<HostName> = [], texts(HOST_FORM, 500);
        /// Ends of recipients' domains that are this carrier's; the longest end wins.
        domain_suffixes: Vec<DomainSuffix> = [], texts(SUFFIX_FORM, 500);
        /// Mail hosts by which a domain is known to be this carrier's.
        mx_hosts: Vec<HostName> = [], texts(HOST_FORM, 500);
        /// Ends of such hosts' names; the longest end wins.
        mx_suffixes: Vec<DomainSuffix> = [], texts(SUFFIX_FORM, 500);
        /// Pool of sources: `wide` spreads over many addresses, `narrow` uses few, steady ones.
        pool: PoolName = required, text(NAME_FORM);
        /// Time in which a notice should be handed over. A narrow pool calls upon its next member when those before it
        /// would need longer.
        finish_within_s: u64 = required, whole(1, 86_400, "seconds");
        /// Encryption.
        tls: TlsPolicy = required, text(TLS_FORM);
        /// Which addresses of its hosts are used. au asks for IPv4 in SPF records.
        ip_version: IpVersion = required, text(IP_VERSION_FORM);
        /// Connections at once at the beginning, if `connections_max` is not less. They grow with need.
        connections_start: u32 = required, whole(1, 500, "connections");
        /// Connections at once that are never exceeded: a backstop, for the carrier's number is learned.
        connections_max: u32 = required, whole(1, 500, "connections");
        /// Mails on one connection; then it is closed and opened anew. docomo cuts sessions above 100 recipients.
        messages_per_connection_max: u32 = required, whole(1, 10_000, "mails");
        /// How long a connection is used. au forbids holding sessions for long.
        connection_lifetime_max_s: u64 = required, whole(1, 3_600, "seconds");
        /// Recipients of one transaction. More than 1 lets one refusal after DATA fail all of them.
        recipients_per_transaction_max: u32 = required, whole(1, 100, "recipients");
        /// Mails a minute at the beginning.
        rate_start_per_min: f64 = required, real(0.1, 1_000_000.0, "mails a minute");
        /// Mails a minute that are never exceeded: a backstop, for the carrier's limit is learned.
        rate_max_per_min: f64 = required, real(0.1, 1_000_000.0, "mails a minute");
        /// Added after each clean minute where growth by factors is switched off, as in measurements.
        rate_step_per_min: f64 = required, real(0.0, 100_000.0, "mails a minute");
        /// Patience with the TCP connection. RFC 5321 says nothing; systems give up after 130.
        connect_timeout_s: u64 = required, whole(1, 300, "seconds");
        /// Patience with the greeting. RFC 5321 4.5.3.2.1 allows 300; emergencies need a second attempt before that.
        greeting_timeout_s: u64 = required, whole(1, 600, "seconds");
        /// Patience with the reply to one command; RFC 5321 4.5.3.2.2 to 4.5.3.2.4 allow 300.
        command_timeout_s: u64 = required, whole(1, 600, "seconds");
        /// Patience with the writing of one block of content; RFC 5321 4.5.3.2.5 allows 180.
        data_block_timeout_s: u64 = required, whole(1, 600, "seconds");
        /// Patience with the reply to the final dot. RFC 5321 4.5.3.2.6 asks for 600: giving up early sends mail twice.
        data_end_timeout_s: u64 = required, whole(1, 3_600, "seconds");
        /// How long an idle connection is kept for the next mail.
        idle_close_ms: u64 = required, whole(0, 300_000, "ms");
        /// Waits before the second, third … attempt; the last one repeats.
        retry_after_s: Vec<u64> = required, wholes(1, 86_400, "seconds", 50);
        /// Wait before the second attempt of a greylisted mail, and between the next few; later ones are wider. The age at
        /// which greylisted mail passes is learned.
        greylist_probe_s: u64 = required, whole(1, 3_600, "seconds");
        /// When the attempts end. A message's own deadline ends them earlier.
        give_up_after_s: u64 = required, whole(1, 604_800, "seconds");
        /// First pause after "slow down" where the carrier has published one; 0 leaves it to the controller, which
        /// begins with seconds.
        pause_on_throttle_s: u64 = required, whole(0, 86_400, "seconds");
        /// First pause after "you are blocked" and after too many unknown users; doubled while it lasts.
        pause_on_block_s: u64 = required, whole(1, 86_400, "seconds");
        /// First pause after connections that were reset, doubled while it lasts; that is how au says both.
        pause_on_reset_s: u64 = required, whole(1, 86_400, "seconds");
        /// Share of unknown users that is reported.
        unknown_ratio_warn: f64 = required, real(0.0, 1.0, "of the window");
        /// Share of unknown users that stops sending for a while: carriers block whole networks above 4 to 5 %. A test
        /// decides when a row of recipients is worse; two thirds of this share are never taken for it.
        unknown_ratio_stop: f64 = required, real(0.0, 1.0, "of the recipients");
        /// Recipients over which the reported share is taken.
        unknown_ratio_window: u32 = required, whole(10, 100_000, "recipients");
        /// Whether `a..b@` is sent as `"a..b"@`.
        quote_irregular_local_part: bool = required, Kind::Flag;
        /// How texts are encoded. All of Japan's carriers read UTF-8 since the phones before 2010 are switched off.
        charset: Charset = required, text(CHARSET_FORM);
        /// Whether mails carry List-Unsubscribe (RFC 2369, RFC 8058), which Gmail, Yahoo and iCloud ask of senders
        /// whom people subscribe to.
        list_unsubscribe: bool = required, Kind::Flag;
        /// Largest mail.
        message_bytes_max: u64 = required, whole(1_000, 104_857_600, "bytes");
        /// Largest head of a mail.
        header_bytes_max: u64 = required, whole(500, 1_048_576, "bytes");
    }
}

/// Every carrier.
#[derive(Clone, Debug)]
pub struct CarriersConfig {
    /// Those with domains or hosts of their own.
    pub profiles: BTreeMap<CarrierName, CarrierProfile>,
    /// Carrier `other`: every domain that no profile claims.
    pub other: CarrierProfile,
}

impl CarriersConfig {
    /// The profile of a carrier; that of `other` for a name that has none.
    pub fn profile(&self, name: &CarrierName) -> &CarrierProfile {
        self.profiles.get(name).unwrap_or(&self.other)
    }

    /// Every profile, `other` last.
    pub fn iter(&self) -> impl Iterator<Item = &CarrierProfile> {
        self.profiles.values().chain(std::iter::once(&self.other))
    }
}

impl CarrierProfile {
    /// Its name for people.
    pub fn name_for_people(&self) -> &str {
        self.label.as_deref().unwrap_or(self.name.as_str())
    }

    /// Notes numbers that contradict each other.
    pub(crate) fn check(&self, section: &Section<'_>) {
        if self.rate_start_per_min > self.rate_max_per_min {
            let what = format!(
                "{} would start at {} and may never exceed {}",
                self.name, self.rate_start_per_min, self.rate_max_per_min
            );
            contradiction(section, ["rate_start_per_min", "rate_max_per_min"], what);
        }
        if self.unknown_ratio_warn > self.unknown_ratio_stop {
            let what = format!(
                "{} would stop at {} and warn at {}",
                self.name, self.unknown_ratio_stop, self.unknown_ratio_warn
            );
            contradiction(section, ["unknown_ratio_warn", "unknown_ratio_stop"], what);
        }
        if self.header_bytes_max > self.message_bytes_max {
            let what = format!("the head of a mail to {} could be larger than the mail", self.name);
            contradiction(section, ["header_bytes_max", "message_bytes_max"], what);
        }
    }
}

/// Notes that `smaller` exceeds `larger`, at the place where the operator wrote one of the two.
fn contradiction(section: &Section<'_>, [smaller, larger]: [&str; 2], what: String) {
    let remedy = format!("set {smaller} to at most {larger}");
    let written = |key| section.layers.iter().find_map(|layer| Some((layer, key, layer.table.get(key)?.line)));
    let places: Vec<_> = [smaller, larger].into_iter().filter_map(written).collect();
    let own = places.iter().find(|(layer, ..)| layer.origin == section.origin).or(places.first());
    if let Some((layer, key, line)) = own {
        section.reading.fault(layer.origin, Some(*line), &format!("{}.{key}", layer.path), what, remedy);
    }
}
