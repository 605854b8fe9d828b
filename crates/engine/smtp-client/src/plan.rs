//! Where to connect, from where, and how long to wait.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mail_model::Stage;
use tls_policy::Demand;

/// How long each step may take until its whole reply is read. The defaults are those of RFC 5321 4.5.3.2, where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP connect. The RFC has none; 30 s is below the kernel's own and above any carrier that lives.
    pub connect: Duration,
    /// The 220 greeting.
    pub greeting: Duration,
    /// EHLO and HELO.
    pub ehlo: Duration,
    /// The reply to STARTTLS, and the handshake.
    pub starttls: Duration,
    /// MAIL and RSET.
    pub mail: Duration,
    /// RCPT.
    pub rcpt: Duration,
    /// DATA, up to 354.
    pub data: Duration,
    /// Writing; one second per 500 bytes is added.
    pub data_block: Duration,
    /// The reply to the final dot. Shorter than the RFC's 10 minutes makes duplicates: the server may be storing the mail.
    pub data_end: Duration,
    /// QUIT, and what a failed write left to read. No mail hangs on them.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            greeting: Duration::from_secs(300),
            ehlo: Duration::from_secs(300),
            starttls: Duration::from_secs(120),
            mail: Duration::from_secs(300),
            rcpt: Duration::from_secs(300),
            data: Duration::from_secs(120),
            data_block: Duration::from_secs(180),
            data_end: Duration::from_secs(600),
            quit: Duration::from_secs(5),
        }
    }
}

impl Timeouts {
    /// How long to wait for the reply that belongs to `stage`.
    pub fn of(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Dns | Stage::Connect => self.connect,
            Stage::Greeting => self.greeting,
            Stage::Ehlo => self.ehlo,
            Stage::StartTls => self.starttls,
            Stage::Mail | Stage::Rset => self.mail,
            Stage::Rcpt => self.rcpt,
            Stage::Data => self.data,
            Stage::DataEnd => self.data_end,
            Stage::Quit => self.quit,
        }
    }
}

/// Whether a session is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsPolicy {
    /// When the server offers it, with any certificate; in clear when it does not or when the handshake fails.
    Opportunistic,
    /// With a certificate for the MX's name from a known authority, or not at all.
    Required,
    /// Never.
    Off,
}

/// One connection to be made.
#[derive(Clone, Debug)]
pub struct ConnectPlan {
    /// Our address; `None` leaves the choice to the kernel. Must be of the same family as `remote`.
    pub source_ip: Option<IpAddr>,
    /// The name we say EHLO with: a host name or an address literal.
    pub ehlo_name: String,
    /// The server's address and port.
    pub remote: SocketAddr,
    /// The server's name, for SNI and for its certificate.
    pub mx_host: String,
    /// Whether to encrypt, by the carrier's setting.
    pub tls: TlsPolicy,
    /// What the recipient's domain demands. The stricter of both counts; DANE stands in for a known authority.
    pub demand: Demand,
    /// How long to wait.
    pub timeouts: Timeouts,
}
