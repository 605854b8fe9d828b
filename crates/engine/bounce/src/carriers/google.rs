//! Gmail and Google Workspace, by support.google.com/a/answer/3726730 ("SMTP error reference") and answer/81126.

use crate::rule::{Rule, says};
use mail_model::Cause::{
    AddressUnknown, AuthFailed, ContentRejected, MailboxFull, MessageTooLarge, RateLimited, SenderBlocked, ServerError,
};

/// Words that mean something particular here.
pub(crate) const RULES: &[Rule] = &[
    // 421 and 4.7.28 ask for slowing down; the 5xx forms say that the address is blocked.
    says("unusual-rate", &["unusual (rate|amount|volume)"]).permanent().means(SenderBlocked),
    says("unusual-rate", &["unusual (rate|amount|volume)"]).means(RateLimited),
    says("low-reputation", &["low reputation", "not (in|on) (the )?white ?list"]).means(SenderBlocked),
    says("try-again-closing", &["try again later closing connection"]).code(&[421]).means(RateLimited),
    // 4.7.23 to 4.7.32 and 4.7.40: PTR, SPF, DKIM, TLS, DMARC and alignment; 28 is the rate.
    says("bulk-sender-requirements", &[]).status(7, 23, 27).means(AuthFailed),
    says("bulk-sender-requirements", &[]).status(7, 29, 32).means(AuthFailed),
    says("bulk-sender-requirements", &[]).status(7, 40, 40).means(AuthFailed),
    says("ipv6-requirements", &["ipv6 (\\S+ )?(sending )?guidelines"]).means(AuthFailed),
    // Header sizes, attachment counts and message sizes share one code.
    says("too-large", &[]).status(3, 4, 4).means(MessageTooLarge),
    says(
        "sending-limit",
        &[
            "(relay|sending|user) (\\S+ ){0,3}(limit|quota)",
            "email quota",
            "receiving (mail|messages) (too|at a)",
            "limit exceeded",
        ],
    )
    .means(RateLimited),
    says("over-quota", &["over ?quota", "out of storage"]).means(MailboxFull),
    says("policy-size", &["policy size per transaction"]).means(ServerError),
    says("relay-not-registered", &["(credentials for relay|relay denied|mail relay)"]).means(ServerError),
    says("protocol", &["protocol violation", "pipeline after starttls"]).means(ServerError),
    says("sender-address-malformed", &["sender address (\\S+ )?(is )?not a valid rfc"]).means(ContentRejected),
    says("recipient-address-malformed", &["recipient address (\\S+ ){0,3}not a valid rfc"]).means(AddressUnknown),
    says("content-policy", &["policy that prohibited", "content presents"]).means(ContentRejected),
    says("sender-denied", &["mail sending denied", "not authorized to send email directly"]).means(SenderBlocked),
    says("system-problem", &["cannot authenticate due to (a )?temporary", "temporary system problem"])
        .means(ServerError),
];
