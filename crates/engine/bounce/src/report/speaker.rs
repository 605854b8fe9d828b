//! Who wrote a mail: a mail system or a person; and what its subject claims.

use std::sync::LazyLock;

use regex::Regex;

use super::address;
use super::header::Headers;

/// What the header tells about the writer.
#[derive(Debug, Default)]
pub(crate) struct Speaker {
    /// The From field, lower case.
    pub from: String,
    /// The subject, decoded, lower case.
    pub subject: String,
    /// Whether a mail system signs.
    pub is_mail_system: bool,
    /// Whether the subject is that of a failure report.
    pub reports_failure: bool,
    /// Whether the subject speaks of a delay.
    pub reports_delay: bool,
    /// Whether the subject speaks of success.
    pub reports_success: bool,
    /// Whether it is a reply or passed on by a person.
    pub is_passed_on: bool,
    /// `Auto-Submitted` with a value other than `no`.
    pub is_automatic: bool,
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("patterns are constants, compiled by a test")
}

static SYSTEM_LOCAL_PART: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(mailer[-_.]?daemon|mail[-_.]?daemon|daemon|p?oo?st[-_.]?master|mdaemon|double-bounce|bounced?|mmdf|mail[-_.]?delivery|mail[-_.]deliver|mail[-_.]?system|mail[-_.]?server|delivery-?failure)([-_.+].*)?$",
    )
});

static SYSTEM_NAME: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"mail(er)?[- ]?daemon|mail[ .]deliver|deliver(y|ed)? (sub)?system|mail (administrator|system|server|router|gateway|transport)|system administrator|postmaster|content[- ]filter|internet mail|delivery (notification|report)|mail subsystem|メール(管理者|システム|サーバ)|システム管理者",
    )
});

static FAILURE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"undeliver|non[- ]?deliver|nondeliver|not (be )?(been )?deliver|deliver\w* (status|fail|problem|error|report|notif|has (been )?(fail|delay)|incomplete|suspend)|(deliver\w*|mail|message|e-?mail) (\w+ ){0,4}(fail|error|problem|bounce|reject|block|return|delay)|return(ed|ing)? (e-?mail|to sender|message|mail)|fail(ed|ure)[: ](e-?mail|notice|delivery|to deliver|message)|failure|(could|can|was|is) ?(n.t|not) (be )?(sent|deliver)|cannot (be )?(sent|deliver)|unable to (deliver|send)|bounce|mail system error|blocked|warning: (could|message|mail|e-?mail)|delayed|mail status|message status|loop alert|not (a )?member\b|postmaster notify|mail delivery|unzustell|zustell(ung|bar)|non (remis|distribu|deliv|recapit)|[eé]chec|devuelto|devolvid|no se (ha )?(podido )?(entreg|pued)|no entregad|fallo|mancat[ao] (consegna|recapito)|n[aã]o (foi )?(entreg|p[oô]de)|falha|onbestel|niet (be|af)|недостав|не доставл|退信|退回|無法傳|無法投|无法投|无法传|未送達|未送达|送达失败|전달|반송|(送信|配信|配送|送付|転送|配達|デリバリ|メール)(エラー|失敗|不能|不可|でき|未達)|できませんでした|お届けでき|不達|未達|エラー(通知|メール|メッセージ)|宛先不明|あて先不明|戻りメール|返送",
    )
});

static DELAY: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\bdelay|still being retried|warning: (could not send|message|mail)|verz[oö]ger|retard|遅延|遅れて|отложен")
});

static SUCCESS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"success|delivered:|was delivered|been delivered|\(relay\)|relayed|zugestellt:|配信(済|完了|しました)|delivery notification: delivery has been successful|開封",
    )
});

static PASSED_ON: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(\[[^\]]{0,40}\]\s*)?(fwd?|re|aw|wg|tr|rv|enc|sv|vs|antw|r|i|転送|返信|回复|转发|回覆|轉寄)\s*(\[\d+\])?\s*[:：]",
    )
});

