//! The configuration of an engine that plays a scenario: its sources, and what it believes of the carriers.

use jiff::{Span, Timestamp, tz::TimeZone};
use mail_model::UnixMs;
use scenario::{CarrierWorld, Scenario};

use crate::engine_settings::EngineSettings;
use crate::error::KitError;
use crate::staged_world::source_addresses;
use crate::world::World;

const JAPAN_AHEAD_MS: i64 = 9 * 3_600_000;

impl EngineSettings {
    /// Settings for a scenario that `world` plays. Sources, pools and profiles are the scenario's, whatever the numbers
    /// of these settings say; a source that is warmed up has begun as many days ago as the scenario says.
    ///
    /// # Errors
    /// When the sources do not fit into loopback.
    pub fn for_scenario(world: &World, scenario: &Scenario) -> Result<Self, KitError> {
        let sending = sending(scenario, world.unix())?;
        Ok(Self { sending: Some(sending), ..Self::for_world(world) })
    }
}

/// Sources and carriers as TOML.
fn sending(scenario: &Scenario, now: UnixMs) -> Result<String, KitError> {
    let addresses = source_addresses(scenario)?;
    let mut toml = String::new();
    for (number, (source, address)) in scenario.sources.iter().zip(addresses).enumerate() {
        let mut text = format!("[[sources]]\nname = \"{}\"\naddress = \"{address}\"\n", source.name);
        text.push_str(&format!("ehlo_name = \"s{}.todoke.test\"\n", number + 1));
        if let Some(day) = scenario.group_of(number).warmup_day {
            text.push_str(&format!("warmup_started = {}\n", days_before(now, day)?));
        }
        toml.push_str(&text);
        toml.push('\n');
    }
    for carrier in &scenario.carriers {
        toml.push_str(&format!("[carriers.{}]\n{}\n", carrier.name, profile(carrier)));
    }
    Ok(toml)
}

/// What we believe of a carrier: the scenario's own keys, and what makes it known and reachable here.
fn profile(carrier: &CarrierWorld) -> toml::Table {
    let mut profile = carrier.profile.clone();
    profile.entry("domains").or_insert_with(|| vec![carrier.domain.clone()].into());
    // Certificates of a world chain to nobody; the profile of Gmail would refuse them.
    profile.entry("tls").or_insert_with(|| "opportunistic".into());
    profile
}

/// The date in Japan so many days before a moment.
fn days_before(now: UnixMs, days: u32) -> Result<String, KitError> {
    let wrong = |why: jiff::Error| KitError::Scenario(format!("warm-up of {days} days: {why}"));
    let ms = i64::try_from(now.0).unwrap_or(i64::MAX).saturating_add(JAPAN_AHEAD_MS);
    let today = Timestamp::from_millisecond(ms).map_err(wrong)?.to_zoned(TimeZone::UTC).date();
    Ok(today.checked_sub(Span::new().days(days)).map_err(wrong)?.to_string())
}
