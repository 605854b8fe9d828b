//! Peers who take their time, say nothing, read nothing, or talk too early (IN-02, IN-13).

mod kit;

use std::time::Duration;

use kit::{Client, Server};
use smtp_server::Settings;
use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_millis(400);
const LATE: Duration = Duration::from_secs(60);

/// Limits that only the one under test can reach.
fn patient(settings: &mut Settings) {
    (settings.idle_max, settings.session_max, settings.data_rate_window) = (LATE, LATE, LATE);
}

/// Sends one byte after another until the server closes; gives what it said.
async fn trickle(client: &mut Client, byte: u8) -> Vec<String> {
    loop {
        match timeout(SOON / 40, client.line()).await {
            Ok(Some(line)) => return [vec![line], client.rest().await].concat(),
            Ok(None) => return Vec::new(),
            Err(_) => client.say([byte]).await,
        }
    }
}

#[tokio::test]
async fn a_silent_peer_is_sent_away() {
    let server = Server::start(|settings| {
        patient(settings);
        settings.idle_max = SOON;
    });
    let mut client = server.client().await;
    assert_eq!(client.rest().await, ["421 4.4.2 Waited too long"]);
    let mut in_data = server.in_data().await;
    in_data.say("half a mail\r\n.").await;
    assert_eq!(in_data.rest().await, ["421 4.4.2 Waited too long"]);
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_command_byte_by_byte_does_not_prolong_the_wait_for_the_command() {
    let server = Server::start(|settings| {
        patient(settings);
        settings.idle_max = SOON;
    });
    let mut client = server.client().await;
    let heard = trickle(&mut client, b'N').await;
    assert_eq!(heard, ["421 4.4.2 Waited too long"]);
}

#[tokio::test]
async fn a_mail_byte_by_byte_is_sent_away_for_its_rate() {
    let server = Server::start(|settings| {
        patient(settings);
        (settings.data_rate_window, settings.data_rate_min_bytes_per_s) = (SOON, 10_000);
    });
    let mut client = server.in_data().await;
    let heard = trickle(&mut client, b'a').await;
    assert_eq!(heard, ["421 4.4.2 This mail comes too slowly"]);
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_mail_that_is_fast_enough_may_take_many_windows() {
    let server = Server::start(|settings| {
        patient(settings);
        (settings.data_rate_window, settings.data_rate_min_bytes_per_s) = (SOON * 2, 1);
    });
    let mut client = server.in_data().await;
    for _ in 0..20 {
        client.say([b'a'; 500]).await;
        sleep(SOON / 4).await;
    }
    client.ask("\r\n.\r\n", "250 2.6.0").await;
}

#[tokio::test]
async fn a_busy_session_ends_nevertheless() {
    let server = Server::start(|settings| {
        patient(settings);
        settings.session_max = SOON * 3;
        settings.useless_commands_max = u32::MAX;
    });
    let mut client = server.client().await;
    loop {
        client.say("NOOP\r\n").await;
        let reply = client.reply().await;
        if reply.starts_with("421") {
            assert_eq!(reply, "421 4.4.2 The session took too long");
            break;
        }
        assert!(reply.starts_with("250"), "{reply:?}");
    }
    client.expect_end().await;
}

#[tokio::test]
async fn a_peer_who_reads_no_replies_is_given_up() {
    let server = Server::start(|settings| {
        patient(settings);
        settings.idle_max = SOON;
        (settings.useless_commands_max, settings.sessions_max) = (u32::MAX, 1);
    });
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let tcp = socket.connect(server.address).await.unwrap();
    let commands = "HELP\r\n".repeat(10_000);
    // Ends when the server has closed: until then the writes wait.
    while tcp.writable().await.is_ok() {
        match tcp.try_write(commands.as_bytes()) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    drop(tcp);
    next_in(&server).await.deliver().await;
}

/// The next client that gets the only seat, which is given back a moment after its socket.
async fn next_in(server: &Server) -> Client {
    loop {
        let mut client = Client::connect(server.address).await;
        if client.reply().await.starts_with("220") {
            client.ask("EHLO peer.example\r\n", "250").await;
            return client;
        }
        sleep(SOON / 10).await;
    }
}

#[tokio::test]
async fn a_peer_who_vanishes_in_the_middle_leaves_no_mail_and_no_seat_behind() {
    let server = Server::start(|settings| settings.sessions_max = 1);
    for words in ["MAIL FR", "MAIL FROM:<>\r\nRCPT TO:<b+1@bounce.example.jp>\r\nDATA\r\n"] {
        let mut client = next_in(&server).await;
        client.say(words).await;
    }
    let mut client = next_in(&server).await;
    client.begin_mail().await;
    client.say("Subject: a\r\n\r\nhalf").await;
    drop(client);
    next_in(&server).await.deliver().await;
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_peer_who_ends_his_side_first_still_hears_the_reply() {
    let server = Server::start(|_| {});
    let mut client = server.in_data().await;
    client.say("a\r\n.\r\n").await;
    client.shut().await;
    assert_eq!(client.rest().await, ["250 2.6.0 Taken"]);
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn who_speaks_before_the_greeting_is_sent_away() {
    let server = Server::start(|settings| settings.greeting_delay = LATE);
    for words in [&b"EHLO peer.example\r\n"[..], b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00", b"\r\n"] {
        let mut client = Client::connect(server.address).await;
        client.say(words).await;
        assert_eq!(client.rest().await, ["554 5.5.0 Wait for the greeting"]);
    }
}

#[tokio::test]
async fn who_waits_for_the_greeting_gets_it() {
    let server = Server::start(|settings| settings.greeting_delay = SOON / 10);
    server.client().await.deliver().await;
}
