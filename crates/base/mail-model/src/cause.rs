//! Why a mail did not arrive: twelve named causes and `other`, each with what to tell people and what the sender does.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A cause of a bounce. The order is the order of every report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Cause {
    /// The address does not exist.
    AddressUnknown = 1,
    /// The domain does not exist or takes no mail.
    DomainUnknown = 2,
    /// The mailbox is suspended, unpaid or closed.
    MailboxDisabled = 3,
    /// The mailbox is full.
    MailboxFull = 4,
    /// The recipient's own filter refused it.
    RecipientFiltered = 5,
    /// Refused for its content or form.
    ContentRejected = 6,
    /// Our server or address is refused.
    SenderBlocked = 7,
    /// Our SPF, DKIM, DMARC or DNS was found wanting.
    AuthFailed = 8,
    /// We send too fast for the carrier.
    RateLimited = 9,
    /// The mail is larger than the carrier takes.
    MessageTooLarge = 10,
    /// No connection, or it timed out.
    ConnectionFailed = 11,
    /// The carrier's server has a fault.
    ServerError = 12,
    /// Not determined.
    Other = 0,
}

/// What the sender does about a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// No further mail to this address until it is corrected.
    SuppressNow,
    /// The school asks the guardian for a new address.
    AskGuardianNewAddress,
    /// The school is shown the likely spelling.
    ProposeCorrection,
    /// Suppress when it happens on two different days.
    #[serde(rename = "suppress_after_2_on_different_days")]
    SuppressAfter2OnDifferentDays,
    /// Try again by the retry schedule.
    RetryLater,
    /// Tell the guardian by another channel.
    NotifyGuardianOtherChannel,
    /// Suppress when it happens five times in 30 days.
    #[serde(rename = "suppress_after_5_in_30_days")]
    SuppressAfter5In30Days,
    /// Do not try this mail again.
    NoRetry,
    /// The school asks the guardian to allow our domain.
    AskGuardianLiftFilter,
    /// The address is good; never suppress for this.
    KeepAddress,
    /// The sender changes the text or the files.
    ReviseContent,
    /// Tell the operator.
    AlertOperator,
    /// Tell the operator to have the source taken off a list.
    AlertOperatorDelist,
    /// Rest this source at this carrier.
    PauseRoute,
    /// Tell the operator to mend SPF, DKIM, DMARC or reverse DNS.
    AlertOperatorFixAuth,
    /// Try again; it succeeds once the operator has mended it.
    RetryAfterFix,
    /// Send more slowly to this carrier from this source.
    SlowDownCarrier,
    /// The sender makes the mail smaller.
    ShrinkMessage,
    /// Try again when the reply was 4xx.
    #[serde(rename = "retry_if_4xx")]
    RetryIf4xx,
    /// Report it when the reply was 5xx.
    #[serde(rename = "report_if_5xx")]
    ReportIf5xx,
    /// Somebody reads the reply and improves the rules.
    Review,
}

struct Facts {
    id: &'static str,
    label_ja: &'static str,
    label_en: &'static str,
    advice_ja: &'static str,
    hard: bool,
    address_fault: bool,
    actions: &'static [Action],
}

impl Cause {
    /// Every cause, in the order of reports.
    pub const ALL: [Self; 13] = [
        Self::AddressUnknown,
        Self::DomainUnknown,
        Self::MailboxDisabled,
        Self::MailboxFull,
        Self::RecipientFiltered,
        Self::ContentRejected,
        Self::SenderBlocked,
        Self::AuthFailed,
        Self::RateLimited,
        Self::MessageTooLarge,
        Self::ConnectionFailed,
        Self::ServerError,
        Self::Other,
    ];

