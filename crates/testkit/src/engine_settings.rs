//! The configuration of an engine that speaks to a world and to nothing else, as TOML.

use std::fmt::Write;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::dkim_key::DkimKey;
use crate::engine_inbound::InboundSettings;
use crate::error::KitError;
use crate::world::World;

/// Carriers with a built-in profile, whose own cautious numbers go before `[defaults]`; each is overridden by name.
const PROFILES: [&str; 15] = [
    "apple",
    "au",
    "docomo",
    "google",
    "jp_isp",
    "microsoft",
    "microsoft365",
    "mopera",
    "rakuten",
    "softbank",
    "softbank_i",
    "yahoo_inc",
    "yahoo_jp",
    "ymobile_old",
    "other",
];

/// How the child engine is configured. The defaults are generous and fit worlds without rates
/// (`WorldPlan::unlimited`): a carrier that counts would ban a source that begins at a million mails a minute.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineSettings {
    /// Name in greetings, `Message-ID` and metrics.
    pub node_name: String,
    /// The name server.
    pub dns: SocketAddr,
    /// The port of all MX hosts.
    pub smtp_port: u16,
    /// How many sources 127.0.1.1, .2 … named s1, s2 …; 1 to 254.
    pub sources: u8,
    /// How many of them, from s1, are the pool `narrow`; `wide` is all.
    pub narrow: u8,
    /// Sessions over all carriers.
    pub sessions_max: u32,
    /// Sessions for one source at one carrier.
    pub connections_max: u32,
    /// Mails on one connection.
    pub messages_per_connection_max: u32,
    /// Mails a minute for one source at one carrier, from the first second.
    pub rate_per_min: f64,
    /// Waits before the second, third … attempt.
    pub retry_after_s: Vec<u64>,
    /// When attempts end.
    pub give_up_after_s: u64,
    /// Pause after a throttle, a block and a reset.
    pub pause_s: u64,
    /// Patience with the reply to the final dot.
    pub data_end_timeout_s: u64,
    /// Whether the carriers' profiles are overridden by the numbers above; `false` keeps the product's own.
    pub overrides_profiles: bool,
    /// Sources, pools and carriers as TOML, in place of those that the numbers above describe.
    pub sending: Option<String>,
    /// What it takes in; `None` hears nothing that comes back.
    pub inbound: Option<InboundSettings>,
    /// What it signs with.
    pub dkim_keys: Vec<DkimKey>,
    /// More TOML, put at the end: whole sections only.
    pub extra: String,
}

impl EngineSettings {
    /// Generous settings for `world`.
    pub fn for_world(world: &World) -> Self {
        Self::new(world.dns().address(), world.port())
    }

    /// Generous settings for a name server and a port.
    pub fn new(dns: SocketAddr, smtp_port: u16) -> Self {
        Self {
            node_name: "node1.todoke.test".to_owned(),
            dns,
            smtp_port,
            sources: 8,
            narrow: 2,
            sessions_max: 512,
            connections_max: 4,
            messages_per_connection_max: 100,
            rate_per_min: 1_000_000.0,
            retry_after_s: vec![1, 1, 2, 2, 5],
            give_up_after_s: 120,
            pause_s: 1,
            data_end_timeout_s: 600,
            overrides_profiles: true,
            sending: None,
            inbound: None,
            dkim_keys: Vec::new(),
            extra: String::new(),
        }
    }

