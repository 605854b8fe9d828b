//! Words about our server, our address or our reputation: `sender_blocked`.

use crate::rule::{CONTENT, HELLO, MAIL, RCPT, Rule, says};

/// Words about block lists and reputation; read before the words of mailboxes and content.
pub(crate) const DECISIVE: &[Rule] = &[
    says(
        "sender-blocked/block-list",
        &[
            "(ip|ips|ipaddr|host|client|server|network|sender|address|addr|connection|mailfrom domain|domain|\
             mail from|you|is|are|was|been|rejected|blocked|using|multi|customer|local|listing|in|on|my|our|\
             the|a|in effect|rbl|dnsbl) (\\S+ ){0,3}((black|block|deny|reject) ?list*|dnsbl*|rbls?|cdrbl|xbl|\
             sbl|pbl|spamhaus|spamcop|abuseat|sorbs|barracuda*|ivmsip|ivmuri|senderscore|invaluement|\
             proofpoint|cloudmark)",
            "^(black|block) ?list*",
            "(black|block) ?listing",
            "blacklisted",
            "dnsbl*",
            "rbl",
            "xbl",
            "sbl",
            "pbl",
        ],
    )
    .unless(&["url", "urls", "links?", "uri", "content", "image", "attachment", "rule imposed"]),
    says(
        "sender-blocked/block-list-name",
        &[
            "spamhaus",
            "spamcop",
            "abuseat",
            "sorbs",
            "senderscore",
            "ivmsip",
            "backscatterer",
            "uceprotect",
            "mailspike",
            "surriel",
            "proofpoint",
            "trendmicro",
            "ironport",
            "senderbase",
            "talosintelligence",
            "dnsbl",
            "njabl",
            "abusix",
            "hostkarma",
            "backlist",
            "blocklist",
            "blacklist",
        ],
    )
    .in_marks(),
    says(
        "sender-blocked/listed",
        &[
            "(ip|ips|ipaddr|server|sender|host|address|domain|network|you) (\\S+ ){0,4}(is|are|was|been|\
             currently|already)? ?listed (in|on|as|at|by)",
            "listed as (abusive|spam*)",
        ],
    )
    .unless(&["url"]),
    says("sender-blocked/reputation", &["reputation"]).unless(&["rate limited"]),
    says(
        "sender-blocked/dynamic",
        &[
            "dynamic (\\S+ )?(ip|ips|address*|host*|range*|pool|client*|user*)",
            "(dial ?up|residential|dsl) (\\S+ ){0,2}(ip|ips|address*|host*|range*|connection*)",
            "open (proxy|proxies|http proxy)",
            "(listed|exploited|insecure) (\\S+ ){0,3}(relay|proxy)",
        ],
    )
    .unless(&["insecure mail relay"]),
    says(
        "sender-blocked/client",
        &[
            "(client|connecting|sending|sender|remote|your|this|source|banned|blocked|\
             access) (\\S+ ){0,2}(host|hostname|ip|ips|ipaddr|server|mta|address|network|isp|range|system|\
             mail ?server|machine) (\\S+ ){0,5}(rejected|blocked|banned|denied|refused|forbidden|prohibited|\
             disallowed|not (allowed|permitted|authorized|accepted|welcome)|unwelcome|blocklisted|untrusted|\
             suspicious*|has been)",
            "(ip|ipaddr|host ipaddr|server ip) (address )?(\\S+ ){0,3}(blocked|banned|denied|rejected|\
             refused|forbidden|not (allowed|permitted|authorized|accepted))",
            "(blocked|banned|denied|rejected|forbidden) (\\S+ ){0,2}(sending |sender |client |your |this |\
             source )*(ip|ips|ipaddr)",
            "(no|not) (access|mail|email|connections) (\\S+ )?from (\\S+ )?(mail ?server|ip|ipaddr|host|your|\
             you)",
            "client host (rejected|blocked|denied)",
            "server access (forbidden|denied)",
            "(go away|get lost)",
            "no e?smtp (service )?for you",
            "no (smtp )?service (for|to) you",
            "unauthorized (host|ip|client|server)",
            "(host|client) network (is )?not (allowed|permitted)",
            "(esmtp|smtp) (service )?(is )?not available (to|for) you",
            "(messages|mail) from (ipaddr|fqdn) (werent|were not|wasnt) sent",
            "sending this from a different address",
            "cannot send (email|mail) to yourself",
            "use (the|your) (\\S+ )?(server|relay|gateway) of your (isp|provider)",
        ],
    )
    .unless(&["(sender|your) (address|email) (\\S+ ){0,2}(domain not found)", "spam filter"]),
    says(
        "sender-blocked/connection",
        &[
            "connections? (\\S+ ){0,3}(will not be|wont be|not|denied|rejected|not be|blocked|prohibited|\
             forbidden) ?(accepted|allowed)?",
            "not (accepting|accept*) (\\S+ ){0,2}connections?",
            "refused to talk",
        ],
    )
    .unless(&[
        "too many",
        "rate",
        "limit*",
        "frequency",
        "not respond*",
        "time*",
        "established",
        "could not",
        "unable",
        "system (is )?not",
    ]),
    says(
        "sender-blocked/sender",
        &[
            "(sender|senders|mail ?from|envelope sender|sender email|sender address|sending address|\
             return path|reverse path|from address|envelope from|originator|null sender|\
             bounce address) (\\S+ ){0,4}(reject*|denied|deny|blocked|refused|invalid|not (allowed|accepted|\
             valid|permitted|owned|pre ?approved|approved|known|recogni[sz]ed|exist|authorized|verified|\
             found|a valid)|unknown|banned|forbidden|prohibited|isnt|doesnt exist|undeliverable|bad|verify|\
             verification|callout|spammer|in my|is spammer|unacceptable)",
            "(invalid|bad|bogus|illegal|unknown|banned|blocked|denied|rejected|unacceptable|empty|missing|no|\
             forged|spoofed) (\\S+ )?(sender|mail ?from|return path|envelope sender|mail from|originator|\
             reverse path)s?",
            "null sender",
            "bogus mail",
            "empty (email|envelope|sender|from) ?(address)?",
            "returned mail not",
            "rfc 1035 violation",
            "recursive cname",
            "third ?party dsn*",
            "no third party",
            "backscatter*",
            "(spoofed|forged|fake|faked) (\\S+ )?(sender|address|from|mail)",
            "invalid bounce",
            "badmailfrom",
            "(from|mail from) (address )?(not|isnt) (allowed|owned)",
            "([ld]?emetteur|[ld]?expediteur|absender|remitente|mittente|remetente) (\\S+ ){0,3}(\
             invalide*|inconnu*|refus*|bloque*|interdit*|rechaz*|abgelehnt|unbekannt)",
            "batv",
            "unsigned (dsn|bounce*)",
        ],
    )
    .unless(&["spam filter", "to check", "too many", "header from"]),
    says(
        "sender-blocked/spam-source",
        &[
            "(you|sender|host|hostname|remotehost|ip|ipaddr|server|currently) (\\S+ ){0,4}(sending|sends|\
             sent|source of|like|a|known|is) (\\S+ )?(spam|spammers?|unsolicited|junk)$",
            "(is|are|a|like|known) spammer",
            "spam source",
            "currently sending spam",
            "spam sender",
            "(source|sender) of spam",
            "unwanted messages have been sent",
            "listed as abusive",
            "spamming (host|ip|server)",
            "for sending (spam|unsolicited)",
            "spam (host|source|server|domain|ip|network)",
            "spammers?",
            "list of spam*",
        ],
    )
    .unless(&["message", "content", "email (is|was|looks)"]),
    says(
        "sender-blocked/access",
        &[
            "(ip|server|host|access|your) (\\S+ ){0,2}access (\\S+ ){0,8}(rejected|denied|forbidden|blocked)",
            "your access (\\S+ ){0,8}(rejected|denied|forbidden|blocked)",
            "submit messages to this",
            "no access from",
            "server access",
            "access from (\\S+ ){0,4}(denied|forbidden|rejected|blocked)",
        ],
    ),
    says(
        "sender-blocked/helo",
        &[
            "(helo|ehlo|hello) (command |argument |name |hostname |string )*(rejected|is invalid|invalid|\
             denied|refused|not|argument|must|bad|reject|required|mismatch|seems)",
            "(bad|invalid|wrong|forged|illegal|rejected) (helo|ehlo)",
            "helo ehlo argument",
            "invalid ip for sending",
            "may not be mail exchanger",
            "no matches to nameserver",
        ],
    )
    .unless(&["first"]),
    says(
        "sender-blocked/not-accepted-from",
        &[
            "(not|never|doesnt|dont|wont|cannot|cant|refus*|no longer) (\\S+ )?(accept|accepting|receive|\
             take) (any )?(mail|email|messages|connections) (\\S+ )?(from|over)",
            "does not accept email over",
            "mail from (\\S+ ){1,4}refused",
        ],
    )
    .unless(&["(recipient|user|addressee|mail ?box) (\\S+ )?(not|doesnt|never)"]),
    says(
        "sender-blocked/service-refused",
        &["service (is )?refuse*", "(les|vos) (emails|messages|courriels) (\\S+ ){0,8}bloques"],
    ),
    says(
        "sender-blocked/prohibited",
        &[
            "administrative* (prohibit*|denied|blocked|reject*|refus*)",
            "envelope blocked",
            "bouncedeny",
            "denied by (administrator|admin)",
            "block(ed)? for manual",
            "manually blocked",
            "permanently (blocked|banned)",
        ],
    ),
    says("sender-blocked/too-many-bad", &["too many (\\S+ ){0,2}(invalid|unknown|bad|unwanted|nonexist*|wrong|spam)"]),
];

