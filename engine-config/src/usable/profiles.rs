//! Carrier profiles as they are read: the operator's tables over the built-in ones, and every domain with one owner.

use std::collections::BTreeMap;

use mail_model::CarrierName;

use super::builtin::{CARRIERS, DEFAULTS};
use super::carrier::{CarrierProfile, CarriersConfig};
use super::pools::PoolConfig;
use super::text::TlsPolicy;
use crate::written::document::{Entry, Node, Table, Value, parse};
use crate::written::section::{Layer, Reading, Section, table_of};
use crate::written::value::FromText;

/// Keys that say which domains are a carrier's.
const CLAIMS: [&str; 4] = ["domains", "domain_suffixes", "mx_hosts", "mx_suffixes"];

/// Whether a key makes sense for one carrier only.
fn is_own(key: &str) -> bool {
    CLAIMS.contains(&key) || key == "label"
}

/// Everything a profile can come from.
pub(crate) struct Profiles<'a> {
    reading: &'a Reading,
    origin: &'a str,
    defaults: Option<&'a Table>,
    carriers: Vec<(CarrierName, &'a Table)>,
    tls_policy: Option<&'a Node>,
}

impl<'a> Profiles<'a> {
    /// Finds `[defaults]` and `[carriers.*]`.
    pub fn of(reading: &'a Reading, origin: &'a str, root: &'a Table) -> Self {
        let defaults = table_of(reading, origin, root, "defaults");
        let mut carriers = Vec::new();
        for entry in table_of(reading, origin, root, "carriers").map(|table| &table.entries).into_iter().flatten() {
            let key = format!("carriers.{}", entry.key);
            match (CarrierName::from_text(&entry.key), &entry.node.value) {
                (Ok(name), Value::Table(table)) => carriers.push((name, table)),
                (Ok(_), other) => {
                    let what = format!("this is {} where a section belongs", other.kind());
                    reading.fault(origin, Some(entry.line), &key, what, format!("write [{key}] and its keys below"));
                }
                (Err(what), _) => reading.fault(origin, Some(entry.line), &key, what, "rename the carrier"),
            }
        }
        let tls_policy = match root.get("tls").map(|node| &node.value) {
            Some(Value::Table(table)) => table.get("policy"),
            _ => None,
        };
        Self { reading, origin, defaults, carriers, tls_policy }
    }

    /// Reads every profile. `policy` is `[tls] policy`, which stands for `tls` in `[defaults]`.
    pub fn read(&self, policy: Option<TlsPolicy>, pools: &[PoolConfig]) -> Option<CarriersConfig> {
        self.check_defaults();
        let general = self.general(policy);
        let mut names: Vec<CarrierName> = CARRIERS.iter().filter_map(|b| CarrierName::new(b.carrier).ok()).collect();
        names.extend(self.carriers.iter().map(|(name, _)| name.clone()));
        let mut profiles: BTreeMap<CarrierName, CarrierProfile> = BTreeMap::new();
        for name in names {
            if !name.is_other() && !profiles.contains_key(&name) {
                let profile = self.profile(&name, &general, pools)?;
                profiles.insert(name, profile);
            }
        }
        let other = self.profile(&CarrierName::other(), &general, pools)?;
        self.check_owners(&profiles);
        Some(CarriersConfig { profiles, other })
    }

