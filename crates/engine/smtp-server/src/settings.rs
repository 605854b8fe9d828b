//! What the listener allows: every limit with its default and the reason for it.

use std::time::Duration;

use mail_model::EmailAddress;

use crate::error::ServerError;

/// Limits and times of the listener. All of them hold from the first session on; a change needs a new listener.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `postmaster@` our host name: what RCPT TO:`<postmaster>` means, and through its domain our name in every greeting.
    postmaster: EmailAddress,
    /// How long a peer is listened to before it is greeted. An honest one is silent; 0 looks once and greets.
    pub greeting_delay: Duration,
    /// Sessions at once.
    pub sessions_max: usize,
    /// Sessions at once from one IPv4 address or one IPv6 /64, which is what one subscriber owns.
    pub sessions_per_address_max: usize,
    /// Sessions at once from one IPv4 /24 or IPv6 /48, so that no network takes all seats.
    pub sessions_per_network_max: usize,
    /// New sessions a minute from one IPv4 /24 or IPv6 /48; as many may come at once after a quiet minute.
    pub sessions_per_network_per_min: u32,
    /// New sessions a minute from everywhere, so that a flood from ten thousand addresses leaves the senders their cores.
    pub sessions_per_min: u32,
    /// Largest mail in bytes, dots unstuffed, end of data excluded.
    pub message_bytes_max: u64,
    /// Bytes of content that all sessions together may hold. Beyond it DATA gets 452.
    pub content_bytes_max: u64,
    /// The same for one IPv4 /24 or IPv6 /48. Never less than two mails of [`Self::message_bytes_max`], whatever stands
    /// here.
    pub content_bytes_per_network_max: u64,
    /// Mails of one session. The peer comes back with another one.
    pub messages_per_session_max: u32,
    /// Recipients of one mail. RFC 5321 4.5.3.1.8 asks for 100; a report has one.
    pub recipients_max: usize,
    /// Refused recipients of one session before it is taken for somebody who harvests addresses.
    pub unknown_recipients_max: u32,
    /// Lines of one session that are no command, or none that we have.
    pub bad_commands_max: u32,
    /// Commands between two mails that lead nowhere: NOOP, RSET, HELP, VRFY, a second EHLO, a command out of turn.
    pub useless_commands_max: u32,
    /// `Received:` lines of one mail before it is taken for a loop. RFC 5321 6.3 asks for at least 100.
    pub received_headers_max: usize,
    /// How long a peer may take for one command line, or be silent inside a mail.
    pub idle_max: Duration,
    /// How long a session may last, however busy it is.
    pub session_max: Duration,
    /// Least bytes a second inside a mail, over [`Self::data_rate_window`].
    pub data_rate_min_bytes_per_s: u64,
    /// Over how long the rate is taken.
    pub data_rate_window: Duration,
    /// TLS handshakes at once, each about a millisecond of a core; one network may have a quarter of them. Beyond it
    /// STARTTLS gets 454 and the peer may go on in clear.
    pub handshakes_max: usize,
    /// How long one handshake may take.
    pub handshake_wait_max: Duration,
    /// How long the store may take for one mail before the peer is asked to send it again.
    pub store_wait_max: Duration,
    /// How long mails that are coming in may take to arrive once a stop is asked for.
    pub drain_max: Duration,
}

impl Settings {
    /// The defaults, for a listener of this name. An error when it is no host name.
    pub fn new(host_name: &str) -> Result<Self, ServerError> {
        let postmaster = format!("postmaster@{host_name}").parse().map_err(|_| ServerError::HostName)?;
        Ok(Self {
            postmaster,
            greeting_delay: Duration::from_millis(200),
            sessions_max: 2_000,
            sessions_per_address_max: 50,
            sessions_per_network_max: 500,
            sessions_per_network_per_min: 600,
            sessions_per_min: 12_000,
            message_bytes_max: 10 * 1_024 * 1_024,
            content_bytes_max: 256 * 1_024 * 1_024,
            content_bytes_per_network_max: 64 * 1_024 * 1_024,
            messages_per_session_max: 100,
            recipients_max: 100,
            unknown_recipients_max: 20,
            bad_commands_max: 20,
            useless_commands_max: 200,
            received_headers_max: 100,
            idle_max: Duration::from_secs(60),
            session_max: Duration::from_secs(600),
            data_rate_min_bytes_per_s: 100,
            data_rate_window: Duration::from_secs(60),
            handshakes_max: 64,
            handshake_wait_max: Duration::from_secs(10),
            store_wait_max: Duration::from_secs(120),
            drain_max: Duration::from_secs(10),
        })
    }

    /// What we call ourselves, lower case.
    pub fn host_name(&self) -> &str {
        self.postmaster.domain()
    }

    /// What RCPT TO:`<postmaster>` means. The doorkeeper must admit it, RFC 5321 4.5.1.
    pub fn postmaster(&self) -> &EmailAddress {
        &self.postmaster
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_end_a_reply_is_no_host_name() {
        assert_eq!(Settings::new("MX.Example.JP").unwrap().host_name(), "mx.example.jp");
        for name in ["", "mx example", "mx\r\n250 ok", "メール .jp", "[192.0.2.1]", "a@b"] {
            assert!(Settings::new(name).is_err(), "{name:?}");
        }
    }
}
