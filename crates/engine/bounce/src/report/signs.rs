//! What the words of a notice claim: failure, delay, success.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

/// What is searched, in bytes: claims stand at the beginning.
const CLAIM_BYTES_MAX: usize = 8 << 10;

fn any_of(words: &[&str]) -> Regex {
    RegexBuilder::new(&words.join("|"))
        .case_insensitive(true)
        .size_limit(1 << 24)
        .build()
        .expect("patterns are constants, compiled by a test")
}

static FAILURE: LazyLock<Regex> = LazyLock::new(|| {
    any_of(&[
        "(not|n't|n’t|cannot) (be )?(been )?(deliver|relay|sent|reach)",
        "undeliver|non-deliver|deliver(y|ing)? (error|problem|failure)|delevery",
        "unable to (deliver|send|relay)",
        r"deliver\w*( \S+){0,8} (has |have )?fail",
        r"fail\w* (to |for |final )?(deliver|recipient)|failed permanently|fatal error|failed address",
        "did not reach|delivery to the following|errors? (occurred|delivering)|invalid final",
        "(was|were|been) (rejected|returned|blocked)|rejected your message|not taken",
        "invalid (user|address|recipient)|(user|recipient|mailbox) unknown|unknown (user|recipient)|no such user",
        "mail ?box is full|mailbox exceed|mail bounce|duplicated message-id",
        "unbekannt|nicht zugestellt|konnte nicht|n'a pas|no se (ha )?(podido|pudo)|non [eè] stato",
        "не может быть|не удалось|недоставлен|не было доставлено",
        "未能|无法|無法|退信",
        "(送信|配信|配送|送付|転送|お?届け)(する(こと)?が?)?(は|を)?(でき|失敗)|見つかりません|みつかりません|メールボックスが一杯|エラーのため",
    ])
});

static DELAY: LazyLock<Regex> = LazyLock::new(|| {
    any_of(&[
        "warning (message )?only|temporary failure report|do not need to re-?send",
        "(is|been|was) delayed|will be retried|still being retried|will (continue|keep) (to )?(try|attempt|retr)|will retry",
        "has not yet been delivered|not been delivered yet|delivery attempts will continue",
        "再送を試み|再送信を試み|遅延して",
    ])
});

static SUCCESS: LazyLock<Regex> = LazyLock::new(|| {
    any_of(&[
        "(was|were|been) (successfully )?(delivered|relayed) (to|for)",
        "successfully (delivered|relayed)|delivery was successful",
        "正常に(配信|送信)",
    ])
});

static GIVEN_UP: LazyLock<Regex> = LazyLock::new(|| {
    any_of(&["deleted from queue|giving up|given up|returned to sender|failed permanently|has stopped trying"])
});

fn beginning(body: &str) -> &str {
    super::quoted::cut(body, CLAIM_BYTES_MAX)
}

/// Whether a notice says that something did not arrive, in any of the languages carriers write in.
pub(crate) fn claims_failure(body: &str) -> bool {
    FAILURE.is_match(beginning(body))
}

/// Whether it says that something has not arrived yet.
pub(crate) fn claims_delay(body: &str) -> bool {
    DELAY.is_match(beginning(body))
}

/// Whether it says that something arrived.
pub(crate) fn claims_success(body: &str) -> bool {
    SUCCESS.is_match(beginning(body))
}

/// "Could not be delivered for 8 hours. Message will be deleted from queue."
pub(crate) fn claims_the_end(body: &str) -> bool {
    GIVEN_UP.is_match(beginning(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_told_apart() {
        let table = [
            ("Your message could not be delivered", (true, false, false)),
            ("Delivery to the following recipient failed permanently:", (true, false, false)),
            ("次のあて先へのメッセージはエラーのため送信できませんでした。", (true, false, false)),
            ("お届けできませんでした。", (true, false, false)),
            ("A message is delayed for more than 4 hours", (false, true, false)),
            ("Your message was successfully delivered to", (false, false, true)),
            ("総会のお知らせです。", (false, false, false)),
            ("Our servers will be down on Sunday.", (false, false, false)),
        ];
        for (body, wanted) in table {
            assert_eq!((claims_failure(body), claims_delay(body), claims_success(body)), wanted, "{body}");
        }
        assert!(claims_the_end("Message will be deleted from queue"));
    }
}
