//! Words about the recipient's own choice: `recipient_filtered`. Never a reason to suppress.

use crate::rule::{RCPT, Rule, says};

/// Words that decide whatever status stands beside them.
pub(crate) const DECISIVE: &[Rule] = &[
    says(
        "recipient-filtered/preference",
        &[
            "user reject*",
            "(recipients?|users?|subscribers?|addressees?|owners?|customers?|personal|mail ?box) (own |\
             email |mail |spam |mailbox )?(preference*|rules?|settings?|filters?|choice|wish*|request|\
             configuration|allow ?list|white ?list|black ?list|block ?list|block)",
        ],
    )
    .unless(&[
        "user (id|name)",
        "customer (block|black) ?list",
        "(rejected|spam) by user",
        "closed",
        "disabled",
        "suspended",
        "deactivated",
    ]),
    says(
        "recipient-filtered/by-recipient",
        &["(rejected|refused|blocked|denied|filtered|declined|discarded|restricted) by (the |this |its |\
             an? )?(recipient|user|addressee|end user|subscriber|owner|customer|receiver)s?"],
    ),
    says(
        "recipient-filtered/only-known",
        &[
            "only (accept*|receive*|allow*|take*) (\\S+ ){0,4}(from|specific|known|approved|authorized|\
             certain|white ?list*)",
            "(accept*|receive*) (\\S+ ){0,3}only from",
        ],
    )
    .unless(&["members?", "list", "relay*", "authenticat*", "ip", "ips"]),
    says("recipient-filtered/takes-no-mail", &["not accepting (any )?(mail|email|messages)"]).unless(&[
        "host",
        "domain",
        "server",
        "system",
        "network",
        "connections",
        "disabled",
    ]),
    says(
        "recipient-filtered/refuses",
        &[
            "refuse* to (receive|accept) (\\S+ ){0,3}(mail|email|message*)",
            "(not|doesnt|dont) (wish|want) (\\S+ ){0,4}(mail|receive|email|message*)",
            "(has|have) (blocked|restricted|rejected) (you|your|the sender|this sender|email|mail|sms|\
             messages)",
            "restricted sms",
            "(recipient|user|addressee|owner) (\\S+ ){0,2}(not|doesnt|never|no longer) (accept*|receive|want|\
             take|allow) (\\S+ ){0,3}(mail|email|message*)",
        ],
    ),
    says(
        "recipient-filtered/protected",
        &[
            "(account|mail ?box|user|recipient|address|addr) is protected",
            "challenge response",
            "confirm* (that )?you are (a )?human",
            "white ?list",
        ],
    ),
    // The same two words after 554 come from a spam filter, see `content_rejected`.
    says(
        "recipient-filtered/message-filtered",
        &["^(your )?(message|mail|email) (was |has been )?filtered( by (the )?(user|recipient))?$"],
    )
    .code(&[550, 450, 553]),
    says("recipient-filtered/japanese", &["受信拒否", "指定受信", "拒否設定", "受信を拒否"]),
];

/// Words that only tip the scales.
pub(crate) const HINTS: &[Rule] =
    &[says("recipient-filtered/filtered", &["(recipient|user|addr) (\\S+ ){0,3}filter*"]).at(RCPT)];
