//! Words about our SPF, DKIM, DMARC, reverse DNS, sender domain, TLS or credentials: `auth_failed`.

use crate::rule::{MAIL, Rule, says};

/// Words that decide whatever status stands beside them.
pub(crate) const DECISIVE: &[Rule] = &[
    says(
        "auth-failed/spf-dkim-dmarc",
        &[
            "spf",
            "dkim",
            "dmarc*",
            "domainkeys",
            "sender policy framework",
            "sender ?id",
            "purported responsible( address)?",
            "adsp",
            "arc (validation|seal|set)",
            "sender policy",
        ],
    ),
    says(
        "auth-failed/reverse-dns",
        &[
            "(reverse|inverse) (dns|lookup*|name|hostname|host|address|resolution|mapping|record*|ip)",
            "r ?dns",
            "ptr",
            "fcrdns",
        ],
    ),
    says(
        "auth-failed/client-name",
        &[
            "(cannot|cant|can not|could not|couldnt|unable to|failed to) (find|resolve|verify|look ?up|\
             determine) _ (hostname|host name|client name|client host|your (host|ip|name|address|domain)|\
             ip address)",
            "(client|your|sending) (host ?name|host name) (\\S+ ){0,2}(not found|unknown|not resolv*)",
            "ip (address )?without (a )?(name|hostname)",
            "dns (check|test|lookup) (of|for) (your|the) (host|ip|server|client) (\\S+ )?(fail*|error)",
        ],
    )
    .unless(&["mail exchanger"]),
    says(
        "auth-failed/client-name-mismatch",
        &[
            "ip (name |address )?lookup (has )?fail*",
            "mismatch* _ (client )?ip",
            "(not|doesnt|didnt) (match|resolve) _ (ip|hostname|host name)",
            "unresolv* (client|host|ip|hostname)",
        ],
    ),
    says("auth-failed/checks", &["pass* authentication checks", "have authentication information"]),
    says(
        "auth-failed/sender-domain",
        &[
            "domain of (the |your )?(sender*|from|mail ?from|envelope)",
            "(unroutable|unrouteable|unresolv*|unverifiable) (sender*|mail ?from|return path)",
            "(sender|from|mail ?from|envelope|sending|senders|return path)( email)?( address)?( (rejected|\
             domain*|host*))+ _ (not (be )?(exist|found|resolv*|valid|verified|registered)|(doesnt|\
             must) (exist|resolve)|cant be|cannot be|unresolv*|invalid|unknown|has no|no (mx|a|valid|dns)|\
             lookup|nonexist*)",
            "(unresolvable|unresolved) relay host*",
            "real domain name required",
            "pop before",
            "domaine (\\S+ ){0,2}([ld]?expediteur|[ld]?emetteur) (\\S+ ){0,3}(inexistant|inconnu|invalide)",
        ],
    ),
    says("auth-failed/domain-missing", &["fqdn (does not|doesnt) exist", "^domain (does not|doesnt) exist"])
        .code(&[553, 554]),
    says(
        "auth-failed/sender-domain-missing",
        &["not exist e\\d{4}", "(senders?|sending|from) (domain|host) (has no|without|lacks) _ (mx|dns|record*|a)"],
    ),
    says(
        "auth-failed/our-domain-after-mail",
        &[
            "(no such|unknown|invalid|bad|dead|non ?existent) (domain*|host*)",
            "(domain|host|hostname) _ (not (exist|found|resolve*|valid)|doesnt exist|cannot be resolved|\
             unknown)",
            "cannot resolve",
            "cant resolve",
        ],
    )
    .at(MAIL),
    says(
        "auth-failed/credentials",
        &[
            "authenticat* (is |was |are )?(required|requested|needed|fail*|credential*|data|unsuccessful|\
             invalid|error|exchange|checks? (has )?fail*|mechanism|rejected|denied|disabled)",
            "(require*|requiring|need*|must|invalid|incorrect|bad|wrong|missing|weak|cannot achieve|\
             unrecognized|unknown) _ (authenticat*|auth|credential*|password)",
        ],
    )
    .unless(&["relay*"]),
    says(
        "auth-failed/unauthenticated",
        &[
            "unauthenticated (sender*|email*|mail*|message*|user*|connection*|command*)",
            "(not|fail*|isnt|wasnt) (been )?(properly )?(pass )?authenticat*",
        ],
    ),
    says(
        "auth-failed/login",
        &[
            "user ?names? and passwords?",
            "password (is |was )?(required|needed|not|incorrect|invalid|wrong|expired)",
            "application specific password",
            "log ?in (with|via|using|to) (your|a|the) (web )?browser",
            "smtp auth*",
            "auth required",
            "please (log ?in|authenticate|sign in)",
            "not authorized to perform",
            "not subscribed to",
            "code d authentification",
            "authentification (requise|invalide|necessaire)",
            "identity change*",
            "pop before",
            "login to (\\S+ )*fail*",
            "must log ?in",
        ],
    ),
    says(
        "auth-failed/tls",
        &[
            "(starttls|start tls|tls|ssl|encrypt*|mta ?sts|dane|tlsa|dnssec|requiretls) _ (requir*|not|fail*|\
             invalid|expired|must|needed|mismatch|mandatory|support|command first|first|validation|error|\
             unavailable|may not)",
            "(must|requir*|need*|without|over|fail*|lacks|use|using) (a |an |issue a |to use )?(starttls|tls|\
             ssl|encrypt*|mta ?sts|dane|secure connection)",
            "tlsa",
            "mta sts",
            "requiretls",
            "dnssec invalid",
        ],
    )
    .unless(&["protocol violation"]),
    says("auth-failed/certificate", &["certificate*"]),
    // RFC 4954: the answers to AUTH.
    says("auth-failed/auth-refused", &[]).code(&[534, 535]),
];

/// Words that only tip the scales.
pub(crate) const HINTS: &[Rule] = &[
    says("auth-failed/authentication", &["authenticat*", "authentification", "credential*"]),
    says(
        "auth-failed/name-lookup",
        &["(dns|name) lookup of (the )?(client|sender|ip)", "no (dns|a|mx) record* for (your|the sender*|sender*)"],
    ),
];
