//! The ten carriers speak the words of the real ones.

use testkit::{Fate, PRESETS, World, demo_world, population};

use crate::talk::{ID, S1, Talk};

/// An address at each preset.
fn domain(carrier: &str) -> &'static str {
    match carrier {
        "docomo" => "docomo.ne.jp",
        "au" => "ezweb.ne.jp",
        "softbank" => "i.softbank.jp",
        "rakuten" => "rakumail.jp",
        "google" => "gmail.com",
        "apple" => "icloud.com",
        "yahoo_jp" => "yahoo.co.jp",
        "microsoft" => "outlook.jp",
        "jp_isp" => "nifty.com",
        _ => "hoshimi-denki.example.jp",
    }
}

/// Carrier, fate, the command that is refused, and the words; `{}` stands for the recipient's address.
const WORDS: [(&str, Fate, &str, &str); 22] = [
    ("docomo", Fate::Unknown, "RCPT", "550 Unknown user {}"),
    ("docomo", Fate::Filtered, ".", "550 Unknown user {}"),
    ("docomo", Fate::Full, "DATA", "552 Too much mail data {}"),
    ("docomo", Fate::Large, ".", "552 Message size exceeds maximum value"),
    ("docomo", Fate::Busy, "RCPT", "451 Requested action aborted: local error in processing"),
    ("au", Fate::Unknown, "RCPT", "550 <{}>: User unknown"),
    ("au", Fate::Filtered, ".", "550 : User unknown"),
    ("au", Fate::Large, ".", "552 Message size exceeds fixed limit"),
    ("softbank", Fate::Unknown, "RCPT", "550 Invalid recipient: <{}>"),
    ("softbank", Fate::Large, ".", "552 Message size exceeds fixed maximum message size: 1048576 bytes"),
    ("softbank", Fate::Busy, "RCPT", "451 Requested action aborted: local error in processing"),
    ("rakuten", Fate::Unknown, "RCPT", "550 User not found"),
    ("google", Fate::Disabled, "RCPT", "550 5.2.1 The email account that you tried to reach is inactive."),
    ("google", Fate::Full, "RCPT", "452 4.2.2 The recipient's inbox is out of storage space."),
    ("apple", Fate::Unknown, "RCPT", "550 5.1.1 unknown or illegal alias: {}"),
    ("apple", Fate::Full, "RCPT", "552 5.2.2 <{}>: user is over quota"),
    ("yahoo_jp", Fate::Unknown, ".", "554 delivery error: dd This user doesn't have a yahoo.co.jp account ({}) [-9]"),
    ("yahoo_jp", Fate::Disabled, ".", "554 delivery error: dd This account has been disabled or discontinued [#102]."),
    ("yahoo_jp", Fate::Content, ".", "554 Message not allowed - DM Email not accepted for policy reasons."),
    ("microsoft", Fate::Unknown, "RCPT", "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)."),
    ("jp_isp", Fate::Unknown, "RCPT", "550 5.0.0 <{}>... User unknown"),
    ("other", Fate::Unknown, "RCPT", "550 5.1.1 <{}>: Recipient address rejected: User unknown"),
];

#[tokio::test]
async fn every_carrier_refuses_with_its_own_words_at_its_own_command() {
    let world = World::start(demo_world(1)).await.unwrap();
    for (carrier, fate, command, words) in WORDS {
        let address = format!("{}.taro@{}", fate.prefix(), domain(carrier));
        let mut talk = Talk::ready(S1, world.carrier(carrier).address()).await;
        let rcpt = talk.envelope(&address).await;
        let (heard, at) = if !rcpt.starts_with("250") {
            (rcpt, "RCPT")
        } else {
            let data = talk.say("DATA").await;
            if data.starts_with("354") { (talk.say("Subject: x\r\n\r\nx\r\n.").await, ".") } else { (data, "DATA") }
        };
        assert_eq!(at, command, "{carrier} {fate:?}: {heard}");
        assert!(heard.starts_with(&words.replace("{}", &address)), "{carrier} {fate:?}: {heard}");
    }
}

#[tokio::test]
async fn gmail_says_in_four_lines_that_an_account_does_not_exist() {
    let world = World::start(demo_world(1)).await.unwrap();
    let mut talk = Talk::ready(S1, world.carrier("google").address()).await;
    let heard = talk.envelope("unknown.x@gmail.com").await;
    let lines: Vec<&str> = heard.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with("550-5.1.1 The email account that you tried to reach does not exist."), "{heard}");
    assert!(lines[3].starts_with("550 5.1.1  https://support.google.com/mail/?p=NoSuchUser"), "{heard}");
}

#[tokio::test]
async fn foreign_and_superfluous_recipients_hear_the_carriers_own_follow_up_lines() {
    let world = World::start(demo_world(1)).await.unwrap();
    let table = [
        ("docomo", "503 Bad sequence of commands"),
        ("au", "554 Error: no valid recipients"),
        ("softbank", "503 No recipients specified"),
    ];
    for (carrier, follow_up) in table {
        let mut talk = Talk::ready(S1, world.carrier(carrier).address()).await;
        let foreign = talk.envelope("taro@nowhere.test").await;
        assert!(foreign.starts_with("554"), "{carrier}: {foreign}");
        assert_eq!(talk.say("DATA").await, follow_up);
    }
    let mut au = Talk::ready(S1, world.carrier("au").address()).await;
    assert_eq!(au.envelope("taro@docomo.ne.jp").await, "554 <taro@docomo.ne.jp>: Relay access denied");
}

#[tokio::test]
async fn every_guardian_has_a_carrier_that_serves_its_domain() {
    let world = World::start(demo_world(1).flawless()).await.unwrap();
    let mut talks: Vec<(Talk, &str)> = Vec::new();
    for name in PRESETS {
        talks.push((Talk::ready(S1, world.carrier(name).address()).await, name));
    }
    let serves = |carrier: &str, domain: &str| {
        world.carrier(carrier).domains().iter().any(|mine| match mine.strip_prefix('*') {
            Some(suffix) => !suffix.is_empty() && domain.ends_with(suffix),
            None => mine == domain,
        })
    };
    for guardian in population(300, 2) {
        let owner = PRESETS.into_iter().find(|name| serves(name, guardian.email.domain())).unwrap_or("other");
        let (talk, _) = talks.iter_mut().find(|(_, name)| *name == owner).unwrap();
        let heard = talk.envelope(&guardian.email.wire(true)).await;
        assert!(heard.starts_with("250"), "{owner}: {heard}");
        talk.say("RSET").await;
    }
    assert_eq!(talks.pop().unwrap().0.mail(ID, "taro@hoshimi-denki.example.jp").await.get(..3), Some("250"));
}