impl Speaker {
    /// Reads the header.
    pub fn of(headers: &Headers<'_>) -> Self {
        let from = headers.decoded("From").unwrap_or_default().to_lowercase();
        let subject: String = headers.decoded("Subject").unwrap_or_default().to_lowercase().chars().take(400).collect();
        let automatic = headers.get("Auto-Submitted").map(|value| value.to_ascii_lowercase());
        Self {
            is_mail_system: is_mail_system(&from) || headers.has("X-Failed-Recipients") || is_au_one_net(headers),
            reports_failure: FAILURE.is_match(&subject),
            reports_delay: DELAY.is_match(&subject),
            reports_success: SUCCESS.is_match(&subject),
            is_passed_on: PASSED_ON.is_match(&subject),
            is_automatic: automatic.is_some_and(|value| !value.starts_with("no")),
            from,
            subject,
        }
    }
}

/// au one net reports as `no-reply@….dion.ne.jp`, sometimes under the subject `Mail`.
fn is_au_one_net(headers: &Headers<'_>) -> bool {
    headers.get("Reply-To").is_some_and(|to| to.contains("no-reply@app.auone-net.jp"))
}

/// Nobody (`<>`), a local part that only systems have, or a name that says so.
fn is_mail_system(from: &str) -> bool {
    let address = address::all(from).last();
    let local = match address {
        Some(found) => found.address.split('@').next().unwrap_or_default(),
        None => from.trim().trim_matches(['<', '>', '"']).split_whitespace().last().unwrap_or_default(),
    };
    let name = address.and_then(|found| from.get(..found.start)).unwrap_or(from);
    let after = address.and_then(|found| from.get(found.end..)).unwrap_or_default();
    let is_nobody = address.is_none() && from.trim_matches(|c: char| "<> \"".contains(c)).is_empty();
    is_nobody || SYSTEM_LOCAL_PART.is_match(local) || SYSTEM_NAME.is_match(name) || SYSTEM_NAME.is_match(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speaker(header: &str) -> Speaker {
        Speaker::of(&Headers::read(header.as_bytes()).0)
    }

    #[test]
    fn mail_systems_and_persons_are_told_apart() {
        let table = [
            ("From: MAILER-DAEMON", true),
            ("From: <>", true),
            ("From: MAILER-DAEMON@x.jp (Mail Delivery System)", true),
            ("From: \"Mail Delivery Subsystem\" <x@y.jp>", true),
            ("From: Mail Administrator <Postmaster@ezweb.ne.jp>", true),
            ("From: post_master@vtext.example", true),
            ("From: a@b.jp\nX-Failed-Recipients: c@d.jp", true),
            ("From: Taro <taro@docomo.ne.jp>", false),
            ("From: jimu@midori-es.example.ed.jp", false),
            ("From: hogosha@example.com", false),
        ];
        for (header, wanted) in table {
            assert_eq!(speaker(header).is_mail_system, wanted, "{header}");
        }
    }

    #[test]
    fn subjects_claim_failure_delay_success_or_a_persons_hand() {
        let table = [
            ("Undelivered Mail Returned to Sender", (true, false, false, false)),
            ("Returned mail: see transcript for details", (true, false, false, false)),
            ("Mail System Error - Returned Mail", (true, false, false, false)),
            ("failure notice", (true, false, false, false)),
            ("Delivery Status Notification (Delay)", (true, true, false, false)),
            ("Warning: could not send message for past 4 hours", (true, true, false, false)),
            ("Successful Mail Delivery Report", (true, false, true, false)),
            ("Fwd: Undelivered Mail Returned to Sender", (true, false, false, true)),
            ("メールエラー通知", (true, false, false, false)),
            ("Re: 連絡網のメールが届きません", (false, false, false, true)),
            ("遠足のお知らせ", (false, false, false, false)),
        ];
        for (subject, wanted) in table {
            let s = speaker(&format!("Subject: {subject}"));
            assert_eq!((s.reports_failure, s.reports_delay, s.reports_success, s.is_passed_on), wanted, "{subject}");
        }
    }
}
