//! Mailboxes of our own forward what arrived in them: which mail it is, whatever the forwarding changed.

mod world;

use canary::{Joining, Sample};
use compose::{Content, ContentSpec, Dialect, StoredContent};
use mail_model::{Class, NotificationId, PoolName};
use queue::{AtDeadline, Begun, NewMessage};
use serde_json::{Map, json};
use smtp_server::{Answer, Doorkeeper};
use world::{World, mails};

const MAILBOXES: &str = r#"
[canaries]
recipients_min = 1
mailbox_rest_s = 0
[[canary_mailboxes]]
name = "docomo-1"
carrier = "docomo"
address = "canary-1@docomo.ne.jp"
[[canary_mailboxes]]
name = "docomo-2"
carrier = "docomo"
address = "canary-2@docomo.ne.jp"
[[canary_mailboxes]]
name = "docomo-app"
carrier = "docomo"
address = "canary-3@docomo.ne.jp"
arrives_by = "webhook"
"#;

/// A campaign to docomo; gives the canary in the first mailbox.
async fn sent(world: &World) -> NotificationId {
    let reserved = world.canaries.reserve(1);
    let spec: ContentSpec =
        serde_json::from_value(json!({ "from": "a@example.jp", "subject": "x", "text_body": "x" })).unwrap();
    let stored: StoredContent = serde_json::from_value(json!({ "content": spec })).unwrap();
    let new = NewMessage {
        campaign: "storm".parse().unwrap(),
        tenant: "school".parse().unwrap(),
        class: Class::Normal,
        pool: "wide".parse().unwrap(),
        not_before: None,
        not_after: None,
        at_deadline: AtDeadline::default(),
        sender: None,
        content: stored.encode(),
        idempotency: None,
    };
    let Ok(Begun::New(mut main)) = world.queue.begin(new) else { panic!("not begun") };
    main.add(&world.lane("taro@docomo.ne.jp"), "taro@docomo.ne.jp".parse().unwrap(), vec![]).unwrap();
    let joining = Joining {
        main: &main,
        campaign: &"storm".parse().unwrap(),
        tenant: &"school".parse().unwrap(),
        class: Class::Normal,
        pool: &"wide".parse::<PoolName>().unwrap(),
        not_before: None,
        not_after: None,
        sender: None,
        content: &Content::parse(&spec, Dialect::default(), main.message()).unwrap(),
        stored: &stored,
        sample: &Sample::of(None, &Map::new()),
        idempotency: None,
    };
    world.canaries.join(reserved, &joining).unwrap().commit().await;
    main.commit().await.unwrap();
    let canaries = world.canaries.report(None, 9).canaries;
    canaries.iter().find(|seen| seen.mailbox == "docomo-1").unwrap().id
}

fn address(world: &World, mailbox: &str) -> String {
    world.addresses.canary_addresses().unwrap().mint(mailbox).unwrap().to_string()
}

fn state(world: &World, id: NotificationId) -> &'static str {
    world.canaries.seen(id).unwrap().standing
}