/// Words that stand for a block when nothing about mailbox or content was said.
pub(crate) const ORDINARY: &[Rule] = &[
    says(
        "sender-blocked/blocked",
        &[
            "(blocked|banned) (by|using|due|see|for|because|from|at|in)",
            "(was|been|is|are|being|temporarily) blocked",
            "^blocked( see| url|$)",
            "ip addr* (\\S+ )?blocked",
            "banned (sender|sending|ip)",
            "(mail|messages?|email) (\\S+ ){0,4}blocked",
            "(block|blocked) (sender|host|ip)",
        ],
    )
    .unless(&["filter", "content", "attachment*", "spam pattern", "virus", "security"]),
    says(
        "sender-blocked/denied",
        &[
            "access (is |was )?(denied|forbidden|rejected|refused)",
            "delivery not authori[sz]ed",
            "not authori[sz]ed",
            "message (denied|refused)",
            "(you are|youre|not) (not )?(allowed|permitted|authorized|welcome) (to|here)",
            "not a registered gateway",
            "recipient addresses? rejected access denied",
            "rejected by destination domain",
            "no permission",
            "permission denied",
        ],
    )
    .unless(&["policy", "insufficient", "hostname", "content"]),
    says(
        "sender-blocked/message-rejected",
        &[
            "^(your |the |this )?(message|mail|email) (was |has been |is )?(rejected|denied|refused)$",
            "^reject(ed)?$",
            "^rbl reject",
        ],
    ),
    says("sender-blocked/ip-version", &["ipv6 (\\S+ ){0,4}not (accepted|allowed|supported)", "over ipv6"]),
];

/// Words that only tip the scales.
pub(crate) const HINTS: &[Rule] = &[
    says("sender-blocked/rejected-early", &["(rejected|refused|denied|blocked|reject)"]).at(HELLO),
    says(
        "sender-blocked/rejected-after-mail",
        &["(rejected|refused|denied|blocked|reject|not accepted|invalid|unknown|not allowed)"],
    )
    .at(MAIL),
    says("sender-blocked/rejected-after-rcpt", &["(blocked|denied|banned|forbidden|prohibited)"]).at(RCPT),
    says(
        "sender-blocked/sender",
        &["(sender|from address|sending (ip|host|server|domain)|client host|remote host|your (ip|server|\
             host))"],
    )
    .permanent()
    .unless(&["content", "policy"]),
    says("sender-blocked/blocked", &["blocked", "banned", "forbidden", "prohibited", "denied"])
        .unless(&["content", "policy"]),
    says("sender-blocked/rejected", &["rejected", "refused", "reject"])
        .unless(&["content", "policy"])
        .except_at(CONTENT),
];
