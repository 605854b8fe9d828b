//! Words about a recipient's domain that does not exist or takes no mail: `domain_unknown`.

use crate::rule::{Rule, says};

/// Words that decide whatever status stands beside them.
pub(crate) const DECISIVE: &[Rule] = &[
    says(
        "domain-unknown/no-such",
        &["(no such|unknown|invalid|bad|illegal|non ?existent|dead|nonexisting|unrouteable|unroutable|\
             unresolvable|undeliverable|wrong|inexistent) (\\S+ )?(domain|host|hostname|host name|\
             mail domain|destination system|destination domain|tld|server name|system address|domaine)s?"],
    )
    .unless(&[
        "client",
        "helo",
        "ehlo",
        "sender",
        "your",
        "user",
        "users",
        "mailbox",
        "recipient",
        "addr",
        "account",
        "login",
    ]),
    says(
        "domain-unknown/does-not-exist",
        &[
            "(domain|host|hostname|host name|domaine|destination (server|host|system|domain)|domain part|\
             mail domain)s? (\\S+ ){0,3}(not (be )?(found|exist*|known|resolv*|valid|registered|\
             configured|accept* mail)|doesnt exist|doesnt accept mail|isnt (valid|registered)|\
             unknown|unresolv*|invalid|nonexist*|nexiste pas|inconnu*|introuvable|may not exist|\
             dead|has no (mx|mail)|expired|unbekannt|no longer exist*)",
            "(domain|host|domain name|name or service|hostname) (name )?not (found|known)",
            "account or domain may not exist",
            "domaine (\\S+ )?(inconnu|invalide|inexistant)",
        ],
    )
    .unless(&[
        "(mail|message) (\\S+ ){0,3}expired",
        "try again",
        "again later",
        "client",
        "helo",
        "ehlo",
        "sender",
        "your",
        "from",
        "dns records",
        "user*",
        "mailbox",
        "recipient",
        "account inbounds",
        "e2110",
    ]),
    // A 4xx says so of a host that is down.
    says(
        "domain-unknown/unreachable-host",
        &["(domain|host|hostname|destination (server|host|system|domain)) (\\S+ ){0,3}(unreachable|not (be )?reachable)"],
    )
    .permanent()
    .unless(&["client", "again later", "try again", "sender", "your"]),
    says(
        "domain-unknown/unreachable",
        &["domain (\\S+ )?(is )?(not reach*|unreach*)", "domain part (is )?(invalid|unknown)"],
    ),
    says(
        "domain-unknown/no-mx",
        &[
            "nxdomain",
            "null ?mx",
            "no (valid |usable )?(mx|mail exchange*)( record*| host*| for)?",
            "(mx|dns) (record* )?(does not|doesnt|not) (exist|found)",
            "(recipient|destination) (address )?domain (is |was )?(invalid|bad|not)",
            "unable to find (the )?(recipient|destination) domain",
            "(not|werent|wasnt|cannot|cant|unable) _ (find|locate) (the |this )?(recipient|\
             destination)s? (domain|host)",
            "(couldnt|could not|cannot|cant|unable to) find (a |any |the )?(host|domain|mx)",
            "domain (name )?must exist",
            "recipient address rejected (unknown domain|domain not found)",
            "mail domain (\\S+ ){0,5}unknown",
            "point to non ?existent",
            "(mx|srv) record* indicated no smtp",
            "all host address lookups failed",
            "couldnt find (a mail exchanger|any host named)",
        ],
    )
    .unless(&["sender*", "your", "dns records", "from"]),
    says(
        "domain-unknown/takes-no-mail",
        &[
            "(host|domain|server|system|machine) _ (not|never|doesnt|no longer) (accept|receive|take|\
             handle) (any |incoming )?(mail|email|messages)$",
            "mail receiving (is )?disabled",
            "inbounds? (mail |email )?(is )?disabled",
            "(doesnt|does not|no longer) (accept|receive) (any )?(mail|email)$",
        ],
    )
    .unless(&["from", "relay*", "network", "user", "recipient", "mailbox", "account (is|was)", "address"]),
    says(
        "domain-unknown/host-unknown",
        &[
            "(host|domain) name (\\S+ ){0,4}(unknown|not found|not known|invalid)",
            "host (is )?unknown",
            "(domain|host) unknown",
            "name server (\\S+ ){0,3}nxdomain",
            "(type mx|type a) (\\S+ ){0,4}(not found|unexpected|no such)",
        ],
    )
    .unless(&["client", "try again"]),
    says("domain-unknown/japanese", &["ドメイン.*(存在しません|見つかりません|不明)"]),
];

/// Words that only tip the scales.
pub(crate) const HINTS: &[Rule] =
    &[says("domain-unknown/domain", &["domain (name )?(\\S+ ){0,2}(not|doesnt|invalid|unknown)"])
        .unless(&["active", "sender*", "your", "from", "policy", "relay*", "accept*"])];
