//! From a scenario to the engines that are to play it: settings through `engine-config`, so that every default is the
//! shipped one; sources, pools, lanes.

use std::net::Ipv4Addr;
use std::sync::Arc;

use carriers::Directory;
use clock::Clock;
use engine_config::EngineConfig;
use ip_pools::{MemberConfig, PoolConfig, PoolKind, Pools, PoolsConfig, PoolsError, SourceConfig};
use mail_model::{CarrierName, Lane, SiteName, UnixMs};
use scenario::Scenario;
use thiserror::Error;

/// The day on which every scenario begins, in Japan, and its midnight.
const FIRST_DAY: jiff::civil::Date = jiff::civil::date(2026, 11, 25);
const MIDNIGHT: UnixMs = UnixMs(1_795_532_400_000);

/// Why a scenario cannot be played.
#[derive(Debug, Error)]
pub enum SetupError {
    /// `[carriers.….profile]` holds what no profile may hold.
    #[error("{scenario}: a carrier's profile is not one that an engine would start with:\n{faults}")]
    Profile {
        /// Which scenario.
        scenario: String,
        /// As `engine-config` tells it; the lines are those of the text made from the scenario.
        faults: String,
    },
    /// A domain that is no name of a lane.
    #[error("{scenario}: carrier {carrier} has the domain {domain:?}; give it a host name of at most 64 letters")]
    Domain {
        /// Which scenario.
        scenario: String,
        /// Whose.
        carrier: String,
        /// As written.
        domain: String,
    },
    /// More mails than a run can count.
    #[error("{scenario}: {mails} mails are too many; at most {} fit into a run", u32::MAX)]
    TooMany {
        /// Which scenario.
        scenario: String,
        /// How many.
        mails: u64,
    },
    /// The sources make no pools.
    #[error("{scenario}: {why}")]
    Pools {
        /// Which scenario.
        scenario: String,
        /// Why.
        why: PoolsError,
    },
}

/// What every node of a run starts from.
#[derive(Clone)]
pub struct Setup {
    /// The settings.
    pub config: Arc<EngineConfig>,
    /// Whose a carrier is, with the profiles.
    pub directory: Arc<Directory>,
    /// When it begins.
    pub start: UnixMs,
    /// The lanes of each wave, by the wave's place.
    pub lanes: Vec<Lane>,
}

impl Setup {
    /// Makes settings out of what a scenario says about us.
    ///
    /// # Errors
    /// When the scenario asks for what no engine would start with.
    pub fn of(scenario: &Scenario) -> Result<Self, SetupError> {
        let name = || scenario.name.clone();
        if u32::try_from(scenario.mails()).is_err() {
            return Err(SetupError::TooMany { scenario: name(), mails: scenario.mails() });
        }
        let start = UnixMs(MIDNIGHT.0 + scenario.start_of_day_s * 1_000);
        let config = EngineConfig::from_toml(&settings(scenario), &scenario.name)
            .map_err(|faults| SetupError::Profile { scenario: name(), faults: faults.to_string() })?;
        let directory = Arc::new(Directory::new(config.carriers.clone()));
        let mut lanes = Vec::new();
        for wave in &scenario.waves {
            let world = &scenario.carriers[wave.carrier];
            let site = SiteName::new(&world.domain).map_err(|_| SetupError::Domain {
                scenario: name(),
                carrier: world.name.to_string(),
                domain: world.domain.clone(),
            })?;
            let pool = directory.profile(&world.name).pool.clone();
            lanes.push(Lane { carrier: world.name.clone(), site, pool, class: wave.class });
        }
        Ok(Self { config: Arc::new(config), directory, start, lanes })
    }

    /// A clock that stands at the beginning.
    pub fn clock(&self) -> Clock {
        Clock::manual(self.start)
    }

