//! Encryption towards hosts: the carrier's setting, what recipients' domains demand, handshakes that failed lately.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use clock::Clock;
use engine_config::{CarrierProfile, EngineConfig};
use mail_model::MonoUs;
use parking_lot::Mutex;
use smtp_client::{Demand, Tls, TlsPolicy};
use telemetry::TlsPolicyUnmet;
use tls_policy::{Session, Settings, TlsPolicies, TlsPolicyError, TlsResult};

/// Hosts remembered for a failed handshake; beyond them, each session pays its own.
const FAILED_MAX: usize = 10_000;

/// Encryption towards hosts, shared by all sessions.
pub(crate) struct Encryption {
    pub(crate) tls: Tls,
    pub(crate) policies: TlsPolicies,
    clock: Clock,
    /// Hosts whose handshake failed, until when they are spoken to in clear.
    failed: Mutex<HashMap<String, MonoUs>>,
    failure_memory: Duration,
}

/// A host as one session meets it.
#[derive(Clone, Copy)]
pub(crate) struct Met<'a> {
    pub(crate) domain: &'a str,
    pub(crate) mx_host: &'a str,
    pub(crate) demand: &'a Demand,
    pub(crate) sending_ip: Option<IpAddr>,
    /// None when it was not connected to.
    pub(crate) receiving_ip: Option<IpAddr>,
}

impl Encryption {
    pub(crate) fn new(
        config: &EngineConfig,
        settings: &Settings,
        dns: &dns::Dns,
        clock: Clock,
    ) -> Result<Self, TlsPolicyError> {
        Ok(Self {
            tls: Tls::with_roots(settings.roots.clone()),
            policies: TlsPolicies::new(settings, dns, clock.clone())?,
            clock,
            failed: Mutex::new(HashMap::new()),
            failure_memory: Duration::from_secs(config.tls.failure_memory_s),
        })
    }

    /// The carrier's setting; in clear at once for a host whose handshake failed lately, where the setting allows it.
    pub(crate) fn setting(&self, profile: &CarrierProfile, host: &str) -> TlsPolicy {
        match profile.tls {
            engine_config::TlsPolicy::Off => TlsPolicy::Off,
            engine_config::TlsPolicy::Required => TlsPolicy::Required,
            engine_config::TlsPolicy::Opportunistic => {
                let now = self.clock.mono();
                let failed = self.failed.lock().get(host).is_some_and(|until| *until > now);
                if failed { TlsPolicy::Off } else { TlsPolicy::Opportunistic }
            }
        }
    }

    pub(crate) fn remember_failure(&self, host: &str) {
        let now = self.clock.mono();
        let mut failed = self.failed.lock();
        failed.retain(|_, until| *until > now);
        if failed.len() < FAILED_MAX {
            failed.insert(host.to_owned(), now + self.failure_memory);
        }
    }

    /// Counts what a session came to for TLS-RPT, and says so when the domain demands more. `why` is our own word for
    /// a failure, where the result's is too general.
    pub(crate) fn report(&self, met: Met<'_>, result: TlsResult, why: Option<&str>) {
        let Met { domain, mx_host, demand, sending_ip, receiving_ip } = met;
        if result != TlsResult::Success && *demand != Demand::Nothing {
            let why = why.unwrap_or(result.as_str());
            TlsPolicyUnmet { domain, peer: mx_host, why, waits: !demand.is_optional() }.emit();
        }
        self.policies.report(&Session { domain, mx_host, demand, sending_ip, receiving_ip, result });
    }
}
