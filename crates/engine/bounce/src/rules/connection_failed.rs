//! Words about hosts that do not answer and mail that grew old: `connection_failed`.

use crate::rule::{Rule, says};

/// Words that decide whatever status stands beside them.
pub(crate) const DECISIVE: &[Rule] = &[
    says(
        "connection-failed/connection",
        &[
            "connection (\\S+ ){0,4}(dropped|drop|refused|reset|timed out|time ?out|lost|closed|aborted|\
             terminated|fail*|broken|could not|interrupted|unexpectedly|died)",
            "(unable|failed|could not|couldnt|cannot|cant|not able|failure) (to )?(connect|establish|reach|\
             contact)",
            "(lost|dropp*|closing|broken|no) connection",
            "dropped by remote",
            "broken pipe",
            "(remote|peer|other) (host|server|side|end) (\\S+ )?(closed|dropped|reset|terminated)",
        ],
    )
    .unless(&[
        "daemon|socket",
        "(to|the|a) (\\S+ )?(database|backend|ldap|directory|scanner|filter)",
        "due to (policy|spam)",
        "too many",
    ]),
    says(
        "connection-failed/time-out",
        &["time ?out", "timed ?out", "timeout", "(not|no|isnt|without|never) (respon*|answer*)", "no reply from"],
    )
    .unless(&["running", "filter", "scan*"]),
    says(
        "connection-failed/expired",
        &[
            "(message|delivery|queue|mail|time) (\\S+ ){0,3}(expired|delayed|undelivered|too old)",
            "delivery (time )?(expired|delayed)",
            "(expired|exceeded) (\\S+ ){0,3}(queue|time|retr*|lifetime)",
            "(retry|queue) (time|period|timeout) (\\S+ ){0,2}(exceeded|expired|not reached)",
            "not delivered within",
            "still undelivered",
            "could not be delivered for",
            "given? up",
            "retr(y|ies) (timeout|exceeded|expired)",
            "attempts? (\\S+ )?exhausted",
            "(mail|message) (\\S+ ){0,3}expired",
        ],
    )
    .unless(&["operating system", "account", "mailbox", "password", "user"]),
    says(
        "connection-failed/dns",
        &[
            "host (name )?(\\S+ ){0,3}not found (\\S+ )?try again",
            "try again (\\S+ )?(host|dns)",
            "dns (\\S+ ){0,3}(quer*|lookup|error|fail*|record*|temporar*|problem|server|loop|timeout|\
             servfail|no relevant)",
            "(temporar*|local) (\\S+ ){0,2}(dns|name|lookup|resol*)",
            "name ?server* (\\S+ ){0,3}(reply|error|fail*|problem|unavailable|timeout)",
            "unexpected name server",
            "no relevant answers",
            "(unable|fail*|cannot|could not|couldnt|cant) (to )?(resolve|lookup|look up|find (a )?route)",
            "servfail",
            "lookup fail*",
            "hostname used for inbounds",
            "domain lookup",
        ],
    )
    .unless(&["client", "your", "sender", "temporary lookup"]),
    says(
        "connection-failed/unreachable",
        &[
            "(network|host|server|destination|route) (\\S+ ){0,2}(unreach*|not reach*|down|offline|\
             not responding)",
            "no route",
            "network (is )?(error|problem|down|unreach*)",
            "(bad|no) (connection|network)",
            "communicat* (fail*|problem|error)",
            "error encountered while communicating",
        ],
    ),
    says(
        "connection-failed/closing",
        &["service (is )?not available", "closing (transmission )?channel", "closing connection"],
    )
    .unless(&["to you|for you", "rate", "limit*", "too many", "blocked", "deferred", "spam*"]),
];

/// Words that only tip the scales.
pub(crate) const HINTS: &[Rule] =
    &[says("connection-failed/connect", &["connect*", "unreachable", "expired", "deferred"])
        .unless(&["too many", "limit*"])];
