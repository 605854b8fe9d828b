//! Fetching a policy from its web server (RFC 8461 3.3).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dns::{Dns, is_public};
use engine_config::IpVersion;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::TlsPolicyError;
use crate::result::FailureType;

/// From the first packet to the last byte, whatever the server does meanwhile.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(60);
/// One address's share of it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Addresses tried.
const ADDRESSES_MAX: usize = 4;
/// A policy has a few hundred bytes.
const POLICY_BYTES_MAX: usize = 64 * 1024;
/// The status line and the headers.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Why a policy could not be fetched. No word of the server is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum FetchFault {
    #[error("the web server has no address that may be connected to")]
    NoAddress,
    #[error("nobody answers at the web server's addresses")]
    Connect,
    #[error("the web server's certificate is not valid: {}", .0.as_str())]
    Certificate(FailureType),
    #[error("the TLS handshake failed")]
    Handshake,
    #[error("the web server answered {0}, not 200")]
    Status(u16),
    #[error("the policy is not text/plain")]
    ContentType,
    #[error("the policy has more than {POLICY_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the web server does not speak HTTP")]
    Http,
    #[error("the web server took longer than a minute")]
    TimedOut,
}

impl FetchFault {
    /// As TLS-RPT calls it.
    pub(crate) fn failure_type(&self) -> FailureType {
        match self {
            Self::Certificate(_) => FailureType::StsWebpkiInvalid,
            _ => FailureType::StsPolicyFetchError,
        }
    }
}

/// Fetches policies. Neither a proxy nor a redirect is followed: whoever can redirect could name his own hosts.
pub(crate) struct Fetcher {
    dns: Dns,
    connector: TlsConnector,
    port: u16,
    private_too: bool,
}

impl Fetcher {
    pub(crate) fn new(
        dns: Dns,
        roots: Arc<RootCertStore>,
        port: u16,
        private_too: bool,
    ) -> Result<Self, TlsPolicyError> {
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsPolicyError::Setup(error.to_string()))?;
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { dns, connector: TlsConnector::from(Arc::new(config)), port, private_too })
    }

    /// The bytes of a domain's policy; nothing of them has been looked at.
    pub(crate) async fn fetch(&self, domain: &str) -> Result<Bytes, FetchFault> {
        let host = format!("mta-sts.{domain}");
        timeout(WHOLE_TIMEOUT, self.fetch_from(&host)).await.unwrap_or(Err(FetchFault::TimedOut))
    }

    async fn fetch_from(&self, host: &str) -> Result<Bytes, FetchFault> {
        let tcp = self.connect(host).await?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| FetchFault::NoAddress)?;
        let tls = self.connector.connect(name, tcp).await.map_err(|error| handshake_fault(&error))?;
        get(tls, &self.authority(host)).await
    }

    async fn connect(&self, host: &str) -> Result<TcpStream, FetchFault> {
        let found = self.dns.addresses(host, IpVersion::V4V6).await;
        let may_reach = |address: &&IpAddr| self.private_too || is_public(**address);
        let mut fault = FetchFault::NoAddress;
        for address in found.found().iter().filter(may_reach).take(ADDRESSES_MAX) {
            let remote = SocketAddr::new(*address, self.port);
            match timeout(CONNECT_TIMEOUT, TcpStream::connect(remote)).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(_)) | Err(_) => fault = FetchFault::Connect,
            }
        }
        Err(fault)
    }

    fn authority(&self, host: &str) -> String {
        if self.port == 443 { host.to_owned() } else { format!("{host}:{}", self.port) }
    }
}

fn handshake_fault(error: &std::io::Error) -> FetchFault {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(error @ rustls::Error::InvalidCertificate(_)) => FetchFault::Certificate(FailureType::of_error(error)),
        _ => FetchFault::Handshake,
    }
}

async fn get(tls: TlsStream<TcpStream>, authority: &str) -> Result<Bytes, FetchFault> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX);
    let (mut sender, connection) = builder.handshake(TokioIo::new(tls)).await.map_err(|_| FetchFault::Http)?;
    let request = Request::get("/.well-known/mta-sts.txt")
        .header(HOST, authority)
        .header(ACCEPT, "text/plain")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|_| FetchFault::NoAddress)?;
    let talk = async {
        let response = sender.send_request(request).await.map_err(|_| FetchFault::Http)?;
        body(response).await
    };
    tokio::pin!(talk, connection);
    tokio::select! {
        done = &mut talk => done,
        // The server has said all it will; what it said is still to be read.
        _ = &mut connection => talk.await,
    }
}

async fn body(response: Response<hyper::body::Incoming>) -> Result<Bytes, FetchFault> {
    if response.status() != StatusCode::OK {
        return Err(FetchFault::Status(response.status().as_u16()));
    }
    if !response.headers().get(CONTENT_TYPE).is_some_and(is_plain_text) {
        return Err(FetchFault::ContentType);
    }
    match Limited::new(response.into_body(), POLICY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(FetchFault::TooLarge),
        Err(_) => Err(FetchFault::Http),
    }
}

fn is_plain_text(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let kind = text.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("text/plain")
}
