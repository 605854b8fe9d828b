//! `[[sources]]`, `[[pools]]` and `[warmup]`: the addresses mail leaves from.

use std::net::IpAddr;

use mail_model::{PoolName, SourceName, UnixMs};

use super::text::{HOST_FORM, HostName, JapanDay, KIND_FORM, NAME_FORM, PoolKind};
use crate::written::document::{Node, Table, Value};
use crate::written::section::{Reading, Section};
use crate::written::setting::{Kind, settings, text, whole, wholes};
use crate::written::value::{At, FromText, FromToml, Wrong, other_type};

settings! {
    /// One address that mail leaves from. Without any there is one source, `default`: the system chooses its address,
    /// and its EHLO name is node_name.
    pub(crate) struct SourceWritten in "[sources]" {
        /// Its name in logs, metrics and pools.
        name: At<SourceName> = required, text(NAME_FORM);
        /// The address, which must be this machine's; when left out the system chooses.
        address: Option<At<IpAddr>> = none, text("an IP address such as 192.0.2.25");
        /// What it calls itself. Carriers look the name up and compare it with the address; node_name when left out.
        ehlo_name: Option<HostName> = none, text(HOST_FORM);
        /// The first day on which it sent, counted from midnight in Japan; when left out it is warm.
        warmup_started: Option<JapanDay> = none, Kind::Date;
    }
}

settings! {
    /// Weighted sources. `wide`, when it is not given, is all sources with equal weight; `narrow`, when it is not
    /// given, is the first three sources.
    pub(crate) struct PoolWritten in "[pools]" {
        /// Its name, which a carrier's `pool` names.
        name: At<PoolName> = required, text(NAME_FORM);
        /// Its sources. A source of weight 3 sends three times as much as one of weight 1.
        members: At<Members> = required, Kind::Tables {
            form: "tables such as { source = \"tokyo-1\", weight = 1 }, at least one"
        };
        /// `wide`: all members at once, by weight and by what each may do. `narrow`: in the order given, the next one
        /// only when those before it cannot finish within the carrier's finish_within_s. When left out, the pool with
        /// the name narrow is narrow and every other one is wide.
        kind: Option<PoolKind> = none, text(KIND_FORM);
    }
}

/// Members of the pool `narrow` when it is not given: enough to go on when one is blocked, few enough to be known.
const NARROW_BY_DEFAULT: usize = 3;

settings! {
    /// How new addresses begin. An emergency may exceed the caps, after every warm address has been used.
    pub struct WarmupConfig in "warmup" {
        /// Mails within any hour from one source to all carriers, by day since warmup_started; after the last day the
        /// source is warm. The default is SendGrid's published schedule (sendgrid.kke.co.jp, ip_warmup_schedule).
        hourly_cap_by_day: Vec<u64> = [
            20, 28, 39, 55, 77, 108, 151, 211, 295, 413, 579, 810, 1_000, 1_587, 2_222, 3_111, 4_356, 6_098, 8_583,
            11_953, 16_734
        ], wholes(1, 1_000_000, "mails", 120);
    }
}

/// The addresses mail leaves from, and how they are grouped.
#[derive(Clone, Debug)]
pub struct PoolsConfig {
    /// Every source; never empty, names and addresses differ.
    pub sources: Vec<SourceConfig>,
    /// Every pool; `wide` and `narrow` always exist.
    pub pools: Vec<PoolConfig>,
    /// How new addresses begin.
    pub warmup: WarmupConfig,
}

/// One address that mail leaves from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceConfig {
    /// Its name.
    pub name: SourceName,
    /// The address; none when the system chooses.
    pub address: Option<IpAddr>,
    /// What it calls itself.
    pub ehlo_name: HostName,
    /// When its warm-up began; none when it is warm.
    pub warmup_started: Option<UnixMs>,
}

/// Weighted sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// Its name.
    pub name: PoolName,
    /// Whether its mail is spread or kept together.
    pub kind: PoolKind,
    /// Its sources; never empty, each once.
    pub members: Vec<PoolMember>,
}

/// A source in a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolMember {
    /// Which source.
    pub source: SourceName,
    /// Its share; 1 to 1000.
    pub weight: u32,
}

/// Members with their lines.
#[derive(Clone, Debug)]
pub(crate) struct Members(Vec<At<PoolMember>>);

impl FromToml for Members {
    fn from_toml(node: &Node, kind: &Kind) -> Result<Self, Vec<Wrong>> {
        let Value::List(items) = &node.value else { return Err(other_type(node, kind)) };
        let (mut members, mut wrong) = (Vec::new(), Vec::new());
        for item in items {
            match &item.value {
                Value::Table(table) => match member(item.line, table, kind) {
                    Ok(member) => members.push(member),
                    Err(one) => wrong.push(one),
                },
                _ => wrong.extend(other_type(item, kind)),
            }
        }
        if items.is_empty() {
            let what = "a pool without members cannot send".to_owned();
            wrong.push(Wrong { line: node.line, what, remedy: format!("give {}", kind.wanted()) });
        }
        if wrong.is_empty() { Ok(Self(members)) } else { Err(wrong) }
    }
}