#[tokio::test]
async fn whatever_forwarding_leaves_of_a_mail_names_it() {
    let mut world = World::new(MAILBOXES).await;
    world.start();
    let (paths, links) =
        (world.addresses.return_paths().unwrap().clone(), world.addresses.unsubscribe_links().unwrap().clone());
    type Forwarded<'a> = Box<dyn Fn(NotificationId) -> (String, String) + 'a>;
    let forms: [(&str, Forwarded<'_>); 6] = [
        ("the sender is kept", Box::new(|id| (paths.mint(id).to_string(), "Subject: x\r\n".to_owned()))),
        (
            "the Message-ID is kept",
            Box::new(|id| ("f@docomo.ne.jp".into(), format!("Message-ID: <{id}@mx.example.jp>\r\n"))),
        ),
        ("the return path was noted", Box::new(|id| (String::new(), format!("Return-Path: <{}>\r\n", paths.mint(id))))),
        (
            "List-Unsubscribe is kept",
            Box::new(|id| ("f@docomo.ne.jp".into(), format!("List-Unsubscribe: <mailto:{}>\r\n", links.mailbox(id)))),
        ),
        (
            "it was sent anew",
            Box::new(|id| {
                (
                    "f@docomo.ne.jp".into(),
                    format!("Message-ID: <new@x>\r\nReferences: <a@b>\r\n <{id}@mx.example.jp>\r\n"),
                )
            }),
        ),
        (
            "it looks automatic",
            Box::new(|id| {
                (String::new(), format!("Auto-Submitted: auto-generated\r\nMessage-ID: <{id}@mx.example.jp>\r\n"))
            }),
        ),
    ];
    let to = address(&world, "docomo-1");
    assert!(matches!(world.doors().recipient(&to.parse().unwrap(), None), Answer::Admit));
    for (what, forwarded) in &forms {
        let id = sent(&world).await;
        let (sender, fields) = forwarded(id);
        let mail = format!("{fields}From: a@example.jp\r\nSubject: storm\r\n\r\nThe text.\r\n");
        world.comes_from("198.51.100.9", &sender, &[&to.to_ascii_uppercase()], mail.as_bytes()).await;
        world.settled().await;
        assert_eq!(state(&world, id), "arrived", "{what}");
    }
    assert!(world.kept().is_empty(), "canaries are not for people to read");
}

#[tokio::test]
async fn what_names_no_canary_of_this_mailbox_moves_nothing() {
    let mut world = World::new(MAILBOXES).await;
    world.start();
    let id = sent(&world).await;
    let family = world.sent("hana@docomo.ne.jp").await;
    let (one, two) = (address(&world, "docomo-1"), address(&world, "docomo-2"));
    let named = |id: NotificationId| format!("Message-ID: <{id}@mx.example.jp>\r\n\r\nx\r\n");
    let mails = [
        (&two, named(id)),
        (&one, named(family)),
        (&one, "Subject: an advertisement\r\n\r\nx\r\n".to_owned()),
        (&one, mails::bounce("canary-1@docomo.ne.jp", "5.1.1", &named(id))),
    ];
    for (to, mail) in mails {
        world.comes_from("198.51.100.9", "f@docomo.ne.jp", &[to.as_str()], mail.as_bytes()).await;
    }
    world.settled().await;
    assert_eq!(state(&world, id), "queued");
    assert!(world.kept().is_empty());
    assert_eq!(world.reason("canary-1@docomo.ne.jp"), None);
}

#[tokio::test]
async fn nobody_is_let_in_at_an_address_that_we_did_not_mint_or_that_forwards_no_more() {
    let world = World::new(MAILBOXES).await;
    let good = address(&world, "docomo-1");
    let other_name = good.replace("docomo-1", "docomo-2");
    let cut = good.replacen('.', ".a", 1);
    for bad in [
        other_name,
        cut,
        address(&world, "docomo-app"),
        address(&world, "docomo-9"),
        "canary+@bounce.example.jp".to_owned(),
    ] {
        let answer = world.doors().recipient(&bad.parse().unwrap(), None);
        assert!(!matches!(answer, Answer::Admit), "{bad}");
    }
}

#[tokio::test]
async fn a_restart_right_after_an_arrival_remembers_it() {
    let mut world = World::new(MAILBOXES).await;
    world.start();
    let id = sent(&world).await;
    let to = address(&world, "docomo-1");
    let mail = format!("Message-ID: <{id}@mx.example.jp>\r\n\r\nx\r\n");
    world.comes_from("198.51.100.9", "f@docomo.ne.jp", &[&to], mail.as_bytes()).await;
    world.settled().await;
    world.crash().await;
    let again = world.canaries_anew();
    assert_eq!(again.seen(id).unwrap().standing, "arrived");
}
