//! Words about what the mail says or how it is built: `content_rejected`.

use crate::rule::{CONTENT, Rule, says};

/// Words that decide whatever status stands beside them.
pub(crate) const DECISIVE: &[Rule] = &[
    says(
        "content-rejected/virus",
        &[
            "virus*",
            "malware",
            "infect*",
            "phish*",
            "trojan*",
            "worm",
            "malicious",
            "exploit (code|content)",
            "ransomware",
            "contains? (\\S+ ){0,2}(executable|dangerous)",
        ],
    ),
    says(
        "content-rejected/attachment",
        &[
            "(illegal|forbidden|banned|prohibited|unsafe|dangerous|disallowed|blocked|suspicious|executable|\
             unacceptable|restricted|invalid|encrypted|unsupported) (\\S+ ){0,3}(attach*|file*|executable*|\
             archive)",
            "(attach*|file type|file extension|files?|executable*) (\\S+ ){0,5}(not (allowed|accepted|\
             permitted|supported)|banned|blocked|forbidden|prohibited|illegal|rejected|disallowed|virus*|\
             unacceptable|security)",
            "accept messages containing",
            "executable attachment",
            "archive (file|attachment)",
            "attach* (\\S+ ){0,3}(stripped|removed)",
            "(attachment|file) (type|name|extension)s?",
        ],
    ),
    says(
        "content-rejected/spam",
        &[
            "(message*|mail|email*|content|contents|text|body|subject|header*|url|link*|signature|\
             characteristic*|pattern*|score*|probability|classif*|detect*|filter*|\
             content) (\\S+ ){0,8}(spam*|unsolicited|ube|uce|junk)",
            "(spam|ube|uce|junk|unsolicited|spamming|spamlike) (\\S+ ){0,6}(message*|mail|mails|email*|\
             content|contents|score*|probability|filter*|detect*|classif*|reject*|block*|block|check|not|\
             exceeded|over|pattern*|signature|like|characteristic*|profiler|suspect*|rules?|engine|test*|\
             policy|found|law*|points?)",
            "(likely|probabl*|consider*|identified|classified|detected|scored|suspect*|possibl*|\
             looks?( like)?|appear*|deemed|marked|flagged|tagged|resembl*|high|much|too much|considered|as|\
             like|is|be|being|seems|contains?) (\\S+ ){0,4}(spam*|unsolicited|ube|junk)",
            "^spam*$",
            "spam$",
            "^spam",
            "bulk (e ?mail|mail*|message*)",
            "(anti|anti ?) ?spam",
            "unsolicited",
            "bogofilter",
            "spamassassin",
            "dspam",
            "rspamd",
            "amavis*",
        ],
    )
    .unless(&[
        "gmail (\\S+ )*rate",
        "protect our users from spam mail sent",
        "sending ip is",
        "blocked (\\S+ )?from (this|your) ip",
    ]),
    says(
        "content-rejected/mass-mailer",
        &["mass mail*", "bulk sending", "newsletter*", "advertis*", "commercial mail"],
    ),
    says(
        "content-rejected/content",
        &[
            "(content|contents|body|text|words?|phrases?|subject|language|character ?set|charset|image*|\
             html) (\\S+ ){0,4}(reject*|denied|not (accept*|allow*|permitted|support*)|block*|banned|\
             unacceptable|prohibited|forbidden|policy|filter*|potential*|violat*|restrict*|examination|\
             invalid|matched|refused|suspicious|inappropriate)",
            "(unacceptable|banned|prohibited|objectionable|forbidden|inappropriate|offensive|suspicious|\
             illegal|restricted|bad|invalid|improper|rejecting banned) (\\S+ ){0,2}(content*|words?|phrases?|\
             subject|text|language|url*|links?|message content)",
            "(due to|because of|for) (\\S+ ){0,2}content",
            "content (inspection|scan*|check*|filter*|examination|analysis|control)",
        ],
    )
    .unless(&[
        "(filter|scanner) (is )?(not available|unavailable|down|busy|timed out)",
        "(temporary|internal) (failure|error|problem)",
    ]),
    says(
        "content-rejected/url",
        &[
            "(url|urls|uri|links?|website|domain) (\\S+ ){0,4}(in|within) (the |your |this )?(message|mail|\
             email|body)",
            "(black|block) ?listed (url|uri|link|domain in)",
            "surbl",
            "uribl",
            "(contains?|bad|malicious|suspicious) (\\S+ ){0,3}(url|urls|links?)",
        ],
    ),
    says(
        "content-rejected/header",
        &[
            "header* (\\S+ ){0,6}(size|too (large|long|big|many)|exceed*|duplicate*|missing|invalid|\
             malformed|8 bit|not (allowed|permitted|valid|compliant|accepted)|error|required|syntax|limit*|\
             bad)",
            "(duplicate|missing|multiple|improper|invalid|malformed|bad|too many|no|non ascii|illegal|\
             unencoded|without|two|mandatory) (\\S+ ){0,5}(headers?|from header|subject headers?|date|\
             message ?id|header field*)",
            "(from|sender|subject|date|message id|to|cc) header*",
            "encoded word",
            "blank from",
            "multiple addresses in from",
            "from addresses? (\\S+ ){0,2}(not allowed|blank|empty)",
            "headers too large",
            "rejected by header",
            "(message id|date|subject|from|sender|to) (line |header |field )?(is |was )?(missing|required|\
             malformed)",
            "(no|missing|without) (from|date|subject|to|sender) (line|field|header)",
        ],
    )
    .unless(&["too many received", "received headers"]),
    says(
        "content-rejected/form",
        &[
            "(not|non|isnt|violat*) (\\S+ )?(rfc( ?\\d+)?|rfc compliant|standards?)( \\d+)* ?(compliant|\
             conform*|valid)?",
            "rfc ?(2822|822|5322|2045|2047|2046)",
            "8 ?bit",
            "bare (lf|cr|line ?feeds?|newline*|carriage)",
            "line* (is |was )?too long",
            "(line|lines) (\\S+ ){0,3}(long*|length)",
            "malformed (message|mail|mime|header|email|from|address in)?",
            "mime",
            "malformed",
            "(invalid|bad|illegal) character*",
            "charset",
            "nul (byte|character)*",
            "unencoded",
            "utf ?8",
            "smtputf8",
            "control char*",
            "media not supported",
            "conversion",
            "invalid message content",
            "message (format|structure) (\\S+ )?(error|invalid|wrong)",
            "does not conform",
        ],
    )
    .unless(&["address", "command", "addr", "name server", "security"]),
    says(
        "content-rejected/list",
        &[
            "members? only",
            "non ?member*",
            "closed (mailing )?list",
            "(mailing )?list (\\S+ ){0,3}(members|closed|subscrib*|moderat*)",
            "only (\\S+ )?(subscribers|members)",
            "not (a )?(subscri*|member)( of| to)?",
        ],
    )
    .unless(&["(user|person|addressee) you (are|were) trying"]),
    says(
        "content-rejected/abuse",
        &[
            "(blocked|rejected|refused|reported) (for|as|due to|because of) abus*",
            "recurrent pattern",
            "detected that this message",
            "mail score",
            "message score",
            "rejete*",
        ],
    ),
];

