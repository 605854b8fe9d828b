//! What a failure without a reply means.

use std::borrow::Cow;

use mail_model::{Cause, Stage, Verdict};

use crate::code::slug;

/// A failure in which the remote said nothing, or nothing that is SMTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportTrouble {
    /// No answer in the time RFC 5321 4.5.3.2 gives.
    TimedOut,
    /// The remote ended the connection in order (FIN).
    Closed,
    /// The remote ended the connection by a reset; au does so when it is congested or has blocked us.
    Reset,
    /// Nobody listens on the port.
    Refused,
    /// No route to the host.
    Unreachable,
    /// The TLS handshake failed where TLS is required.
    Tls,
    /// What came was no SMTP reply.
    Protocol,
    /// The domain does not exist (NXDOMAIN).
    DnsNoDomain,
    /// The domain declares that it takes no mail (null MX, RFC 7505), or has neither MX nor address.
    DnsNoMx,
    /// No usable answer from the DNS: SERVFAIL or time-out.
    DnsFailed,
    /// All MX hosts are on private or loopback addresses.
    AddressRefused,
    /// Our own source address could not be bound.
    SourceUnusable,
}

impl TransportTrouble {
    fn name(self) -> &'static str {
        match self {
            Self::TimedOut => "timed-out",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::DnsNoDomain => "no-such-domain",
            Self::DnsNoMx => "domain-takes-no-mail",
            Self::DnsFailed => "dns-failed",
            Self::AddressRefused => "private-address",
            Self::SourceUnusable => "source-unusable",
        }
    }
}

/// What a failure in the step `stage` means.
pub fn classify_trouble(trouble: TransportTrouble, stage: Stage) -> Verdict {
    let cause = match trouble {
        TransportTrouble::DnsNoDomain | TransportTrouble::DnsNoMx => Cause::DomainUnknown,
        TransportTrouble::Tls => Cause::AuthFailed,
        // A private address may be a typing error's parked domain, but also our resolver's view of an inner network:
        // never a reason to condemn the recipient.
        TransportTrouble::Protocol | TransportTrouble::AddressRefused => Cause::ServerError,
        TransportTrouble::TimedOut
        | TransportTrouble::Closed
        | TransportTrouble::Reset
        | TransportTrouble::Refused
        | TransportTrouble::Unreachable
        | TransportTrouble::DnsFailed
        | TransportTrouble::SourceUnusable => Cause::ConnectionFailed,
    };
    Verdict { cause, rule: Cow::Owned(format!("trouble/{}/{}", trouble.name(), slug(stage.as_str()))) }
}
