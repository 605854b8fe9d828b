//! What is looked up, where, and how patiently.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine_config::EngineConfig;
use rustls::RootCertStore;

use crate::error::TlsPolicyError;
use crate::roots::root_certificates;

/// What is looked up, where, and how patiently.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether MTA-STS policies are looked up and obeyed.
    pub mta_sts: bool,
    /// Whether TLSA records are looked up and obeyed.
    pub dane: bool,
    /// Whom the web servers of policies are verified with.
    pub roots: Arc<RootCertStore>,
    /// Whether web servers of policies may have private, loopback or otherwise special addresses.
    pub allow_private_addresses: bool,
    /// The port of the web servers of policies.
    pub policy_port: u16,
    /// Where MTA-STS policies are kept over a restart.
    pub policies_file: Option<PathBuf>,
    /// Domains remembered that have no MTA-STS policy, and domains remembered for DANE.
    pub domains_max: usize,
    /// How long the first mail to a domain waits for its policy to be fetched.
    pub patience: Duration,
    /// Who reports, in TLS-RPT reports.
    pub organization: String,
}

impl Settings {
    /// What the configuration says.
    ///
    /// # Errors
    /// When `[tls] roots_file` cannot be used.
    pub fn of(config: &EngineConfig) -> Result<Self, TlsPolicyError> {
        Ok(Self {
            mta_sts: config.tls.mta_sts,
            dane: config.tls.dane,
            roots: Arc::new(root_certificates(config.tls.roots_file.as_deref())?),
            allow_private_addresses: config.dns.allow_private_addresses,
            policy_port: 443,
            policies_file: Some(config.engine.data_dir.join("mta-sts.json")),
            domains_max: usize::try_from(config.dns.cache_domains_max).unwrap_or(usize::MAX),
            patience: Duration::from_secs(3),
            organization: config.engine.node_name.as_str().to_owned(),
        })
    }
}
