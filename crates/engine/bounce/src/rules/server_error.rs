//! Words about a fault of the receiving server, loops and protocol errors: `server_error`.

use crate::rule::{Rule, says};

/// Words that decide whatever status stands beside them.
pub(crate) const DECISIVE: &[Rule] = &[
    says(
        "server-error/loop",
        &[
            "hops?",
            "hop count",
            "loops?",
            "looping",
            "too many received",
            "received headers exceed*",
            "best preference mx",
            "received headers",
        ],
    )
    .unless(&["mail ?box"]),
    says(
        "server-error/protocol",
        &[
            "(bad|invalid|wrong|out of) (sequence|order)( of)? ?(commands?)?",
            "protocol (violation|error|synchroni[sz]ation)",
            "smtp protocol",
            "(syntax|parameter*|argument*) (\\S+ ){0,3}(error|not (recogni[sz]ed|implemented|allowed)|\
             invalid)",
            "syntax error",
            "(invalid|bad|unrecogni[sz]ed|unknown|unimplemented|unsupported|unexpected) (\\S+ )?(command*|\
             argument*|parameter*|option)",
            "command* (\\S+ ){0,4}(not (recogni[sz]ed|implemented|supported|understood)|unrecogni[sz]ed|\
             rejected|unknown|disabled|out of sequence|first|required|parameter*)",
            "(helo|ehlo|hello|rcpt|mail|polite*|data|need rcpt|need mail) (\\S+ )?(first|command)",
            "send hello first",
            "need (rcpt|mail|a valid)",
            "nested mail",
            "sender already",
            "cannot decode",
            "address syntax",
            "bad address syntax",
            "improper command",
            "pipelin*",
        ],
    )
    .unless(&["email address", "helo command", "starttls command", "sender", "domain", "too many"]),
    says(
        "server-error/config",
        &[
            "(local |server |system |mail |internal )?(mis)?config* (\\S+ )?(error|problem|issue|fail*|\
             invalid)",
            "misconfig*",
            "(error|problem|mistake) in (\\S+ )?config*",
            "config* error",
            "insufficient permission",
            "not configured",
        ],
    )
    .unless(&["certificate", "relay*"]),
    says(
        "server-error/internal",
        &[
            "internal (\\S+ ){0,2}(error|problem|fault|failure)",
            "(server|software|system|local|operating system|disk|database|ldap|processing|queue|io|i o|file|\
             plugin|scanner|filter|milter|backend|unexpected|unknown|general|temporary|mail|delivery|\
             transient|critical) (server )?(error|fault|failure|problem|crash*|exception)",
            "error (in|while|during) (process*|deliver*|being|handling|writing|local)",
            "(cant|cannot|could not|unable to|failed to) (create|open|write|load|read|lock|chdir|fork|exec*|\
             access|store|queue|process|accept|stat|complete)",
            "interrupted system",
            "could not load",
            "encountered an error",
            "operation now in progress",
            "bad file",
            "permission denied (on|for) (file|dir*|mailbox)",
            "no such file",
            "suspiciousremoteservererror",
            "procmail",
            "exit code",
            "exit status",
            "i o error",
            "input output error",
            "(temporary|local) lookup (failure|error)",
            "locked by",
            "queue file",
            "write error",
            "timeout (while|during) (\\S+ )?(running|filter*|scan*)",
            "failed to process",
            "(filter|scanner) (is )?(not available|unavailable|down|busy|timed out)",
            "(connect|talk|reach|contact) (to )?(the |a )?(\\S+ )?(database|backend|ldap|directory)",
            "(connect|talk) (\\S+ ){0,2}(daemon|socket)",
        ],
    )
    .unless(&["sender", "client host", "your message due to spam", "virus*", "content", "policy"]),
    says(
        "server-error/resources",
        &[
            "(insufficient|not enough|lack of|out of|low on|no) (\\S+ )?(system )?(resources?|memory|storage|\
             inodes)",
            "system (is )?(full|overloaded|busy)",
            "mail system full",
            "exceed* storage allocation",
            "no space left",
            "(server|system) (is )?(too )?(busy|overload*|full|down)",
            "disk (is )?full",
            "load average",
            "too (busy|loaded)",
            "queue* (\\S+ )?full",
            "(space|room) (left )?on (the |this )?(server|system|device|partition)",
        ],
    ),
    says(
        "server-error/unavailable",
        &[
            "(service|server|system|mail ?server|account service|storage|resource*|backend|directory|\
             function|feature) (\\S+ ){0,4}(unavailable|not active|temporar* rejected|down|offline|\
             maintenance|suspended|stopped|disabled)",
            "(temporar*|currently) (\\S+ )?(unavailable|out of service|offline|unable)",
            "under maintenance",
            "(shutting|shut|going) down",
            "system not accepting",
            "not accepting (network )?messages",
        ],
    )
    .unless(&["client", "blocked", "(mail ?box|user|account|recipient) (\\S+ )?unavailable"]),
    says(
        "server-error/temporary",
        &[
            "(temporar*|transient) (\\S+ ){0,3}(problem|failure|fail*|error|unavailable|issue|rejected|\
             rejection|condition|defer*|local)",
            "message ended early",
            "temporary fail*",
        ],
    ),
    says(
        "server-error/transaction",
        &[
            "transaction (has )?fail*",
            "expansion problem",
            "misconfigured forwarding",
            "forwarding (\\S+ )?(loop|error)",
        ],
    ),
];

/// A command that was not understood; read before the words of addresses. 501 and 555 are the codes of syntax.
pub(crate) const SYNTAX: &[Rule] =
    &[says("server-error/address-syntax", &["(bad|invalid) address syntax", "syntax error"]).code(&[500, 501, 555])];

/// Words that only tip the scales.
pub(crate) const HINTS: &[Rule] = &[
    says("server-error/try-later", &["(try|please|retry) (\\S+ )?(again|later)", "temporar*", "later", "busy"])
        .transient(),
    says("server-error/error", &["error", "failure", "fault", "problem", "cannot process", "command", "syntax"])
        .unless(&["authenticat*"]),
];