    /// The pools of one node out of `nodes`: every source whose number leaves its remainder.
    ///
    /// # Errors
    /// When the sources make no pools.
    pub fn pools(&self, scenario: &Scenario, node: u32) -> Result<Pools, SetupError> {
        let sources = &self.config.pools.sources;
        let own = |place: usize| place % usize::try_from(scenario.nodes.max(1)).unwrap_or(1) == node as usize;
        let mine: Vec<_> = sources.iter().enumerate().filter(|(place, _)| own(*place)).map(|(_, s)| s).collect();
        let source =
            |s: &&engine_config::SourceConfig| SourceConfig { name: s.name.clone(), warmup_started: s.warmup_started };
        let member = |m: &engine_config::PoolMember| MemberConfig { source: m.source.clone(), weight: m.weight };
        let pool = |p: &engine_config::PoolConfig| {
            let members: Vec<_> =
                p.members.iter().filter(|m| mine.iter().any(|s| s.name == m.source)).map(member).collect();
            // A node that has none of a narrow pool's sources lends its first: its mail must not stand still.
            let first = || mine.first().map(|s| MemberConfig { source: s.name.clone(), weight: 1 });
            let members = if members.is_empty() { first().into_iter().collect() } else { members };
            PoolConfig { name: p.name.clone(), kind: PoolKind::by_name(&p.name), members }
        };
        let caps = self.config.pools.warmup.hourly_cap_by_day.iter();
        let config = PoolsConfig {
            sources: mine.iter().map(source).collect(),
            pools: self.config.pools.pools.iter().map(pool).collect(),
            hourly_cap_by_day: caps.map(|cap| u32::try_from(*cap).unwrap_or(u32::MAX)).collect(),
        };
        Pools::new(&config).map_err(|why| SetupError::Pools { scenario: scenario.name.clone(), why })
    }
}

thread_local! {
    /// Carriers with a shipped profile.
    static BUILT_IN: Vec<CarrierName> = {
        let text = "[engine]\nnode_name = \"node.todoke.example\"\n";
        let names = |config: EngineConfig| config.carriers.iter().map(|profile| profile.name.clone()).collect();
        EngineConfig::from_toml(text, "built-in").map(names).unwrap_or_default()
    };
}

/// A configuration file as an operator would write it for this scenario.
fn settings(scenario: &Scenario) -> String {
    let mut text = String::from("[engine]\nnode_name = \"node.todoke.example\"\n");
    let netblocks = scenario.netblocks();
    let (networks, mut used) = (networks(&netblocks), vec![0u32; netblocks.len()]);
    for (number, source) in scenario.sources.iter().enumerate() {
        let group = scenario.group_of(number);
        used[source.netblock] += 1;
        let address = Ipv4Addr::from(networks[source.netblock] + used[source.netblock]);
        text.push_str(&format!("[[sources]]\nname = \"{}\"\naddress = \"{address}\"\n", source.name));
        text.push_str(&format!("ehlo_name = \"s{number}.todoke.example\"\n"));
        if let Some(day) = group.warmup_day {
            text.push_str(&format!("warmup_started = \"{}\"\n", date(day)));
        }
    }
    for world in &scenario.carriers {
        let mut carriers = toml::Table::new();
        let mut one = toml::Table::new();
        let mut profile = world.profile.clone();
        // A carrier of the scenario's own must be known by something; its lanes do not depend on it.
        if !BUILT_IN.with(|known| known.contains(&world.name)) && !profile.contains_key("domains") {
            profile.insert("domains".to_owned(), toml::Value::Array(vec![world.domain.clone().into()]));
        }
        one.insert(world.name.to_string(), toml::Value::Table(profile));
        carriers.insert("carriers".to_owned(), toml::Value::Table(one));
        text.push_str(&carriers.to_string());
    }
    text
}

/// The networks of the netblocks, none of them twice: the one that is named, where a name is one and no other's, else one of
/// those kept for tests (RFC 2544). The engine takes a /24 for one network.
fn networks(netblocks: &[&str]) -> Vec<u32> {
    let mut networks: Vec<u32> = Vec::new();
    for (number, netblock) in netblocks.iter().enumerate() {
        let test = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + (u32::try_from(number).unwrap_or(0) << 10);
        let named = netblock.split('/').next().and_then(|base| base.parse::<Ipv4Addr>().ok());
        let named = named.map(|base| u32::from(base) & !0xff).filter(|base| !networks.contains(base));
        networks.push(named.unwrap_or(test));
    }
    networks
}

/// The day on which a warm-up began that is in its day number `day`, from 0.
fn date(day: u32) -> String {
    let first = FIRST_DAY.checked_sub(jiff::Span::new().days(day)).unwrap_or(FIRST_DAY);
    first.to_string()
}
