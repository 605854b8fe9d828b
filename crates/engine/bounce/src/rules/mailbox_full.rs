//! Words about a mailbox without room: `mailbox_full`. A full *server* is another cause, see `server_error`.

use crate::rule::{Rule, says};

/// Words that decide whatever status stands beside them.
pub(crate) const DECISIVE: &[Rule] = &[
    // "Quota" of sending is a rate limit, quota of a disk or mailbox is not.
    says(
        "mailbox-full/quota",
        &[
            "(mail|disk|disc|mailbox|maildir|domain|domaindisk)?quotas?",
            "over ?quota*",
            "overquota*",
            "cuota",
            "kontingent",
        ],
    )
    .unless(&[
        "(daily|hourly|sending|send|submission|relay|rate|email|recipient|outbound|message) quota",
        "quota (of|for) (message|recipient|mail)s?",
    ]),
    says(
        "mailbox-full/full",
        &[
            "(mail ?box|in ?box|mail ?file|mail ?drop|mail ?dir|mail folder|folder|account|user|recipient*|\
             storage|boite|bal|casella|casilla|buzon|caixa|postfach|postbox|postvak|skrzynka) _ (full|\
             stuffed|overfull|pleine|piena|llen[oa]|cheia|voll|vol|ueberfuellt|uberfullt|overloaded|\
             overflow*)",
            "(full|overfull|overflow*) (mail ?box|in ?box|mail ?dir)",
            "mail ?box ?full",
        ],
    ),
    says(
        "mailbox-full/space",
        &[
            "(mail ?box|in ?box|account|user*|recipient*|addr|disk|disc|storage|mail|quota) _ (disk |disc |\
             storage )?space",
            "(not|no|insufficient|inadequate|lack* of|low on|out of|enough|sufficient) (enough |sufficient |\
             more |free |available |disk |disc |storage |mailbox )*(space|room)",
            "space (has |have |is |was )?(been )?(used up|exhausted|exceeded)",
            "out of (storage|quota|disk)",
            "disk full",
        ],
    )
    .unless(&[
        "system (storage|resource*)",
        "space left on (the )?(system|server)",
        "(space|room) (left )?on (the |this )?(server|system)",
    ]),
    says(
        "mailbox-full/limit",
        &[
            "(mail ?box|in ?box|mail ?file|mail ?drop|mail ?dir|storage|recipients? account|\
             folder) _ (exceed*|reach*|over|hit|at|beyond) _ (limit*|max*|size|allowed|capacity|local)",
            "(exceed*|over|reach*|violat*) _ (mail ?box|in ?box|storage|disk) (size|limit*|space|capacity|\
             usage)",
            "(mail ?box|storage|disk|disc) (size |space |usage )?(limit*|capacity) (has been |was |\
             is )?(exceed*|reach*|full|over)",
        ],
    )
    .unless(&["message size", "incoming size"]),
    // Postfix at its own mailbox_size_limit: the file system's words, beside a status that tells.
    says("mailbox-full/file", &["input output error", "file too large"]).status(2, 2, 2),
    says("mailbox-full/allocation", &["(exceed*|over) (the |its |your )?storage allocation"])
        .code(&[500, 522, 550, 551, 552, 553, 554]),
    says(
        "mailbox-full/messages",
        &[
            "too many (messages|mails|emails) (on|in|stored)( the| this| his| your)? (server|mail ?box|\
             in ?box|account|folder)",
            "number of messages in _ mailbox",
            "too much (mail|message) data",
        ],
    ),
    says(
        "mailbox-full/would-exceed",
        &[
            "(would|will) (be )?(over|exceed*|overflow) _ (limit|size|quota|storage|mailbox|allowed)",
            "too (big|large) (for|to fit) (in )?(the |his |this |recipients? )?(mail ?box|in ?box)",
            "exceed* (the )?receiving limits",
        ],
    ),
    says("mailbox-full/mail-file", &["mail file size exceed*"]),
    says("mailbox-full/japanese", &["容量.*(超|不足|オーバー)", "(メールボックス|受信箱).*(一杯|いっぱい|満杯)"]),
];

/// Words that only tip the scales.
pub(crate) const HINTS: &[Rule] = &[
    says("mailbox-full/storage", &["storage", "disk", "disc", "space"]).code(&[422, 452, 522, 552]),
    says("mailbox-full/full", &["(is|are|almost|nearly|too) full"]),
];