    /// The id used in JSON, CSV, metrics and on disk; it never changes.
    pub fn id(self) -> &'static str {
        self.facts().id
    }

    /// What a school reads.
    pub fn label_ja(self) -> &'static str {
        self.facts().label_ja
    }

    /// The same in English.
    pub fn label_en(self) -> &'static str {
        self.facts().label_en
    }

    /// What the school office should do.
    pub fn advice_ja(self) -> &'static str {
        self.facts().advice_ja
    }

    /// Whether the address is dead.
    pub fn is_hard(self) -> bool {
        self.facts().hard
    }

    /// Whether the fault lies with the address or its owner's account, not with us or the carrier.
    pub fn is_address_fault(self) -> bool {
        self.facts().address_fault
    }

    /// What the sender does.
    pub fn actions(self) -> &'static [Action] {
        self.facts().actions
    }

    /// Finds a cause by its id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.id() == id)
    }

    /// The number stored on disk.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Finds a cause by the number stored on disk.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.number() == number)
    }

    fn facts(self) -> &'static Facts {
        match self {
            Self::AddressUnknown => &ADDRESS_UNKNOWN,
            Self::DomainUnknown => &DOMAIN_UNKNOWN,
            Self::MailboxDisabled => &MAILBOX_DISABLED,
            Self::MailboxFull => &MAILBOX_FULL,
            Self::RecipientFiltered => &RECIPIENT_FILTERED,
            Self::ContentRejected => &CONTENT_REJECTED,
            Self::SenderBlocked => &SENDER_BLOCKED,
            Self::AuthFailed => &AUTH_FAILED,
            Self::RateLimited => &RATE_LIMITED,
            Self::MessageTooLarge => &MESSAGE_TOO_LARGE,
            Self::ConnectionFailed => &CONNECTION_FAILED,
            Self::ServerError => &SERVER_ERROR,
            Self::Other => &OTHER,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

const ADDRESS_UNKNOWN: Facts = Facts {
    id: "address_unknown",
    label_ja: "宛先不明（アドレスなし）",
    label_en: "Address does not exist",
    advice_ja: "このメールアドレスは存在しません。保護者に正しいアドレスの再登録を依頼してください（以後の送信は停止しました）。",
    hard: true,
    address_fault: true,
    actions: &[Action::SuppressNow, Action::AskGuardianNewAddress],
};

const DOMAIN_UNKNOWN: Facts = Facts {
    id: "domain_unknown",
    label_ja: "ドメイン誤り（@以降が存在しない）",
    label_en: "Mail domain does not exist",
    advice_ja: "アドレスの＠より後ろに誤りがあります（例：docmo.ne.jp）。登録内容を確認して修正してください。",
    hard: true,
    address_fault: true,
    actions: &[Action::SuppressNow, Action::ProposeCorrection],
};

const MAILBOX_DISABLED: Facts = Facts {
    id: "mailbox_disabled",
    label_ja: "利用停止中のアドレス",
    label_en: "Mailbox disabled or suspended",
    advice_ja: "回線の休止・解約・料金未納などで受信できない状態です。保護者に現在の連絡先を確認してください。",
    hard: false,
    address_fault: true,
    actions: &[Action::SuppressAfter2OnDifferentDays, Action::AskGuardianNewAddress],
};

const MAILBOX_FULL: Facts = Facts {
    id: "mailbox_full",
    label_ja: "受信箱の容量超過",
    label_en: "Mailbox full",
    advice_ja: "受信箱がいっぱいです。保護者に不要なメールの削除を依頼してください（自動で再送します）。",
    hard: false,
    address_fault: true,
    actions: &[Action::RetryLater, Action::NotifyGuardianOtherChannel, Action::SuppressAfter5In30Days],
};

const RECIPIENT_FILTERED: Facts = Facts {
    id: "recipient_filtered",
    label_ja: "受信拒否設定（ドメイン指定受信など）",
    label_en: "Refused by the recipient's own filter",
    advice_ja: "携帯電話の迷惑メール設定で拒否されています。学校の送信ドメインを「ドメイン指定受信」に追加するよう保護者に依頼してください。",
    hard: false,
    address_fault: false,
    actions: &[Action::NoRetry, Action::AskGuardianLiftFilter, Action::KeepAddress],
};

const CONTENT_REJECTED: Facts = Facts {
    id: "content_rejected",
    label_ja: "内容による拒否（迷惑メール・ウイルス・形式）",
    label_en: "Refused for its content or policy",
    advice_ja: "本文・URL・添付ファイルが迷惑メール等と判定されました。内容を見直して送り直してください。",
    hard: false,
    address_fault: false,
    actions: &[Action::NoRetry, Action::ReviseContent, Action::AlertOperator],
};

const SENDER_BLOCKED: Facts = Facts {
    id: "sender_blocked",
    label_ja: "送信元の拒否（ブロックリスト・評価）",
    label_en: "Our server or address is refused",
    advice_ja: "配信サーバー側の評価が原因です。学校での操作は不要で、運営事業者が対応します。",
    hard: false,
    address_fault: false,
    actions: &[Action::KeepAddress, Action::AlertOperatorDelist, Action::PauseRoute],
};

const AUTH_FAILED: Facts = Facts {
    id: "auth_failed",
    label_ja: "送信ドメイン認証・DNS設定の不備",
    label_en: "Our authentication or DNS failed",
    advice_ja: "送信側の設定（SPF・DKIM・DMARC・逆引き等）の問題です。運営事業者へ連絡してください。",
    hard: false,
    address_fault: false,
    actions: &[Action::KeepAddress, Action::AlertOperatorFixAuth, Action::RetryAfterFix],
};

const RATE_LIMITED: Facts = Facts {
    id: "rate_limited",
    label_ja: "送信量の一時制限",
    label_en: "Sending rate limited for now",
    advice_ja: "受信側が短時間の大量受信を制限しています。時間をおいて自動で再送します。",
    hard: false,
    address_fault: false,
    actions: &[Action::SlowDownCarrier, Action::RetryLater],
};

const MESSAGE_TOO_LARGE: Facts = Facts {
    id: "message_too_large",
    label_ja: "メールサイズ超過",
    label_en: "Message too large",
    advice_ja: "メールが相手の受信上限を超えています。添付を減らすか、リンクでの案内に変えて送り直してください。",
    hard: false,
    address_fault: false,
    actions: &[Action::NoRetry, Action::ShrinkMessage],
};

const CONNECTION_FAILED: Facts = Facts {
    id: "connection_failed",
    label_ja: "相手サーバーに接続できない・時間切れ",
    label_en: "No connection or timed out",
    advice_ja: "相手のメールサーバーが応答しません。自動で再送し、届かない場合は再度お知らせします。",
    hard: false,
    address_fault: false,
    actions: &[Action::RetryLater],
};

const SERVER_ERROR: Facts = Facts {
    id: "server_error",
    label_ja: "相手サーバーの障害・設定エラー",
    label_en: "Fault of the receiving server",
    advice_ja: "相手側メールサーバーの障害です。時間をおいて再送し、続く場合は保護者に別の連絡先を確認してください。",
    hard: false,
    address_fault: false,
    actions: &[Action::RetryIf4xx, Action::ReportIf5xx],
};

const OTHER: Facts = Facts {
    id: "other",
    label_ja: "原因不明",
    label_en: "Not determined",
    advice_ja: "原因を判定できませんでした。「詳細」の応答文を運営事業者に知らせてください。",
    hard: false,
    address_fault: false,
    actions: &[Action::KeepAddress, Action::Review],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_numbers_read_back_and_serde_uses_the_same_words() {
        for cause in Cause::ALL {
            assert_eq!(Cause::from_id(cause.id()), Some(cause));
            assert_eq!(Cause::from_number(cause.number()), Some(cause));
            assert!(!cause.actions().is_empty());
        }
        assert_eq!(Cause::from_id("user_unknown"), None);
    }

    #[test]
    fn only_a_dead_address_is_hard_and_a_filter_never_suppresses() {
        let hard: Vec<_> = Cause::ALL.into_iter().filter(|c| c.is_hard()).collect();
        assert_eq!(hard, [Cause::AddressUnknown, Cause::DomainUnknown]);
        assert!(Cause::RecipientFiltered.actions().contains(&Action::KeepAddress));
    }
}
