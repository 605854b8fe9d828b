//! Whom the listener lets in, and how a mail reaches the inbox.

mod world;

use mail_model::{EmailAddress, MessageId, NotificationId};
use smtp_server::{Accepted, Answer, Doorkeeper, ReversePath, Store, Stored};
use world::{NOW, World};

#[tokio::test]
async fn only_our_addresses_are_let_in_and_a_guess_learns_nothing() {
    let world = World::new("").await;
    let id = NotificationId { message: MessageId(NOW.0 << 20), index: 1 };
    let old = NotificationId { message: MessageId((NOW.0 - 15 * 86_400_000) << 20), index: 1 };
    let paths = world.addresses.return_paths().unwrap();
    let schools = world.addresses.registration_addresses().unwrap();
    let path = paths.mint(id).to_string();
    let admitted = [
        path.clone(),
        path.to_uppercase(),
        world.addresses.unsubscribe_links().unwrap().mailbox(id).to_string(),
        schools.mint(1, 1).to_string(),
        schools.mint(1, 1).to_string().to_uppercase(),
        schools.mint(2, 5).to_string(),
        schools.mint(2, 4).to_string(),
        "postmaster@bounce.example.jp".to_owned(),
        "Postmaster@entry.example.jp".to_owned(),
        "ABUSE@mx.example.jp".to_owned(),
    ];
    let mut forged = path.clone();
    forged.replace_range(30..31, if &forged[30..31] == "a" { "b" } else { "a" });
    let refused = [
        forged,
        paths.mint(old).to_string(),
        path.replace("bounce.", "entry."),
        path.replace("@bounce.example.jp", "@example.jp"),
        schools.mint(1, 2).to_string(),
        schools.mint(2, 6).to_string(),
        schools.mint(2, 3).to_string(),
        schools.mint(3, 1).to_string(),
        schools.mint(1, 0).to_string(),
        "postmaster@example.jp".to_owned(),
        "taro@docomo.ne.jp".to_owned(),
        "entry@example.jp".to_owned(),
        "info@bounce.example.jp".to_owned(),
        "taro%docomo.ne.jp@bounce.example.jp".to_owned(),
    ];
    let ask = |address: &String| {
        let address: EmailAddress = address.parse().unwrap();
        world.doors().recipient(&address, None)
    };
    for address in &admitted {
        assert_eq!(ask(address), Answer::Admit, "{address}");
    }
    let lines: std::collections::HashSet<String> =
        refused.iter().map(|address| format!("{:?}", ask(address))).collect();
    assert_eq!(lines.len(), 1, "one line for all: {lines:?}");
    assert!(lines.iter().all(|line| line.contains("550 5.1.1")));
}

#[tokio::test]
async fn a_mail_is_in_the_inbox_when_the_store_says_so() {
    let world = World::new("").await;
    let senders = [
        (ReversePath::Null, None),
        (ReversePath::Address("taro@docomo.ne.jp".parse().unwrap()), Some("taro@docomo.ne.jp")),
        (ReversePath::Other("\"a b\"@[192.0.2.1]".into()), None),
    ];
    for (sender, _) in &senders {
        let mail = Accepted {
            received_at: NOW,
            peer: "192.0.2.1".parse().unwrap(),
            helo: "mta".to_owned(),
            tls: true,
            sender: sender.clone(),
            recipients: vec!["postmaster@mx.example.jp".parse().unwrap()],
            content: bytes::Bytes::from_static(b"Subject: x\r\n\r\n"),
        };
        assert_eq!(world.store().store(mail).await, Stored::Done);
    }
    let inbox = world.queue.inbox_next(None, 10);
    let found: Vec<_> = inbox.iter().map(|(_, mail)| mail.sender.as_ref().map(EmailAddress::as_str)).collect();
    assert_eq!(found, senders.iter().map(|(_, kept)| *kept).collect::<Vec<_>>());
}