    fn own(&self, name: &CarrierName) -> Option<&'a Table> {
        self.carriers.iter().find(|(own, _)| own == name).map(|(_, table)| *table)
    }

    /// `[defaults]` with the policy of `[tls]` in it.
    fn general(&self, policy: Option<TlsPolicy>) -> Table {
        let mut general = self.defaults.cloned().unwrap_or_default();
        // Already noted; left in, every carrier would be told to claim the same domain.
        general.entries.retain(|entry| !is_own(&entry.key));
        let (Some(policy), Some(node)) = (policy, self.tls_policy) else { return general };
        if general.get("tls").is_some() {
            let what = "the default policy is in [defaults] too";
            self.reading.fault(self.origin, Some(node.line), "tls.policy", what, "keep one of the two");
        } else {
            let value = Value::Text(policy.as_str().to_owned());
            let node = Node { line: node.line, value };
            general.entries.push(Entry { key: "tls".to_owned(), line: node.line, node });
        }
        general
    }

    fn profile(&self, name: &CarrierName, general: &Table, pools: &[PoolConfig]) -> Option<CarrierProfile> {
        let builtin = CARRIERS.iter().find(|builtin| builtin.carrier == name.as_str());
        let builtin_table = builtin.map(|builtin| parse(builtin.text).0);
        let (root_table, _) = parse(DEFAULTS.text);
        let path = format!("carriers.{name}");
        let own = self.own(name);
        let layers = [
            own.map(|table| Layer { origin: self.origin, path: &path, table }),
            builtin.zip(builtin_table.as_ref()).map(|(b, table)| Layer { origin: b.origin, path: &path, table }),
            Some(Layer { origin: self.origin, path: "defaults", table: general }),
            Some(Layer { origin: DEFAULTS.origin, path: "defaults", table: &root_table }),
        ];
        let layers: Vec<Layer<'_>> = layers.into_iter().flatten().collect();
        let section = Section { reading: self.reading, layers, origin: self.origin, path: &path };
        let profile = CarrierProfile::read(&section, name.clone())?;
        profile.check(&section);
        check_pool(&section, &profile, pools);
        if let Some(own) = own {
            self.check_claims(&profile, own, builtin.is_some());
        }
        Some(profile)
    }

    /// `[defaults]` is for every carrier and can claim no domain and no name.
    fn check_defaults(&self) {
        for entry in self.defaults.map(|table| &table.entries).into_iter().flatten() {
            if is_own(&entry.key) {
                let key = format!("defaults.{}", entry.key);
                let what = "this cannot be the same for every carrier";
                self.reading.fault(self.origin, Some(entry.line), &key, what, "move it to [carriers.<name>]");
            }
        }
    }

    /// A carrier of the operator's own needs something by which it is known; `other` is known by nothing.
    fn check_claims(&self, profile: &CarrierProfile, own: &Table, is_builtin: bool) {
        let key = format!("carriers.{}", profile.name);
        let claims =
            profile.domains.len() + profile.domain_suffixes.len() + profile.mx_hosts.len() + profile.mx_suffixes.len();
        if profile.name.is_other() && claims > 0 {
            let what = "other is every domain that no carrier claims";
            self.reading.fault(self.origin, Some(own.line), &key, what, "give the domains to a carrier with a name");
        }
        if !profile.name.is_other() && !is_builtin && claims == 0 {
            let known: Vec<&str> = CARRIERS.iter().map(|builtin| builtin.carrier).collect();
            let remedy = match crate::written::suggest::nearest(profile.name.as_str(), known) {
                Some(near) => format!("did you mean {near}? A carrier of your own needs domains or mx_hosts"),
                None => "a carrier of your own needs domains, domain_suffixes, mx_hosts or mx_suffixes".to_owned(),
            };
            self.reading.fault(self.origin, Some(own.line), &key, "no domain is this carrier's", remedy);
        }
    }

    /// Every domain, suffix and host may be claimed once.
    fn check_owners(&self, profiles: &BTreeMap<CarrierName, CarrierProfile>) {
        let mut owners: BTreeMap<(&str, String), &CarrierName> = BTreeMap::new();
        for (name, profile) in profiles {
            for (key, claim) in claims(profile) {
                match owners.get(&(key, claim.clone())) {
                    Some(first) if *first == name => self.claimed_twice(key, &claim, name, name),
                    Some(first) => self.claimed_twice(key, &claim, first, name),
                    None => {
                        owners.insert((key, claim), name);
                    }
                }
            }
        }
    }

    fn claimed_twice(&self, key: &str, claim: &str, first: &CarrierName, second: &CarrierName) {
        let place = [second, first].into_iter().find_map(|name| {
            let list = self.own(name)?.get(key)?;
            let Value::List(items) = &list.value else { return None };
            let stands = |item: &&Node| matches!(&item.value, Value::Text(text) if text.eq_ignore_ascii_case(claim));
            Some((name, items.iter().rev().find(stands)?.line))
        });
        let (name, line) = place.map_or((second, None), |(name, line)| (name, Some(line)));
        let what = if first == second {
            format!("{claim} is there twice")
        } else {
            format!("{claim} belongs to both {first} and {second}")
        };
        let remedy = format!("take it out of one; a list in [carriers.<name>] replaces the built-in {key}");
        self.reading.fault(self.origin, line, &format!("carriers.{name}.{key}"), what, remedy);
    }
}

/// All that a profile claims, as (key, text).
fn claims(profile: &CarrierProfile) -> impl Iterator<Item = (&'static str, String)> {
    let [domains, domain_suffixes, mx_hosts, mx_suffixes] = CLAIMS;
    let hosts =
        |key, list: &[super::text::HostName]| list.iter().map(move |h| (key, h.to_string())).collect::<Vec<_>>();
    let ends =
        |key, list: &[super::text::DomainSuffix]| list.iter().map(move |s| (key, s.to_string())).collect::<Vec<_>>();
    [
        hosts(domains, &profile.domains),
        ends(domain_suffixes, &profile.domain_suffixes),
        hosts(mx_hosts, &profile.mx_hosts),
        ends(mx_suffixes, &profile.mx_suffixes),
    ]
    .into_iter()
    .flatten()
}

fn check_pool(section: &Section<'_>, profile: &CarrierProfile, pools: &[PoolConfig]) {
    if pools.iter().any(|pool| pool.name == profile.pool) {
        return;
    }
    let names: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    let place = section.layers.iter().find_map(|layer| Some((layer, layer.table.get("pool")?.line)));
    if let Some((layer, line)) = place {
        let what = format!("there is no pool {}", profile.pool);
        let key = format!("{}.pool", layer.path);
        section.reading.fault(layer.origin, Some(line), &key, what, format!("name one of: {}", names.join(", ")));
    }
}
