//! Words about the size of the mail: `message_too_large`. A header or line that is too long is `content_rejected`.

use crate::rule::{Rule, says};

/// Words that decide whatever status stands beside them.
pub(crate) const DECISIVE: &[Rule] = &[
    says(
        "message-too-large/size",
        &[
            "(message|mail|email|msg|body|data|content|incoming|attachment*|file|letter|taille|nachricht*|\
             total)s? (\\S+ ){0,2}(size|length|taille|limit*) _ (exceed*|limit*|max*|larger|greater|too|over|\
             atteinte|depasse*|bigger|above)",
            "size of (the |your |this )?(message|mail|email|attachment*) (\\S+ ){0,3}(exceed*|too|limit*|\
             larger|over|above)",
        ],
    )
    .unless(&["headers?", "mail ?box", "mail file", "policy size", "line length"]),
    says(
        "message-too-large/exceeds",
        &[
            "(exceed*|over|above|greater than|larger than|bigger than|beyond) _ (message|mail|email|incoming|\
             attachment|fixed|maximum|max|size|content|length)( message| mail| email)? (size|limit*|length|\
             maximum)",
            "(max*|maximum|allowed|permitted|fixed) (\\S+ ){0,2}(message|mail|email|file|attachment|\
             content)? ?size",
            "size (limit*|restriction*)",
            "size (is |was )?(\\S+ )?(exceed*|too (big|large|long))",
            "exceed* (\\S+ ){0,3}size",
            "exceeds? (the |a )?\\d+ ?(k|m|g)i?b(ytes)?",
            "size limit for (this|the) (mail ?box|user|recipient)",
            "(message|mail|email) exceed* (\\S+ ){0,3}(bytes|kb|mb|kilobytes|megabytes)",
        ],
    )
    .unless(&["headers?", "mail ?box", "policy size", "disk", "storage", "line"]),
    says(
        "message-too-large/too-big",
        &[
            "(message|mail|email|msg|body|content|attachment*|file|letter|data) (\\S+ ){0,2}(too|to) (big|\
             large|long|heavy)",
            "too (big|large) (\\S+ ){0,2}(message|mail|email|attachment|file|for|to)",
            "over ?sized?",
            "message trop (grand|gros|volumineux)",
            "nachricht (ist )?zu gross",
            "mensaje demasiado grande",
            "messaggio troppo grande",
            "(larger|bigger|greater|longer) than (\\S+ ){0,4}(allow*|limit*|max*|accept*|permit*|bytes|kb|mb)",
            "(message|mail|email) (is )?(larger|bigger|greater) than",
        ],
    )
    .unless(&["headers?", "line", "subject"]),
    says(
        "message-too-large/attachments",
        &["number of attachments", "(attachment*|file*) (\\S+ ){0,3}(exceed*|limit*)"],
    ),
    says("message-too-large/japanese", &["(メール|メッセージ|添付).*(サイズ|大き).*(超|制限|すぎ|過)"]),
];

/// Words that only tip the scales.
pub(crate) const HINTS: &[Rule] =
    &[says("message-too-large/size", &["(message|mail|email) (size|length)", "too (big|large|long)"])
        .unless(&["headers?", "line"])];
