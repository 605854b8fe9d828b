//! `[inbound]`: the listener for mail that comes back.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::secret::{self, Secret};
use super::text::{HOST_FORM, HostName};
use crate::written::section::Section;
use crate::written::setting::{settings, text, texts, whole};
use crate::written::value::At;

settings! {
    /// The listener for mail that comes back: bounces, complaints, registrations, mail to postmaster and abuse. It
    /// takes mail for nobody else and passes none on. Needs `[returns]`.
    pub(crate) struct InboundWritten in "inbound" {
        /// Where it listens; port 25 of the MX's addresses. Empty: no mail is received.
        listen: Vec<SocketAddr> = [], texts("an address with its port, such as 192.0.2.25:25", 16);
        /// What it calls itself; node_name when left out.
        host_name: Option<HostName> = none, text(HOST_FORM);
        /// Certificate chain for STARTTLS, PEM. Without it STARTTLS is not offered.
        certificate_file: Option<At<PathBuf>> = none, text("a path");
        /// Private key of that certificate, PEM. Readable by its owner only.
        certificate_key_file: Option<At<PathBuf>> = none, text("a path");
        /// Sessions at once. Beyond it new ones get 421.
        sessions_max: u32 = 2_000, whole(1, 65_536, "sessions");
        /// Sessions at once from one address (IPv4) or /64 (IPv6).
        sessions_per_address_max: u32 = 50, whole(1, 65_536, "sessions");
        /// New sessions a minute from one IPv4 /24 or IPv6 /48. Beyond it they get 421.
        sessions_per_network_per_min: u32 = 600, whole(1, 1_000_000, "sessions");
        /// Largest mail. Bounces that quote a mail with files are the largest that come.
        message_bytes_max: u64 = 10_485_760, whole(65_536, 104_857_600, "bytes");
        /// Mails of one session.
        messages_per_session_max: u32 = 100, whole(1, 10_000, "mails");
        /// Patience with silence. RFC 5321 4.5.3.2.7 asks for 300; an honest sender of bounces needs seconds.
        idle_timeout_s: u64 = 60, whole(1, 600, "seconds");
        /// Patience with a whole session, however busy.
        session_timeout_s: u64 = 600, whole(10, 7_200, "seconds");
        /// Mails received and not yet dealt with. Beyond it senders are asked to come back (452).
        waiting_max: u64 = 200_000, whole(100, 10_000_000, "mails");
        /// How long mail to postmaster and abuse, replies of people and mails nobody could read are kept.
        kept_days: u32 = 30, whole(1, 3_650, "days");
    }
}

/// The listener for mail that comes back.
#[derive(Clone, Debug)]
pub struct InboundConfig {
    /// Where it listens; empty when no mail is received.
    pub listen: Vec<SocketAddr>,
    /// What it calls itself.
    pub host_name: HostName,
    /// What STARTTLS shows; none when it is not offered.
    pub certificate: Option<CertificateConfig>,
    /// Sessions at once.
    pub sessions_max: u32,
    /// Sessions at once from one address.
    pub sessions_per_address_max: u32,
    /// New sessions a minute from one network.
    pub sessions_per_network_per_min: u32,
    /// Largest mail.
    pub message_bytes_max: u64,
    /// Mails of one session.
    pub messages_per_session_max: u32,
    /// Patience with silence.
    pub idle_timeout_s: u64,
    /// Patience with a whole session.
    pub session_timeout_s: u64,
    /// Mails received and not yet dealt with.
    pub waiting_max: u64,
    /// How long other mail is kept.
    pub kept_days: u32,
}

/// A certificate as it was read at the start, and where a renewed one is to be looked for.
#[derive(Clone, Debug)]
pub struct CertificateConfig {
    /// The chain's file.
    pub chain_file: PathBuf,
    /// The private key's file.
    pub key_file: PathBuf,
    /// The chain, PEM.
    pub chain: Vec<u8>,
    /// The private key, PEM.
    pub key: Secret,
}

impl InboundWritten {
    /// Reads the certificate.
    pub(crate) fn usable(self, section: &Section<'_>, base: &Path, node_name: &HostName) -> InboundConfig {
        let certificate = match (&self.certificate_file, &self.certificate_key_file) {
            (Some(chain), Some(key)) => read_certificate(section, base, chain, key),
            (None, None) => None,
            (Some(file), None) => {
                let what = "a certificate without its private key is of no use";
                section.fault_at(file.line, "certificate_file", what, "give certificate_key_file, too");
                None
            }
            (None, Some(file)) => {
                let what = "a private key without its certificate is of no use";
                section.fault_at(file.line, "certificate_key_file", what, "give certificate_file, too");
                None
            }
        };
        InboundConfig {
            certificate,
            listen: self.listen,
            host_name: self.host_name.unwrap_or_else(|| node_name.clone()),
            sessions_max: self.sessions_max,
            sessions_per_address_max: self.sessions_per_address_max,
            sessions_per_network_per_min: self.sessions_per_network_per_min,
            message_bytes_max: self.message_bytes_max,
            messages_per_session_max: self.messages_per_session_max,
            idle_timeout_s: self.idle_timeout_s,
            session_timeout_s: self.session_timeout_s,
            waiting_max: self.waiting_max,
            kept_days: self.kept_days,
        }
    }
}

fn read_certificate(
    section: &Section<'_>,
    base: &Path,
    chain: &At<PathBuf>,
    key: &At<PathBuf>,
) -> Option<CertificateConfig> {
    let path = base.join(&chain.value);
    let key_file = base.join(&key.value);
    let key = secret::read(section, "certificate_key_file", key, base, "the certificate's authority gave it with it");
    match std::fs::read(&path) {
        Ok(chain) => Some(CertificateConfig { chain_file: path, key_file, chain, key: key? }),
        Err(error) => {
            let what = format!("{} cannot be read ({error})", path.display());
            section.fault_at(chain.line, "certificate_file", what, "name the file with the certificate chain");
            None
        }
    }
}
