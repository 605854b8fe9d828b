//! Words of a server that wants less from us for now: `rate_limited`.

use crate::rule::{Rule, says};

/// Words that decide whatever status stands beside them.
pub(crate) const DECISIVE: &[Rule] = &[
    says(
        "rate-limited/too-many",
        &[
            "too many (\\S+ ){0,3}(connect*|sessions?|recipients?|rcpts?|messages?|mails?|emails?|errors?|\
            requests?|transactions?|attempts?|addresses|deliver*|concurrent|simultaneous|smtp)",
            "trop derreurs",
            "trop de(s)? (\\S+ )?erreurs",
        ],
    )
    .unless(&[
        "(invalid|unknown|bad|unwanted|nonexistent|wrong|spam|abus*) (messages?|mails?|recipients?|\
             addresses|rcpts?|emails?)",
        "too many _ in _ (mail ?box|header|list)",
        "hops",
        "received",
    ]),
    says(
        "rate-limited/trop-de",
        &[
            "trop de (connexion*|message*|destinataire*|session*|courrier*|mail*|requete*)",
            "zu viele (verbindung*|nachricht*|empfanger|mails)",
            "demasiad[oa]s (conexion*|mensaje*|destinatario*|correo*)",
        ],
    ),
    says(
        "rate-limited/rate",
        &[
            "(rate|frequency|throughput|speed|velocity) (\\S+ ){0,2}(limit*|exceed*|control*|restrict*)",
            "rate limit*",
            "limit* (the )?(rate|frequency)",
            "ratelimit*",
            "throttl*",
            "(exceed*|reach*|over) (\\S+ ){0,4}(rate|frequency|throughput)",
            "(unusual|high|excessive|abnormal|suspicious) (rate|volume|amount|number|traffic)",
            "unexpected volume",
            "receiving (mail|messages|email) (too quickly|at a rate|too fast)",
            "too (quickly|fast|frequent*|rapidly)",
            "slow* down",
            "too much (mail|traffic|email) from",
        ],
    ),
    says(
        "rate-limited/limit-per-time",
        &[
            "(messages|mails|emails|recipients|connections|sessions|rcpts|max|limit) (\\S+ ){0,2}((per|every|\
             each) (hour|day|minute|second|session|connection|domain|ip|user|sender|message|transaction|24|\
             time)|(an|this) (hour|day|minute|session|connection))",
            "per (domain|ip|host|client|user|sender|session) (\\S+ ){0,2}(connection|limit|rate)",
            "(daily|hourly|monthly) (\\S+ ){0,4}(limit*|quota|maximum)",
            "(sending|send|sendings|submission|relay|outbound|message|email|recipient|connection*|session|\
             thread|sender|traffic|concurrency) (rate )?(quota|limits?|threshold)( (was|is|has been|\
             have been|for|of|on|has|reached|hit))* ?(exceed*|reach*|over|\\S+)?",
            "(how|so) many (messages|mails|emails)",
            "limits? (for|on) (how|the number)",
            "excess* (\\S+ )?connections",
            "(rate|volume) (is )?too (high|much|fast)",
        ],
    )
    .unless(&["message limits? (of|is)", "size", "length", "header"]),
    says(
        "rate-limited/exceeded",
        &[
            "(exceed*|reach*|over|at|above|hit) (\\S+ ){0,5}(connection limit*|max(imum)? (number|emails|\
             messages|connect*|recipients|sessions)|(connections?|sessions|messages|emails|\
             recipients) (limit*|allowed|permitted)|permitted limits|sending limit*|number of (connect*|\
             messages|recipients|sessions|emails)|threshold|limit (on|for|of) (messages|connections|\
             recipients|emails|sessions))",
            "max(imum)? (number of |concurrent |simultaneous |allowed )*(connections?|sessions|recipients|\
            rcpts?|messages (per|in|allowed)|emails)",
            "limits? (on|of|for) (\\S+ ){0,2}(sessions|connections|messages|recipients|mails|emails) (is |\
             was |has been )?(reach*|exceed*)",
        ],
    )
    .unless(&["hop", "hops", "size", "mail ?box"]),
    says(
        "rate-limited/deferred",
        &[
            "temporar* deferred",
            "deferred (due to|for|because|temporar*)",
            "(messages|mail|email) (from|are|is) _ (being )?deferred",
        ],
    ),
    says("rate-limited/sent-too-much", &["(sent|sending|sends|send|delivered) too (many|much)"])
        .unless(&["unwanted", "spam", "invalid"]),
    says(
        "rate-limited/busy",
        &[
            "(mail ?box|user|recipient) (is )?(too )?busy",
            "concurrent (\\S+ ){0,2}(connect*|session*)",
            "simultaneous (\\S+ ){0,2}(connect*|session*)",
            "connection* frequen*",
            "load (is )?too high",
            "resources temporarily unavailable",
        ],
    ),
    // Greylisting asks for nothing but patience.
    says("rate-limited/greylisted", &["gr[ea]y ?list*"]),
    // RFC 5321 4.2.3: a 450 means a mailbox that is busy or held back for policy, never one that does not exist.
    says("rate-limited/mailbox-held-back", &["mail ?box (is )?(temporar* )?unavailable"]).code(&[450]),
];

/// Words that only tip the scales.
pub(crate) const HINTS: &[Rule] = &[
    says(
        "rate-limited/limit",
        &["(exceed*|reach*|hit|over) _ (limit*|maximum|max|threshold)", "limit* (exceed*|reach*)"],
    )
    .transient()
    .unless(&["size", "hop", "storage"]),
    says("rate-limited/complaints", &["user complaints"]).transient(),
    says(
        "rate-limited/later",
        &["(slow|wait) _ (later|minutes|retry)", "(try|retry|come back) (\\S+ ){0,2}in \\d+ (seconds|minutes|hours)"],
    )
    .transient(),
];
