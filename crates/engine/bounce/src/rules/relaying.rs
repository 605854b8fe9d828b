//! Words of a server that does not feel responsible for the recipient's domain: `server_error`, RFC 5321 3.6.2.
//!
//! Read before all other words: such a reply often says "authentication required", but it is the route that is wrong.

use crate::rule::{Rule, says};

/// Words that decide whatever status stands beside them.
pub(crate) const DECISIVE: &[Rule] = &[
    says(
        "relaying/denied",
        &["relay* (access |mail |operation )?(is |was )?(not |being )?(denied|allowed|permitted|prohibited|\
             refused|forbidden|disallowed|disabled|restricted|rejected|authorized|possible)"],
    )
    .unless(&["spam relay", "host rejected"]),
    says(
        "relaying/may-not",
        &["(not|isnt|arent|cannot|cant|unable|never|no|dont|doesnt|wont|refus*|deny*|denied|prohibit*|\
             without) _ relay*"],
    )
    .unless(&["(black|block) ?list*", "listed", "turn on smtp auth*"]),
    says(
        "relaying/not-our-domain",
        &[
            "rcpthosts?",
            "not a gateway",
            "not (a )?local (host|domain)",
            "non ?local( email)?( address*| domain*| recipient*)?",
            "insecure (mail )?relay",
            "authenticat* (\\S+ ){0,3}(for|to|before) relay*",
            "relay* (\\S+ ){0,3}(authenticat*|configured)",
            "as a relay",
            "relaying host",
        ],
    ),
    says(
        "relaying/not-handled",
        &[
            "(dont|do not|not|doesnt|cannot|cant) (handle|host|serve|accept) (mail|email*|messages) for",
            "(domain|host) (is |was )?(not|isnt) (hosted|handled|served|configured) (here|by|on)",
            "not (a |one of )?(my|our) (domain*|customer*)",
        ],
    )
    .unless(&["customer", "user", "client"]),
];
