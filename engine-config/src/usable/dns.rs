//! `[dns]`: whom to ask for carriers' hosts, for how long to believe the answer, and which addresses are out of reach.

use std::net::SocketAddr;

use crate::written::setting::{Kind, settings, texts, whole};

settings! {
    /// Whom to ask for carriers' hosts, and for how long to believe the answer.
    pub struct DnsConfig in "dns" {
        /// DNS servers; when empty, those of the machine (/etc/resolv.conf).
        servers: Vec<SocketAddr> = [], texts("an address with its port, such as 192.0.2.53:53", 8);
        /// Patience with one question to one server.
        timeout_ms: u64 = 2_000, whole(10, 30_000, "ms");
        /// Questions repeated after the first remained without an answer.
        retries: u32 = 2, whole(0, 5, "repetitions");
        /// Domains remembered. One takes about half a KiB.
        cache_domains_max: u32 = 50_000, whole(16, 10_000_000, "domains");
        /// An answer is believed at least this long, whatever its TTL: a TTL of 0 must not mean a question for each
        /// mail.
        positive_ttl_min_s: u64 = 60, whole(1, 3_600, "seconds");
        /// An answer is believed at most this long, whatever its TTL: carriers move hosts.
        positive_ttl_max_s: u64 = 3_600, whole(1, 86_400, "seconds");
        /// "There is no such domain" is believed at least this long.
        negative_ttl_min_s: u64 = 30, whole(1, 300, "seconds");
        /// "There is no such domain" is believed at most this long. Below the ten minutes after which a second look
        /// confirms it, so that the second look is no echo of the first.
        negative_ttl_max_s: u64 = 300, whole(1, 590, "seconds");
        /// How long a question that failed is not asked again.
        failure_ttl_s: u64 = 10, whole(1, 300, "seconds");
        /// For how long after its end the last good answer is still used when questions fail. 86400 at most: hosts that
        /// moved a day ago are wrong rather than old.
        stale_max_s: u64 = 86_400, whole(0, 86_400, "seconds");
        /// Port of mail hosts; other than 25 only in a laboratory.
        smtp_port: u16 = 25, whole(1, 65_535, "");
        /// Whether hosts may have private, loopback or otherwise special addresses. Only in a laboratory: with `true`,
        /// anybody's MX record makes this machine connect inside its own network.
        allow_private_addresses: bool = false, Kind::Flag;
    }
}
