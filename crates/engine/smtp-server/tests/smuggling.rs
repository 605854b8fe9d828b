//! A mail that hides another one, in every chunking, through the real listener: it is never two mails.

mod kit;

use kit::{Client, Server};

/// Ends of data that some receiver was found to accept, beside the only right one.
const ENDS: [&[u8]; 18] = [
    b"\n.\n",
    b"\n.\r",
    b"\r.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\n",
    b"\r\r\n.\r\r\n",
    b"\n\n.\r\n",
    b"\n\r.\n\r",
    b"\r\n\r.\r\n",
    b"\r\n.\n\r\n",
    b"\r\n\x0b.\r\n\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
];
const HIDDEN: &[u8] =
    b"MAIL FROM:<x@example.jp>\r\nRCPT TO:<b+2@bounce.example.jp>\r\nDATA\r\nSubject: hidden\r\n\r\nx\r\n.\r\n";

fn mail_with(end: &[u8]) -> Vec<u8> {
    [b"Subject: a\r\n\r\nbody", end, HIDDEN].concat()
}

/// Every single cut, and every size of equal pieces.
fn chunkings(wire: &[u8]) -> Vec<Vec<&[u8]>> {
    let cuts = (1..wire.len()).map(|at| vec![&wire[..at], &wire[at..]]);
    cuts.chain((1..=wire.len()).map(|size| wire.chunks(size).collect())).collect()
}

async fn send(client: &mut Client, pieces: &[&[u8]]) {
    for piece in pieces {
        client.say(piece).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_mail_is_never_a_mail() {
    let server = Server::start(|settings| settings.messages_per_session_max = 1_000_000);
    let mut tried = 0;
    for end in ENDS.iter().filter(|end| !end.contains(&0)) {
        let wire = mail_with(end);
        for pieces in chunkings(&wire) {
            let mut client = server.in_data().await;
            send(&mut client, &pieces).await;
            let heard = client.rest().await;
            let shown = (end.escape_ascii().to_string(), pieces.len());
            // Refused once, after the real end, and nothing behind it was read.
            assert_eq!(heard, ["550 5.5.2 Bare CR or LF in the mail"], "{shown:?}");
            tried += 1;
        }
    }
    assert!(server.mails().is_empty());
    assert!(tried > 16 * 200, "{tried}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nul_beside_the_dot_is_content_of_one_mail() {
    let server = Server::start(|settings| settings.messages_per_session_max = 1_000_000);
    for end in ENDS.iter().filter(|end| end.contains(&0)) {
        let wire = mail_with(end);
        // The dot that a NUL follows begins its line, and is taken off it.
        let middle = if end[2] == b'.' { b"\r\n\0\r\n" } else { *end };
        let kept = [&b"Subject: a\r\n\r\nbody"[..], middle, HIDDEN].concat();
        let mut client = server.client().await;
        for pieces in chunkings(&wire) {
            client.begin_mail().await;
            send(&mut client, &pieces).await;
            client.expect("250 2.6.0").await;
            let mails = std::mem::take(&mut *server.shelf.mails.lock());
            assert_eq!(mails.len(), 1);
            assert_eq!(mails[0].content, kept[..kept.len() - 3], "{}", end.escape_ascii());
        }
        client.ask("QUIT\r\n", "221").await;
    }
}

#[tokio::test]
async fn two_mails_of_an_honest_client_are_two_mails() {
    let server = Server::start(|_| {});
    let mut client = server.in_data().await;
    client.say("one\r\n.\r\nMAIL FROM:<x@example.jp>\r\nRCPT TO:<b+2@bounce.example.jp>\r\nDATA\r\n").await;
    for code in ["250 2.6.0", "250", "250", "354"] {
        client.expect(code).await;
    }
    client.ask("two\r\n.\r\nQUIT\r\n", "250 2.6.0").await;
    client.expect("221").await;
    assert_eq!(server.mails().len(), 2);
}

#[tokio::test]
async fn a_command_with_a_line_end_of_its_own_ends_the_session_unheard() {
    let server = Server::start(|_| {});
    for line in ["MAIL FROM:<>\nRCPT TO:<b+1@bounce.example.jp>\r\n", "NOOP\rNOOP\r\n", "RSET\r\r\n", "\nQUIT\r\n"] {
        let mut client = server.client().await;
        client.say(line).await;
        assert_eq!(client.rest().await, ["500 5.5.2 Bare CR or LF in a command"], "{line:?}");
    }
}
