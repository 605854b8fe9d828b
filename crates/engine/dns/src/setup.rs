//! The resolvers behind the questions: whom to ask, how patiently, what to trust.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine_config::DnsConfig;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::dnssec::TrustAnchors;
use hickory_resolver::system_conf::read_system_conf;
use thiserror::Error;

/// Why no questions can be asked. Only our own machine can be the reason.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DnsError {
    /// No DNS servers are configured and the machine's own (/etc/resolv.conf) cannot be read.
    #[error("the machine's DNS configuration cannot be read ({0}); set servers in [dns]")]
    SystemConfig(String),
    /// The resolver cannot be made.
    #[error("the DNS resolver cannot be made: {0}")]
    Setup(String),
    /// The file of trust anchors cannot be used.
    #[error("the DNSSEC trust anchors cannot be read: {0}")]
    TrustAnchors(String),
}

/// What a mail-auth `MessageAuthenticator` is made of, so that SPF, DKIM and DMARC are looked up where everything else
/// is. No hosts file is read: it is this machine's view of names, not the senders'.
///
/// # Errors
/// When the machine's own DNS configuration is to be used and cannot be read.
pub fn mail_authenticator(config: &DnsConfig) -> Result<(ResolverConfig, ResolverOpts), DnsError> {
    let (servers, mut options) = if config.servers.is_empty() {
        read_system_conf().map_err(|error| DnsError::SystemConfig(error.to_string()))?
    } else {
        let servers = config.servers.iter().map(server).collect();
        (ResolverConfig::from_name_servers(servers), ResolverOpts::default())
    };
    options.timeout = Duration::from_millis(config.timeout_ms);
    options.attempts = usize::try_from(config.retries).unwrap_or(usize::MAX);
    options.edns0 = true;
    options.use_hosts_file = ResolveHosts::Never;
    Ok((servers, options))
}

/// A resolver that asks and proves nothing.
pub(crate) fn plain(config: &DnsConfig) -> Result<TokioResolver, DnsError> {
    let (servers, mut options) = mail_authenticator(config)?;
    // Those who ask keep whole answers, with bounds on their age and the last good one; a second memory below theirs
    // would only make answers older than those bounds say.
    options.cache_size = 0;
    build(servers, options, None)
}

/// A resolver that proves what it says by DNSSEC, from the root's keys or those of `anchors` down.
pub(crate) fn validating(config: &DnsConfig, anchors: Option<&Path>) -> Result<TokioResolver, DnsError> {
    let anchors = match anchors {
        Some(path) => TrustAnchors::from_file(path).map_err(|error| DnsError::TrustAnchors(error.to_string()))?,
        None => TrustAnchors::default(),
    };
    let (servers, mut options) = mail_authenticator(config)?;
    options.cache_size = 0;
    options.validate = true;
    // Without them the proof of a CNAME would be lost with the CNAME, and an unsigned alias taken for a signed one.
    options.preserve_intermediates = true;
    build(servers, options, Some(Arc::new(anchors)))
}

fn build(
    servers: ResolverConfig,
    options: ResolverOpts,
    anchors: Option<Arc<TrustAnchors>>,
) -> Result<TokioResolver, DnsError> {
    let mut builder =
        TokioResolver::builder_with_config(servers, TokioRuntimeProvider::default()).with_options(options);
    if let Some(anchors) = anchors {
        builder = builder.with_trust_anchor(anchors);
    }
    builder.build().map_err(|error| DnsError::Setup(error.to_string()))
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let at = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}
