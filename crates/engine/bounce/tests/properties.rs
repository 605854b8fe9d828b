//! Whatever a remote says, a verdict comes back.

use bounce::{Disposition, classify_quoted_reply, classify_reply, disposition};
use mail_model::{CarrierName, Cause, EnhancedStatus, Reply, Stage};
use proptest::prelude::*;

const CARRIERS: [&str; 12] = [
    "docomo",
    "au",
    "softbank",
    "ymobile",
    "rakuten",
    "yahoo_jp",
    "google",
    "apple",
    "microsoft",
    "yahoo_inc",
    "other",
    "never-heard-of",
];

fn stage() -> impl Strategy<Value = Stage> {
    use Stage::{Connect, Data, DataEnd, Dns, Ehlo, Greeting, Mail, Quit, Rcpt, Rset, StartTls};
    prop::sample::select(vec![Dns, Connect, Greeting, Ehlo, StartTls, Mail, Rcpt, Data, DataEnd, Rset, Quit])
}

fn status() -> impl Strategy<Value = Option<EnhancedStatus>> {
    let number = || prop_oneof![0_u16..40, any::<u16>()];
    prop::option::of((any::<u8>(), number(), number()).prop_map(|(class, subject, detail)| EnhancedStatus {
        class,
        subject,
        detail,
    }))
}

/// Arbitrary text, and text made of what the reader of replies has to take apart.
fn text() -> impl Strategy<Value = String> {
    let pieces = vec![
        "user",
        "unknown",
        ":",
        "<",
        ">",
        "@",
        "a@b.jp",
        "192.0.2.1",
        "::1",
        "5.1.1",
        "5.1.",
        "..",
        "https://",
        "//",
        "'",
        "’",
        "e-",
        "mail",
        "quota",
        "スパム",
        "宛先",
        "\u{0}",
        "\r\n",
        " ",
        "-",
        "550",
        "é",
        "ß",
        "I\u{307}",
        "blocked",
    ];
    prop_oneof![any::<String>(), prop::collection::vec(prop::sample::select(pieces), 0..60).prop_map(|p| p.concat())]
}

proptest! {
    #[test]
    fn no_reply_makes_it_panic_and_every_verdict_has_a_rule(
        code in any::<u16>(), enhanced in status(), text in text(), stage in stage(), at in 0..CARRIERS.len(),
        attempts in any::<u16>(),
    ) {
        let (reply, carrier) = (Reply { code, enhanced, text }, CarrierName::new(CARRIERS[at]).unwrap());
        let verdict = classify_reply(&reply, stage, &carrier);
        prop_assert!(verdict.rule.contains('/'));
        prop_assert_eq!(&classify_quoted_reply(&reply, Some(stage), &carrier), &verdict);
        classify_quoted_reply(&reply, None, &carrier);
        if (400..500).contains(&code) {
            prop_assert_eq!(disposition(verdict.cause, Some(&reply), attempts), Disposition::Retry);
        }
        if !(400..600).contains(&code) {
            prop_assert_eq!(verdict.cause, Cause::Other);
        }
    }

    #[test]
    fn case_and_spaces_change_no_verdict(words in "[ a-zA-Z]{0,80}", code in 400_u16..600, stage in stage()) {
        let carrier = CarrierName::other();
        let plain = Reply { code, enhanced: None, text: words.clone() };
        let shouted = Reply { code, enhanced: None, text: format!("  {} ", words.to_uppercase().replace(' ', "  ")) };
        prop_assert_eq!(classify_reply(&plain, stage, &carrier), classify_reply(&shouted, stage, &carrier));
    }
}

#[test]
fn a_reply_of_100_kilobytes_costs_no_more_than_a_long_line() {
    let carrier = CarrierName::new("docomo").unwrap();
    let text = "too many connections from your mailbox over ".repeat(2_500);
    let verdict = classify_reply(&Reply { code: 550, enhanced: None, text }, Stage::Rcpt, &carrier);
    assert_ne!(verdict.cause, Cause::Other);
}
