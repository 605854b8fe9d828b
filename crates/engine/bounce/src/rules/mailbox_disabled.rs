//! Words about an account that exists and is shut: `mailbox_disabled`.

use crate::rule::{Rule, says};

/// Words that decide whatever status stands beside them.
pub(crate) const DECISIVE: &[Rule] = &[
    says(
        "mailbox-disabled/account-is",
        &[
            "(account|mail ?box|in ?box|user|recipient|address|addr|customer|email|subscriber|destinataire|\
             boite|compte|line|konto|postfach|cuenta|conta|casella|utente) _ (disabled|suspended|deactivated|\
             de activated|inactive|inactivated|locked|frozen|blocked|closed|terminated|expired|discontinued|\
             archived|archivee?|cancelled|canceled|dormant|not (been )?(activated|active|enabled)|desactive*|\
             suspendu*|deaktiviert|gesperrt|suspendid[oa]|desactivad[oa]|inativ[oa]|disattivat[oa]|\
             sospes[oa]|limited|on hold|revoked|abandoned|restricted from receiving)",
            "(compte|boite|destinataire|recipient account|mail ?box) (\\S+ ){0,3}(bloque*|is ?blocked)",
        ],
    )
    .unless(&[
        "sender*",
        "sending",
        "your (account|ip|host|server|email|mail|domain|access)",
        "mail from",
        "blocked (by|using|for|due|see)",
        "client",
        "host",
        "url",
        "ip",
        "ipaddr",
        "access",
        "inbounds",
        "receiving limits",
        "relay*",
        "connection*",
        "disk",
        "inactivity timer",
        "user not active",
        "address (is |was )?blocked",
        "policy",
        "spam",
        "(user|rules?) _ blocked",
        "locked by",
    ]),
    says(
        "mailbox-disabled/is-account",
        &["(disabled|suspended|deactivated|de activated|inactive|locked|frozen|closed|terminated|expired|\
             discontinued|archived|dormant|cancelled|unactivated) (\\S+ )?(account|mail ?box|user|recipient|\
             address|email|subscriber|customer)s?"],
    )
    .unless(&["sender*", "sending", "your (account|email)", "closed mailing", "url"]),
    says(
        "mailbox-disabled/temporarily",
        &[
            "temporar* (locked|suspended|disabled|limited|deactivated|closed|inactive)",
            "(has|have|is|was|been|currently|account) (been )?(currently |temporarily |\
             permanently )?(suspended|deactivated|terminated|frozen)",
            "account (is )?restricted",
            "(domain|service) (is |has been |was )?(suspended|disabled|deactivated)",
        ],
    )
    .unless(&["sender*", "sending", "your", "ip", "client"]),
    says(
        "mailbox-disabled/no-longer-accepts",
        &[
            "no longer (accept*|receiv*|active|in use|in service|used|monitored|enabled)",
            "not (currently )?(in use|in service)",
            "out of service",
            "inactivity",
            "domain (is |was |has been )?(not active|inactive|deactivated)",
            "(account|mail ?box|user) (is )?temporar* unavailable",
        ],
    )
    .unless(&["host", "domain", "server"]),
    says("mailbox-disabled/unpaid", &["unpaid", "overdue", "non ?payment", "not paid"]),
    says("mailbox-disabled/japanese", &["(利用|使用|アカウント|契約|メールボックス).*(停止|休止|解約|無効|凍結)"]),
];

/// Words that only tip the scales.
pub(crate) const HINTS: &[Rule] = &[says(
    "mailbox-disabled/inactive",
    &["disabled", "suspended", "deactivated", "inactive", "locked", "frozen", "archived", "deleted"],
)
.unless(&["sender*", "your", "ip", "domain", "receiving", "inbounds", "auth*"])];
