//! Outlook.com, by sendersupport.olc.protection.outlook.com, and Exchange Online, by its page of non-delivery reports.

use crate::rule::{Rule, says};
use mail_model::Cause::{
    AddressUnknown, AuthFailed, ConnectionFailed, ContentRejected, DomainUnknown, MailboxDisabled, RateLimited,
    RecipientFiltered, SenderBlocked, ServerError,
};

/// Words and the three-digit details of RFC 3463 codes that mean something particular here.
pub(crate) const RULES: &[Rule] = &[
    // A remote au server's words, quoted behind an arrow.
    says("remote-said-nobody", &["550 nobody user unknown"]).means(RecipientFiltered),
    says("remote-unknown", &[]).status(1, 351, 351).means(AddressUnknown),
    says("recipient-not-found", &[]).status(1, 10, 10).means(AddressUnknown),
    // 5.4.1 "Recipient address rejected: Access denied": the directory does not know the address.
    says("edge-blocked", &["recipient address rejected access denied"]).status(4, 1, 1).means(AddressUnknown),
    says("bad-address", &["invalid x 400", "rfc 2606"]).means(AddressUnknown),
    says("sender-invalid", &[]).status(1, 7, 7).means(SenderBlocked),
    says("multiple-from", &[]).status(1, 20, 21).means(ContentRejected),
    says("journaling", &[]).status(3, 190, 190).means(ServerError),
    says("ambiguous", &["ambiguous"]).means(ServerError),
    says("forwarding", &[]).status(2, 14, 14).means(ServerError),
    // Limits of the receiving mailbox and of the sending tenant.
    says("mailbox-limit", &[]).status(2, 121, 122).means(RateLimited),
    says("daily-limit", &[]).status(1, 90, 91).means(RateLimited),
    says("tenant-limit", &[]).status(7, 232, 236).means(RateLimited),
    says("domain-missing", &[]).status(4, 310, 310).means(DomainUnknown),
    says("expired", &[]).status(4, 300, 300).means(ConnectionFailed),
    says("dns-or-connection", &[]).status(4, 312, 312).means(ConnectionFailed),
    says("dns-or-connection", &[]).status(4, 316, 316).means(ConnectionFailed),
    says("loop", &[]).status(4, 14, 14).means(ServerError),
    says("agent-depth", &[]).status(4, 11, 11).means(ContentRejected),
    says("form", &[]).status(6, 0, 211).means(ContentRejected),
    says("form", &[]).status(7, 512, 512).means(ContentRejected),
    says("policy", &[]).status(0, 350, 350).means(ContentRejected),
    says("not-relayed", &["(client|user) (was |is )?not authenticated", "tenantattribution"]).means(ServerError),
    // Groups, public folders and mailboxes that take mail from their own organisation only.
    says("sender-not-allowed", &[]).status(7, 12, 13).code(&[550, 551, 553, 554, 501]).means(SenderBlocked),
    says("sender-not-allowed", &[]).status(7, 124, 124).means(SenderBlocked),
    says("sender-not-allowed", &[]).status(7, 133, 136).means(SenderBlocked),
    says("dane", &[]).status(7, 320, 325).means(AuthFailed),
    says("banned-sender", &[]).status(7, 501, 503).means(SenderBlocked),
    says("recipient-refused", &[]).status(7, 504, 505).means(MailboxDisabled),
    says("sender-refused", &[]).status(7, 506, 507).means(SenderBlocked),
    says("limit-in-range", &[]).status(7, 508, 508).means(RateLimited),
    says("dmarc", &[]).status(7, 509, 509).means(AuthFailed),
    says("sender-refused", &[]).status(7, 510, 511).means(SenderBlocked),
    says("sender-refused", &[]).status(7, 513, 513).means(SenderBlocked),
    says("authentication-level", &[]).status(7, 515, 515).means(AuthFailed),
    says("content", &[]).status(7, 520, 520).means(ContentRejected),
    says("banned-ip", &[]).status(7, 606, 649).means(SenderBlocked),
    says("ip-rate", &[]).status(7, 650, 652).means(RateLimited),
    says("tenant-threshold", &[]).status(7, 700, 749).means(RateLimited),
    says("unregistered-domain", &[]).status(7, 750, 750).means(SenderBlocked),
    says("refused-by-policy", &[]).status(7, 900, 999).means(ContentRejected),
    // Outlook.com's own letters: RP rates, SC and DY and OU blocks.
    says("ip-rate", &["rp 00\\d", "s775", "s311\\d"]).means(RateLimited),
    says("ip-blocked", &["(sc|dy|ou) 00\\d", "s3140", "s3150", "as3140"]).means(SenderBlocked),
];
