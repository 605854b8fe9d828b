//! Codes that receivers put into their replies and that name themselves, whoever's domain the recipient has.
//!
//! A domain may be hosted anywhere, so these are asked for every carrier.

use crate::rule::{Rule, says};
use mail_model::Cause::{
    AddressUnknown, AuthFailed, ConnectionFailed, ContentRejected, MailboxDisabled, MailboxFull, MessageTooLarge,
    RateLimited, RecipientFiltered, SenderBlocked, ServerError,
};

/// Codes and set phrases in the order in which they are asked.
pub(crate) const RULES: &[Rule] = &[
    // au: nobody stands before the colon, also when another server quotes the line.
    says("au/user-unknown-without-address", &["nobody user unknown"]).means(RecipientFiltered),
    // Exchange names the component that refused: learn.microsoft.com, "NDR error codes in Exchange".
    says("exchange/size", &["resolver rst (recip|send)sizelimit*", "sizelimit"]).in_marks().means(MessageTooLarge),
    says("exchange/restricted", &["resolver rst"]).in_marks().means(RecipientFiltered),
    says("exchange/not-found", &["resolver adr"]).in_marks().means(AddressUnknown),
    says("exchange/expired", &["queue expired"]).in_marks().means(ConnectionFailed),
    // Yahoo Inc.: senders.yahooinc.com/smtp-error-codes.
    says("yahoo/held-back", &["(tss?|ipts|gl)\\d\\d (\\S+ )*deferred", "(tss?|ipts|gl)\\d\\d"])
        .transient()
        .means(RateLimited),
    says("yahoo/listed", &["bl2\\d"]).means(SenderBlocked),
    says("yahoo/policy", &["ph01"]).means(ContentRejected),
    says("yahoo/mailbox-disabled", &["mail ?box is disabled 554 30"]).means(MailboxDisabled),
    // NetEase (163.com, 126.com): its page on returned mail lists XX:YYY codes.
    says("netease/rate", &["(hl|mi|rp) (icc|ifc|mep|rep|dmc|sfq|stc|cel|ccl|drc|qrc|rcl|trc|tdc)"]).means(RateLimited),
    says("netease/blocked", &["(dt|ip|rp|wm|cn) (rbl|orq|frl|bli|blu|bnd)"]).means(SenderBlocked),
    says("netease/content", &["dt (spm|sum|vir)"]).means(ContentRejected),
    says("netease/sender-authentication", &["mi (spf|dma|dkm)"]).means(AuthFailed),
    // GoDaddy (secureserver.net): IB numbers of its bounce help page.
    says("godaddy/too-busy", &["ib(007|101)"]).means(RateLimited),
    says("godaddy/sender-domain", &["ib50[68]"]).means(AuthFailed),
    // Cox and Spectrum: AUP#…; 13xx are the rate limits of Spectrum's list, CXTHRT and CXCNCT those of Cox.
    says("charter/rate", &["aup (in|out|i) 13\\d\\d", "aup cx(thrt|cnct)"]).means(RateLimited),
    // GMX and WEB.DE end their refusals with a word in brackets.
    says("gmx/block-list", &["postmaster for help (\\S+ )*bl( url)?$"]).means(SenderBlocked),
    // Orange and La Poste: 506 is the content filter, 99x the refusal of the server.
    says("orange/content", &["(ofr|lpn)(\\d\\d\\d)? 506"]).means(ContentRejected),
    // Facebook: postmaster.facebook.com/response_codes.
    says("facebook/recipient", &["rcp p[23]"]).means(RecipientFiltered),
    says("facebook/rate", &["con t\\d", "pol t\\d"]).means(RateLimited),
    says("facebook/content", &["msg p\\d", "pol p\\d"]).means(ContentRejected),
    says("facebook/sender-dns", &["dns p\\d"]).means(AuthFailed),
    says("facebook/fault", &["int t\\d"]).means(ServerError),
    // Google: the help page a Workspace host links to, whatever domain it serves.
    says("google/help/address", &["p nosuchuser", "answer 6596"]).in_marks().means(AddressUnknown),
    says("google/help/disabled", &["p disableduser"]).in_marks().means(MailboxDisabled),
    says("google/help/quota", &["p overquota*"]).in_marks().means(MailboxFull),
    says("google/help/rate", &["p receivingrate*", "p unsolicitedratelimit*"]).in_marks().means(RateLimited),
    says("google/help/authentication", &["p unauthenticated*", "p dmarc*", "p ipv6autherror"])
        .in_marks()
        .means(AuthFailed),
    says("google/help/content", &["p rfcmessagenoncompliant", "p blockedmessage", "p unsolicitedmessage*"])
        .in_marks()
        .means(ContentRejected),
    says("google/help/loop", &["p mailloop"]).in_marks().means(ServerError),
];
