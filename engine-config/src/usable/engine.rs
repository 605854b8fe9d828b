//! `[engine]`, `[tls]` and `[telemetry]`.

use std::path::PathBuf;

use super::text::{HOST_FORM, HostName, LOG_LEVEL_FORM, LogLevel, TLS_FORM, TlsPolicy};
use crate::written::setting::{Kind, settings, text, whole};

settings! {
    /// The node itself.
    pub(crate) struct EngineWritten in "engine" {
        /// Full name of this machine as DNS knows it. It is the EHLO name when no sources are given, and carriers check
        /// that it resolves: it cannot be guessed.
        node_name: HostName = required, text(HOST_FORM);
        /// Directory of the queue, on a disk that keeps what was synced. A relative path begins at the
        /// configuration file.
        data_dir: PathBuf = "/var/lib/todoke", text("a path");
        /// Sessions to carriers at once, all together. Each needs a file descriptor and about 40 KiB.
        sessions_max: u32 = 512, whole(1, 65_536, "sessions");
        /// Host part of Message-ID; node_name when left out. One for all nodes lets replies be matched anywhere.
        message_id_host: Option<HostName> = none, text(HOST_FORM);
        /// Number of this node among those that share one [returns] domain or one message_id_host. It is part of every
        /// message's id, so that a bounce is taken for this node's mail and for no other's.
        node_number: u32 = 0, whole(0, 255, "");
        /// How long before its deadline (not_after) a message lists those who wait as foreseen to be late, at most; a
        /// third of the time it had when that is shorter. Long enough for a school to telephone.
        deadline_warn_s: u64 = 600, whole(0, 86_400, "seconds");
    }
}

settings! {
    /// Encryption towards carriers.
    pub struct TlsConfig in "tls" {
        /// Policy of every carrier whose profile does not say otherwise; the same as `tls` in `[defaults]`. None
        /// verifies certificates: the host's name comes from DNS, whose answer is unsigned (RFC 7435).
        policy: Option<TlsPolicy> = none, text(TLS_FORM);
        /// How long a host whose handshake failed is spoken to in clear at once, where the policy allows it. Short
        /// enough to notice a repaired certificate, long enough not to pay a failed handshake for every session.
        failure_memory_s: u64 = 3_600, whole(0, 86_400, "seconds");
        /// Whether the MTA-STS policy of a domain (RFC 8461) is looked up and obeyed. Gmail, Outlook and Yahoo have
        /// one; mail to a host that such a policy does not name waits.
        mta_sts: bool = true, Kind::Flag;
        /// Whether TLSA records (DANE, RFC 7672) are looked up and obeyed. Needs DNS servers that pass on DNSSEC
        /// records: behind one that strips them every domain would look forged, and mail would wait.
        dane: bool = false, Kind::Flag;
        /// Further root certificates, PEM, beside the machine's own: a relay or a laboratory with its own authority.
        roots_file: Option<PathBuf> = none, text("a path");
    }
}

settings! {
    /// What the node tells about itself.
    pub struct TelemetryConfig in "telemetry" {
        /// How much is logged. No level logs addresses, names or subjects.
        log_level: LogLevel = "info", text(LOG_LEVEL_FORM);
    }
}

/// The node itself.
#[derive(Clone, Debug)]
pub struct EngineSection {
    /// Full name of this machine.
    pub node_name: HostName,
    /// Directory of the queue.
    pub data_dir: PathBuf,
    /// Sessions to carriers at once.
    pub sessions_max: u32,
    /// Host part of Message-ID.
    pub message_id_host: HostName,
    /// Number of this node among those that share addresses, 0–255.
    pub node_number: u8,
    /// How long before a deadline those who wait are listed as foreseen to be late, seconds, at most.
    pub deadline_warn_s: u64,
}

impl EngineWritten {
    /// Fills in what follows from other keys. `base` is the directory that relative paths begin at.
    pub(crate) fn usable(self, base: &std::path::Path) -> EngineSection {
        EngineSection {
            message_id_host: self.message_id_host.unwrap_or_else(|| self.node_name.clone()),
            node_name: self.node_name,
            data_dir: base.join(self.data_dir),
            sessions_max: self.sessions_max,
            node_number: u8::try_from(self.node_number).unwrap_or(u8::MAX),
            deadline_warn_s: self.deadline_warn_s,
        }
    }
}
