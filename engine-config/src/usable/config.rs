//! The whole configuration: read, layered over the built-in profiles, and checked section against section.

use std::path::Path;

use super::builtin::EXAMPLE;
use super::carrier::{CarrierProfile, CarriersConfig};
use super::dns::DnsConfig;
use super::edges::{self, EdgesConfig};
use super::engine::{EngineSection, EngineWritten, TelemetryConfig, TlsConfig};
use super::http::{HttpConfig, HttpWritten};
use super::pools::{self, PoolWritten, PoolsConfig, SourceWritten, WarmupConfig};
use super::profiles::Profiles;
use super::queue::QueueConfig;
use super::routes::{self, RouteWritten, StaticRoute};
use super::text::HostName;
use crate::fault::Faults;
use crate::written::document::{Table, parse};
use crate::written::section::{MISSING, Reading, Section, table_of, tables_of};
use crate::written::setting::SectionTable;
use crate::written::suggest::nearest;
use crate::written::value::FromText;

/// Every setting of the engine, checked. Made once at the start; nothing in it changes while the process runs.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// `[engine]`.
    pub engine: EngineSection,
    /// `[http]`.
    pub http: HttpConfig,
    /// `[dns]`.
    pub dns: DnsConfig,
    /// `[[routes]]`.
    pub routes: Vec<StaticRoute>,
    /// `[[sources]]`, `[[pools]]` and `[warmup]`.
    pub pools: PoolsConfig,
    /// The built-in profiles with `[defaults]` and `[carriers.<name>]` laid over them.
    pub carriers: CarriersConfig,
    /// `[queue]`.
    pub queue: QueueConfig,
    /// `[tls]`.
    pub tls: TlsConfig,
    /// Signing, return paths, the inbound listener and registration.
    pub edges: EdgesConfig,
    /// `[telemetry]`.
    pub telemetry: TelemetryConfig,
}

/// Every section, in the order of the reference.
pub(crate) fn sections() -> Vec<SectionTable> {
    let mut tables = vec![
        EngineWritten::table(),
        HttpWritten::table(),
        DnsConfig::table(),
        RouteWritten::table(),
        SourceWritten::table(),
        PoolWritten::table(),
        WarmupConfig::table(),
        CarrierProfile::table(),
        QueueConfig::table(),
        TlsConfig::table(),
        TelemetryConfig::table(),
    ];
    tables.extend(edges::sections());
    tables
}

impl EngineConfig {
    /// Reads a file. Relative paths in it begin at its directory.
    ///
    /// # Errors
    /// Every fault of the file, and of the files it names, at once.
    pub fn load(path: &Path) -> Result<Self, Faults> {
        let origin = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_toml(&text, &origin),
            Err(error) => {
                let reading = Reading::default();
                let remedy = "`todoke check-config --example` prints one to begin with";
                reading.fault(&origin, None, "", format!("the file cannot be read ({error})"), remedy);
                Err(Faults::new(reading.faults()))
            }
        }
    }

    /// Reads a text. `origin` is its path: it stands in faults, and relative paths begin at its directory.
    ///
    /// # Errors
    /// As [`EngineConfig::load`].
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, Faults> {
        let reading = Reading::knowing(sections());
        let (root, syntax) = parse(text);
        for fault in &syntax {
            reading.fault(
                origin,
                Some(fault.line),
                "",
                format!("this is no TOML: {}", fault.message),
                "correct the line",
            );
        }
        refuse_unknown_sections(&reading, origin, &root);
        let config = read(&reading, origin, &root);
        let mut list = reading.faults();
        if !syntax.is_empty() {
            // What stands in a broken line is missing elsewhere, which is no second fault.
            list.retain(|fault| fault.what != MISSING);
        }
        config.filter(|_| list.is_empty()).ok_or_else(|| Faults::new(list))
    }

    /// A commented configuration to begin with; it loads without a fault.
    pub fn example() -> &'static str {
        EXAMPLE
    }
}

fn refuse_unknown_sections(reading: &Reading, origin: &str, root: &Table) {
    let tables = sections();
    let mut names: Vec<&str> = tables.iter().map(|table| table.name.trim_matches(['[', ']'])).collect();
    names.push("carriers");
    for entry in &root.entries {
        let name = entry.key.as_str();
        if names.contains(&name) {
            continue;
        }
        let remedy = match (name, tables.iter().find(|t| t.settings.iter().any(|s| s.key == name))) {
            ("retry", _) => "retry_after_s and give_up_after_s belong to [defaults] or [carriers.<name>]".to_owned(),
            (_, Some(home)) => format!("{name} belongs to [{}]", home.name),
            (_, None) => match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("the sections are: {}", names.join(", ")),
            },
        };
        reading.fault(origin, Some(entry.line), name, "there is no such section", remedy);
    }
}

/// Reads every section before it gives up on any.
fn read(reading: &Reading, origin: &str, root: &Table) -> Option<EngineConfig> {
    let base = Path::new(origin).parent().unwrap_or(Path::new(""));
    let single = |name: &'static str| Section::single(reading, origin, name, table_of(reading, origin, root, name));
    let repeated = |name: &str| tables_of(reading, origin, root, name);

    let engine = EngineWritten::read(&single("engine")).map(|written| written.usable(base));
    let http = single("http");
    let http = HttpWritten::read(&http).map(|written| written.usable(&http, base));
    let dns = DnsConfig::read(&single("dns"));
    if let Some(dns) = &dns {
        check_dns(&single("dns"), dns);
    }
    let routes = routes::read(reading, origin, &repeated("routes"));
    let warmup = WarmupConfig::read(&single("warmup"));
    let queue = QueueConfig::read(&single("queue"));
    let tls = TlsConfig::read(&single("tls"));
    let tls = tls.map(|tls| TlsConfig { roots_file: tls.roots_file.map(|file| base.join(file)), ..tls });
    let telemetry = TelemetryConfig::read(&single("telemetry"));

    // Without a node name the sources are still checked, under a name that goes nowhere.
    let node_name = engine.as_ref().map(|engine| engine.node_name.clone());
    let node_name = node_name.or_else(|| HostName::from_text("unnamed.invalid").ok())?;
    let sources = pools::read_sources(reading, origin, &repeated("sources"), &node_name);
    let pools = pools::read_pools(reading, origin, &repeated("pools"), &sources);
    let policy = tls.as_ref().and_then(|tls| tls.policy);
    let carriers = Profiles::of(reading, origin, root).read(policy, &pools);
    let edges = edges::read(reading, origin, root, base, &node_name, carriers.as_ref());
    Some(EngineConfig {
        engine: engine?,
        http: http?,
        dns: dns?,
        routes,
        pools: PoolsConfig { sources, pools, warmup: warmup? },
        carriers: carriers?,
        queue: queue?,
        tls: tls?,
        edges: edges?,
        telemetry: telemetry?,
    })
}

fn check_dns(section: &Section<'_>, dns: &DnsConfig) {
    let pairs = [
        ("positive_ttl_min_s", dns.positive_ttl_min_s, "positive_ttl_max_s", dns.positive_ttl_max_s),
        ("negative_ttl_min_s", dns.negative_ttl_min_s, "negative_ttl_max_s", dns.negative_ttl_max_s),
    ];
    for (low, min, high, max) in pairs {
        let line = section.layers.iter().find_map(|l| l.table.get(low).or_else(|| l.table.get(high))).map(|n| n.line);
        if let (true, Some(line)) = (min > max, line) {
            section.fault_at(
                line,
                low,
                format!("{min} is above {high}, {max}"),
                format!("set {low} to at most {high}"),
            );
        }
    }
}
