//! Everything that ever made a server pass mail on, as recipients: none of them comes in.

mod kit;

use kit::Server;

/// Paths as they stand in RCPT, and how each reply begins.
const FORMS: [(&str, &str); 48] = [
    ("<victim@example.com>", "550 5.7.1"),
    ("<victim@EXAMPLE.COM>", "550 5.7.1"),
    ("<victim@bounce.example.jp.example.com>", "550 5.7.1"),
    ("<victim@xbounce.example.jp>", "550 5.7.1"),
    ("<victim@sub.bounce.example.jp>", "550 5.7.1"),
    ("<victim@localhost>", "550 5.7.1"),
    ("<victim>", "550 5.7.1"),
    ("<root>", "550 5.7.1"),
    ("<abuse>", "550 5.7.1"),
    ("<victim@>", "550 5.7.1"),
    ("<@example.com>", "550 5.7.1"),
    ("<@>", "550 5.7.1"),
    ("<>", "501 5.1.3"),
    ("< >", "550 5.7.1"),
    ("<victim%example.com@bounce.example.jp>", "550 5.1.1"),
    ("<victim%example.com@mx.example.jp>", "550 5.1.1"),
    ("<victim%example.com>", "550 5.7.1"),
    ("<b+1%example.com@bounce.example.jp>", "550 5.1.1"),
    ("<victim%example.com@[127.0.0.1]>", "550 5.7.1"),
    ("<\"victim%example.com\"@bounce.example.jp>", "550 5.1.1"),
    ("<\"victim@example.com\">", "550 5.7.1"),
    ("<\"victim@example.com\"@bounce.example.jp>", "550 5.1.1"),
    ("<\"victim@example.com\"@mx.example.jp>", "550 5.1.1"),
    ("<victim@example.com@bounce.example.jp>", "550 5.7.1"),
    ("<b+1@bounce.example.jp@example.com>", "550 5.7.1"),
    ("<b+1@example.com@bounce.example.jp>", "550 5.7.1"),
    ("<@bounce.example.jp:victim@example.com>", "550 5.7.1"),
    ("<@bounce.example.jp:b+1@bounce.example.jp>", "550 5.7.1"),
    ("<@a.example,@b.example:victim@example.com>", "550 5.7.1"),
    ("<@[127.0.0.1]:victim@example.com>", "550 5.7.1"),
    ("<@bounce.example.jp,victim@example.com>", "550 5.7.1"),
    ("<victim@[127.0.0.1]>", "550 5.7.1"),
    ("<b+1@[127.0.0.1]>", "550 5.7.1"),
    ("<victim@[IPv6:::1]>", "550 5.7.1"),
    ("<victim@127.0.0.1>", "550 5.7.1"),
    ("<victim@#2130706433>", "550 5.7.1"),
    ("<example.com!victim>", "550 5.7.1"),
    ("<example.com!victim@bounce.example.jp>", "550 5.1.1"),
    ("<bounce.example.jp!example.com!victim>", "550 5.7.1"),
    ("<\"\\\"victim@example.com\\\"\"@bounce.example.jp>", "550 5.1.1"),
    ("<\"\"victim@example.com\"\"@bounce.example.jp>", "550 5.7.1"),
    ("<victim:example.com@bounce.example.jp>", "550 5.7.1"),
    ("<victim@example.com,b+1@bounce.example.jp>", "550 5.7.1"),
    ("<victim@example.com b+1@bounce.example.jp>", "550 5.7.1"),
    ("<|/bin/sh@bounce.example.jp>", "550 5.1.1"),
    ("<b+1@bounce.example.jp> <victim@example.com>", "555 5.5.4"),
    ("<b+1@bounce.example.jp><victim@example.com>", "501 5.5.4"),
    ("victim@example.com", "501 5.5.4"),
];

#[tokio::test]
async fn no_form_of_a_foreign_recipient_is_taken() {
    let server = Server::start(|settings| {
        settings.unknown_recipients_max = 10_000;
        settings.bad_commands_max = 10_000;
    });
    let senders = ["<>", "<victim@example.com>", "<b+1@bounce.example.jp>", "<postmaster@mx.example.jp>"];
    for sender in senders {
        let mut client = server.client().await;
        client.ask(format!("MAIL FROM:{sender}\r\n"), "250").await;
        for (path, expected) in FORMS {
            let reply = client.ask(format!("RCPT TO:{path}\r\n"), "5").await;
            assert!(reply.starts_with(expected), "{path} from {sender}: {reply}");
        }
        client.ask("DATA\r\n", "554 5.5.1").await;
    }
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn the_postmaster_is_always_reached() {
    let server = Server::start(|_| {});
    let mut client = server.client().await;
    client.ask("MAIL FROM:<>\r\n", "250").await;
    for path in
        ["<postmaster>", "<Postmaster>", "<POSTMASTER>", "<postmaster@mx.example.jp>", "<postmaster@MX.Example.JP>"]
    {
        client.ask(format!("RCPT TO:{path}\r\n"), "250").await;
    }
    client.ask("DATA\r\n", "354").await;
    client.ask("Subject: a\r\n.\r\n", "250 2.6.0").await;
    let mails = server.mails();
    let recipients: Vec<&str> = mails[0].recipients.iter().map(|address| address.as_str()).collect();
    assert_eq!(recipients, ["postmaster@mx.example.jp"]);
}