fn member(line: u32, table: &Table, kind: &Kind) -> Result<At<PoolMember>, Wrong> {
    let weights = whole(1, 1_000, "");
    let wrong = |what: String| Wrong { line, what, remedy: format!("give {}", kind.wanted()) };
    if let Some(entry) = table.entries.iter().find(|entry| !["source", "weight"].contains(&entry.key.as_str())) {
        return Err(wrong(format!("a member has no {:?}", entry.key)));
    }
    let source = match table.get("source").map(|node| &node.value) {
        Some(Value::Text(name)) => SourceName::from_text(name).map_err(wrong)?,
        _ => return Err(wrong("a member needs the name of its source".to_owned())),
    };
    let weight = match table.get("weight") {
        None => 1,
        Some(node) => u32::from_toml(node, &weights).map_err(|_| wrong("a weight is 1 to 1000".to_owned()))?,
    };
    Ok(At { line, value: PoolMember { source, weight } })
}

/// Reads all sources. Without any there is one, for which the system chooses the address.
pub(crate) fn read_sources(reading: &Reading, origin: &str, tables: &[&Table], node: &HostName) -> Vec<SourceConfig> {
    let mut sources: Vec<SourceConfig> = Vec::with_capacity(tables.len());
    for table in tables {
        let section = Section::single(reading, origin, "sources", Some(table));
        let Some(written) = SourceWritten::read(&section) else { continue };
        let known = sources.iter().any(|source| source.name == written.name.value);
        if known {
            let what = format!("there is a source {} already", written.name.value);
            section.fault_at(written.name.line, "name", what, "give each source its own name");
        }
        if let Some(address) = &written.address {
            let ip = address.value;
            if sources.iter().any(|source| source.address == Some(ip)) {
                let what = format!("{ip} is another source's address");
                section.fault_at(address.line, "address", what, "give each source its own address");
            }
            if ip.is_multicast() || ip.is_unspecified() {
                let what = format!("nothing can be sent from {ip}");
                section.fault_at(address.line, "address", what, "leave the key out and the system chooses");
            }
        }
        if !known {
            sources.push(SourceConfig {
                name: written.name.value,
                address: written.address.map(|address| address.value),
                ehlo_name: written.ehlo_name.unwrap_or_else(|| node.clone()),
                warmup_started: written.warmup_started.map(|JapanDay(midnight)| midnight),
            });
        }
    }
    if let (true, Ok(name)) = (tables.is_empty(), SourceName::new("default")) {
        sources.push(SourceConfig { name, address: None, ehlo_name: node.clone(), warmup_started: None });
    }
    sources
}

/// Reads all pools and adds the two that profiles name.
pub(crate) fn read_pools(
    reading: &Reading,
    origin: &str,
    tables: &[&Table],
    sources: &[SourceConfig],
) -> Vec<PoolConfig> {
    let mut pools: Vec<PoolConfig> = Vec::with_capacity(tables.len() + 2);
    for table in tables {
        let section = Section::single(reading, origin, "pools", Some(table));
        let Some(PoolWritten { name, members, kind }) = PoolWritten::read(&section) else { continue };
        if pools.iter().any(|pool| pool.name == name.value) {
            let what = format!("there is a pool {} already", name.value);
            section.fault_at(name.line, "name", what, "give each pool its own name");
        }
        let members = known_members(&section, members.value, sources);
        let kind = kind.unwrap_or_else(|| kind_by_name(&name.value));
        pools.push(PoolConfig { name: name.value, kind, members });
    }
    let equal = |source: &SourceConfig| PoolMember { source: source.name.clone(), weight: 1 };
    for (name, count) in [("wide", sources.len()), ("narrow", NARROW_BY_DEFAULT)] {
        let given = pools.iter().any(|pool| pool.name.as_str() == name);
        if let (false, Ok(name)) = (given, PoolName::new(name)) {
            let (kind, members) = (kind_by_name(&name), sources.iter().take(count).map(equal).collect());
            pools.push(PoolConfig { name, kind, members });
        }
    }
    pools
}

fn kind_by_name(name: &PoolName) -> PoolKind {
    if name.as_str() == "narrow" { PoolKind::Narrow } else { PoolKind::Wide }
}

fn known_members(section: &Section<'_>, members: Members, sources: &[SourceConfig]) -> Vec<PoolMember> {
    let mut known: Vec<PoolMember> = Vec::with_capacity(members.0.len());
    for At { line, value } in members.0 {
        if !sources.iter().any(|source| source.name == value.source) {
            let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
            let what = format!("there is no source {}", value.source);
            section.fault_at(line, "members", what, format!("name one of: {}", names.join(", ")));
        } else if known.iter().any(|member| member.source == value.source) {
            let what = format!("{} is in this pool already", value.source);
            section.fault_at(line, "members", what, "name each source once and set its weight");
        } else {
            known.push(value);
        }
    }
    known
}
