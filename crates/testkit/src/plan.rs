//! A world as data: its carriers, what they say, allow and do, and its DNS. Written by hand in TOML or by a preset.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use mail_model::CarrierName;
use serde::{Deserialize, Serialize};

use crate::behaviour::Behaviour;
use crate::fault::Fault;
use crate::hidden::HiddenPlan;
use crate::limits::Limits;
use crate::words::{Situation, Word};
use crate::zone::DnsPlan;

/// First address given to carriers that name none: 127.0.0.11, then .12 …
const FIRST_ADDRESS: u32 = u32::from_be_bytes([127, 0, 0, 11]);

/// Everything a world is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldPlan {
    /// The carriers; each listens on its own address, all on one port.
    pub carriers: Vec<CarrierPlan>,
    /// What the name server says beyond the carriers' own names.
    pub dns: DnsPlan,
    /// A fixed SMTP port; `None` takes a free one.
    pub port: Option<u16>,
    /// Also writes the journal to this file, before each 250.
    pub journal_file: Option<PathBuf>,
    /// How many mails are kept whole for inspection; 0 keeps none, which is what a benchmark wants.
    pub keep_mails: usize,
}

/// One carrier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarrierPlan {
    /// Its name in reports and in the journal.
    pub name: CarrierName,
    /// The loopback address it listens on; `None` takes the next free one from 127.0.0.11.
    #[serde(default)]
    pub address: Option<Ipv4Addr>,
    /// Recipient domains: exact (`au.com`), all below (`*.ezweb.ne.jp`) or all that nobody else has (`*`).
    pub domains: Vec<String>,
    /// The MX host of all of them, and the name in the greeting.
    pub mx_host: String,
    /// How it speaks and behaves.
    #[serde(default)]
    pub script: Script,
}

/// How a carrier speaks and behaves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// What EHLO announces.
    pub capabilities: Capabilities,
    /// Its own words; situations left out are spoken in Postfix's manner.
    pub words: BTreeMap<Situation, Word>,
    /// How recipients fare.
    pub behaviour: Behaviour,
    /// What one source may do.
    pub limits: Limits,
    /// A scenario's carrier in place of these limits; no part of a plan in TOML, since a scenario is a file of its own.
    #[serde(skip)]
    pub hidden: Option<HiddenPlan>,
    /// How long things take.
    pub latency: Latency,
    /// Misbehaviour from the start; more can be switched on later.
    pub faults: Vec<Fault>,
    /// Whether recipients of other domains are refused.
    pub refuse_foreign: bool,
    /// Longest line of content, without its line end; `None` takes any.
    pub line_octets_max: Option<usize>,
    /// Announces PIPELINING and yet throws away what came in with the command just answered (SM-15).
    pub discards_pipelined: bool,
}

/// What EHLO announces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 6152.
    pub eight_bit_mime: bool,
    /// RFC 6531.
    pub smtputf8: bool,
    /// RFC 2034; when false the usual words leave the codes out.
    pub enhanced_status_codes: bool,
    /// RFC 3207 with a self-signed certificate.
    pub starttls: bool,
    /// RFC 1870 in octets; `None` announces and enforces nothing.
    pub size_max: Option<u64>,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            pipelining: true,
            eight_bit_mime: true,
            smtputf8: false,
            enhanced_status_codes: true,
            starttls: false,
            size_max: Some(10 * 1024 * 1024),
        }
    }
}

/// How long things take, in milliseconds. All zero by default. Times of commands that came in together add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    /// Before the greeting.
    pub greeting_ms: u64,
    /// Once for everything that came in together: the way there and back.
    pub round_trip_ms: u64,
    /// For MAIL.
    pub mail_ms: u64,
    /// For RCPT.
    pub rcpt_ms: u64,
    /// For DATA.
    pub data_ms: u64,
    /// For the final dot.
    pub data_end_ms: u64,
}

impl CarrierPlan {
    /// A carrier that takes everything, but chooses fates by prefix (see [`Behaviour::by_prefix`]).
    ///
    /// # Panics
    /// When `name` is no carrier name; plans of tests are written by hand.
    pub fn for_tests(name: &str, domain: &str) -> Self {
        let script = Script { behaviour: Behaviour::by_prefix(), ..Script::default() };
        Self {
            name: CarrierName::new(name).unwrap_or_else(|error| panic!("{name:?}: {error}")),
            address: None,
            domains: vec![domain.to_owned()],
            mx_host: format!("mx.{domain}"),
            script,
        }
    }

    /// What is wrong with the plan, if anything.
    pub(crate) fn fault(&self) -> Option<String> {
        if self.domains.is_empty() {
            return Some("no domains; give at least one, or \"*\"".to_owned());
        }
        if self.address.is_some_and(|address| !address.is_loopback()) {
            return Some("its address is not a loopback address; give one of 127.0.0.0/8".to_owned());
        }
        if self.script.hidden.is_some() && self.script.limits != Limits::default() {
            return Some("limits of its own beside a scenario's; leave one of the two out".to_owned());
        }
        self.script.behaviour.fault()
    }
}

impl WorldPlan {
    /// A world with these carriers and nothing else.
    pub fn of(carriers: impl IntoIterator<Item = CarrierPlan>) -> Self {
        Self { carriers: carriers.into_iter().collect(), ..Self::default() }
    }

    /// The address of each carrier, in order; carriers without one get the lowest free ones.
    pub fn addresses(&self) -> Vec<Ipv4Addr> {
        let taken: Vec<Ipv4Addr> = self.carriers.iter().filter_map(|carrier| carrier.address).collect();
        let mut free = (FIRST_ADDRESS..).map(Ipv4Addr::from).filter(|address| !taken.contains(address));
        let give = |carrier: &CarrierPlan| carrier.address.or_else(|| free.next()).unwrap_or(Ipv4Addr::LOCALHOST);
        self.carriers.iter().map(give).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Action;
    use crate::moment::Moment;

    #[test]
    fn a_plan_survives_toml() {
        let mut docomo = CarrierPlan::for_tests("docomo", "docomo.ne.jp");
        docomo.script.words.insert(
            Situation::Full,
            Word::SayAt { say: "552 Too much mail data {address}".to_owned(), at: Moment::Data },
        );
        docomo.script.words.insert(Situation::Unknown, Word::Say("550 Unknown user {address}".to_owned()));
        docomo.script.faults.push(Fault::new(Moment::DataEnd, Action::Partial { bytes: 2 }).times(3));
        let plan = WorldPlan::of([docomo]);
        let text = toml::to_string(&plan).unwrap();
        assert_eq!(toml::from_str::<WorldPlan>(&text).unwrap(), plan, "{text}");
    }

    #[test]
    fn carriers_without_an_address_get_the_lowest_free_one() {
        let mut carriers = ["a", "b", "c"].map(|name| CarrierPlan::for_tests(name, "example.jp"));
        carriers[0].address = Some(Ipv4Addr::new(127, 0, 0, 12));
        let addresses = WorldPlan::of(carriers).addresses();
        assert_eq!(addresses, [12, 11, 13].map(|last| Ipv4Addr::new(127, 0, 0, last)));
    }

    #[test]
    fn a_carrier_that_could_be_reached_from_outside_is_refused() {
        let mut carrier = CarrierPlan::for_tests("a", "example.jp");
        assert_eq!(carrier.fault(), None);
        carrier.address = Some(Ipv4Addr::new(192, 0, 2, 1));
        assert!(carrier.fault().is_some());
    }
}
