//! A scenario as a world of sockets: its carriers, and addresses for its sources.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use mail_model::SourceName;
use scenario::{Period, Scenario};

use crate::behaviour::Behaviour;
use crate::error::KitError;
use crate::hidden::HiddenPlan;
use crate::plan::{CarrierPlan, Script, WorldPlan};

/// Most sources of a netblock: its addresses but the first and the last.
const SOURCES_MAX: usize = 254;
/// Most netblocks: 127.1.0.0/24 to 127.1.255.0/24.
const NETBLOCKS_MAX: usize = 256;

/// The addresses of a scenario's sources, in their order: 127.1.0.1, .2 … for the first netblock, 127.1.1.1 … for the
/// second. Each netblock is a /24, for that is what an engine takes for one.
///
/// # Errors
/// When a netblock has more than 254 sources, or there are more than 256 netblocks.
pub fn source_addresses(scenario: &Scenario) -> Result<Vec<Ipv4Addr>, KitError> {
    let netblocks = scenario.netblocks().len();
    if netblocks > NETBLOCKS_MAX {
        let what = format!("{netblocks} netblocks; sockets have addresses for {NETBLOCKS_MAX}");
        return Err(KitError::Scenario(what));
    }
    let mut used = vec![0_usize; netblocks];
    let mut addresses = Vec::with_capacity(scenario.sources.len());
    for source in &scenario.sources {
        let place = used.get_mut(source.netblock).map(|used| {
            *used += 1;
            *used
        });
        let (Some(Ok(last)), Ok(block)) =
            (place.filter(|n| *n <= SOURCES_MAX).map(u8::try_from), source.netblock.try_into())
        else {
            let what =
                format!("more than {SOURCES_MAX} sources in one netblock; sockets have no more addresses in a /24");
            return Err(KitError::Scenario(what));
        };
        addresses.push(Ipv4Addr::new(127, 1, block, last));
    }
    Ok(addresses)
}

/// The same scenario with one mail in `factor`, and as much earlier whatever happens at a time of its own: waves,
/// deadlines, changes of behaviour. Limits, bans, quotas and latencies stay as they are, so a shorter campaign finds
/// the same carriers; what takes longer than the campaign (a quota by the hour, a ban) weighs more in it.
/// `factor` is 1 or more.
#[must_use]
pub fn shrunk(scenario: &Scenario, factor: u64) -> Scenario {
    let factor = factor.max(1);
    let mut small = scenario.clone();
    for wave in &mut small.waves {
        wave.mails = wave.mails.div_ceil(factor);
        wave.at_s /= factor;
        wave.not_after_s = wave.not_after_s.map(|s| s.div_ceil(factor));
    }
    for period in small.carriers.iter_mut().flat_map(|carrier| &mut carrier.periods) {
        period.from_s /= factor;
    }
    for carrier in &mut small.carriers {
        // Of several changes in one second the last one holds.
        let ends: BTreeSet<u64> = carrier.periods.iter().map(|period| period.from_s).collect();
        let last_of = |from_s: &u64| carrier.periods.iter().rev().find(|period| period.from_s == *from_s).cloned();
        carrier.periods = ends.iter().filter_map(last_of).collect::<Vec<Period>>();
    }
    small
}

impl WorldPlan {
    /// The carriers of a scenario behind sockets. Each decides about connections and mails by its hidden model alone;
    /// recipients choose other fates by prefix (see [`Behaviour::by_prefix`]).
    ///
    /// # Errors
    /// When the sources do not fit into loopback, see [`source_addresses`], or two carriers have one domain.
    pub fn from_scenario(scenario: &Scenario, seed: u64) -> Result<Self, KitError> {
        let sources: Arc<[Ipv4Addr]> = source_addresses(scenario)?.into();
        let mut named = scenario.clone();
        for (source, address) in named.sources.iter_mut().zip(sources.iter()) {
            // An address is made of a name's letters; otherwise the name stays.
            source.name = SourceName::new(&address.to_string()).unwrap_or_else(|_| source.name.clone());
        }
        let named = Arc::new(named);
        let mut domains = BTreeSet::new();
        let mut carriers = Vec::with_capacity(named.carriers.len());
        for (number, carrier) in named.carriers.iter().enumerate() {
            if !domains.insert(carrier.domain.to_ascii_lowercase()) {
                return Err(KitError::Scenario(format!("{} belongs to two carriers", carrier.domain)));
            }
            let hidden =
                HiddenPlan { scenario: Arc::clone(&named), sources: Arc::clone(&sources), carrier: number, seed };
            carriers.push(CarrierPlan {
                name: carrier.name.clone(),
                address: None,
                domains: vec![carrier.domain.clone()],
                mx_host: format!("mx.{}", carrier.domain),
                script: Script { behaviour: Behaviour::by_prefix(), hidden: Some(hidden), ..Script::default() },
            });
        }
        Ok(Self::of(carriers))
    }
}