/// Words about policy and filters, less telling than the decisive ones.
pub(crate) const ORDINARY: &[Rule] = &[
    says("content-rejected/policy", &["polic*"])
        .unless(&["(per|size) (transaction|limit)", "(domain|account) policy size"]),
    says(
        "content-rejected/filter",
        &["(message|mail|email) (\\S+ ){0,6}filter*", "(our|content|mail|keyword|word|message) filter*", "filtered"],
    ),
    says(
        "content-rejected/security",
        &[
            "security (\\S+ ){0,2}(issue|risk|threat|reason*|problem|concern|violation)",
            "potential (\\S+ )?(security|threat|risk)",
        ],
    ),
    says(
        "content-rejected/not-allowed",
        &[
            "(message|mail|email) (\\S+ ){0,2}(not (allowed|permitted|acceptable)|unacceptable|(cannot|\
             can not|cant) be accepted|prohibited|quarantin*|discard*)",
            "prohibited the mail",
        ],
    ),
];

/// Words that only tip the scales.
pub(crate) const HINTS: &[Rule] = &[
    says(
        "content-rejected/rejected-after-data",
        &["(reject*|refuse*|den(y|ied)|not (accept*|allow*)|block*|fail*|violat*|prohibit*|illegal|invalid)"],
    )
    .at(CONTENT)
    .permanent(),
    says(
        "content-rejected/message",
        &["(message|mail|email|content|contents) (\\S+ ){0,4}(reject*|refuse*|denied|not accept*|blocked)"],
    )
    .permanent(),
    says("content-rejected/spam", &["spam*", "junk", "unsolicited", "abuse"]),
];