    /// The address of source `number`, from 1.
    pub fn source_address(number: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, 1, number)
    }

    /// The configuration file of an engine that listens on `http` and keeps its data beside the file, in `data`.
    pub fn to_toml(&self, http: SocketAddr) -> String {
        let mut toml = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut toml, http);
        toml
    }

    /// Writes the keys and certificates that the configuration names into its folder, for their owner's eyes only.
    ///
    /// # Errors
    /// When one cannot be made or written.
    pub fn write_files(&self, folder: &Path) -> Result<(), KitError> {
        let mut files = self.inbound.as_ref().map(InboundSettings::files).transpose()?.unwrap_or_default();
        files.extend(self.dkim_keys.iter().map(|key| (key.file_name(), key.pem.clone().into_bytes())));
        for (name, bytes) in files {
            let path = folder.join(name);
            write_secret(&path, &bytes).map_err(|source| KitError::File { path, source })?;
        }
        Ok(())
    }

    fn write(&self, toml: &mut String, http: SocketAddr) -> std::fmt::Result {
        writeln!(toml, "[engine]\nnode_name = \"{}\"\ndata_dir = \"data\"", self.node_name)?;
        writeln!(toml, "sessions_max = {}\n", self.sessions_max)?;
        writeln!(toml, "[http]\nlisten = \"{http}\"\n")?;
        writeln!(toml, "[dns]\nservers = [\"{}\"]\nsmtp_port = {}", self.dns, self.smtp_port)?;
        writeln!(toml, "allow_private_addresses = true\n")?;
        match &self.sending {
            Some(sending) => toml.push_str(sending),
            None => self.write_sending(toml)?,
        }
        for key in &self.dkim_keys {
            writeln!(toml, "[[dkim_keys]]\ndomain = \"{}\"\nselector = \"{}\"", key.domain, key.selector)?;
            writeln!(toml, "key_file = \"{}\"\n", key.file_name())?;
        }
        if let Some(inbound) = &self.inbound {
            inbound.write(toml)?;
        }
        toml.write_str(&self.extra)
    }

    fn write_sending(&self, toml: &mut String) -> std::fmt::Result {
        for number in 1..=self.sources {
            let address = Self::source_address(number);
            writeln!(toml, "[[sources]]\nname = \"s{number}\"\naddress = \"{address}\"")?;
            writeln!(toml, "ehlo_name = \"s{number}.{}\"\n", self.node_name)?;
        }
        for (pool, last) in [("wide", self.sources), ("narrow", self.narrow.min(self.sources))] {
            let members: Vec<String> = (1..=last).map(|n| format!("{{ source = \"s{n}\", weight = 1 }}")).collect();
            writeln!(toml, "[[pools]]\nname = \"{pool}\"\nmembers = [{}]\n", members.join(", "))?;
        }
        if self.overrides_profiles {
            let numbers = self.profile();
            for carrier in PROFILES {
                writeln!(toml, "[carriers.{carrier}]\n{numbers}")?;
            }
        }
        Ok(())
    }

    fn profile(&self) -> String {
        let retry: Vec<String> = self.retry_after_s.iter().map(ToString::to_string).collect();
        let rate = self.rate_per_min;
        [
            format!("connections_max = {}", self.connections_max),
            format!("messages_per_connection_max = {}", self.messages_per_connection_max),
            format!("rate_start_per_min = {rate:?}\nrate_max_per_min = {rate:?}"),
            format!("retry_after_s = [{}]\ngive_up_after_s = {}", retry.join(", "), self.give_up_after_s),
            format!("greylist_probe_s = {}", self.retry_after_s.first().copied().unwrap_or(1).max(1)),
            format!("pause_on_throttle_s = {0}\npause_on_block_s = {0}\npause_on_reset_s = {0}", self.pause_s),
            format!("data_end_timeout_s = {}", self.data_end_timeout_s),
            // Certificates of a world chain to nobody; the profile of Gmail would refuse them.
            "tls = \"opportunistic\"\n".to_owned(),
        ]
        .join("\n")
    }
}

/// Writes a file that its owner alone may read, in place of one that its owner may not write.
fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    std::fs::write(path, bytes)?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_toml_with_eight_sources_and_two_pools() {
        let settings = EngineSettings::new("127.0.0.1:5353".parse().unwrap(), 2525);
        let toml: toml::Table = settings.to_toml("127.0.0.1:8025".parse().unwrap()).parse().unwrap();
        assert_eq!(toml["sources"].as_array().unwrap().len(), 8);
        assert_eq!(toml["sources"][7]["address"].as_str(), Some("127.0.1.8"));
        assert_eq!(toml["pools"][0]["members"].as_array().unwrap().len(), 8);
        assert_eq!(toml["pools"][1]["members"].as_array().unwrap().len(), 2);
        assert_eq!(toml["dns"]["smtp_port"].as_integer(), Some(2525));
        assert_eq!(toml["carriers"]["docomo"]["rate_max_per_min"].as_float(), Some(1_000_000.0));
    }
}
