//! A mail is acknowledged when it is durable, and at no other time; what happens when the listener stops.

mod kit;

use std::time::Duration;

use kit::Server;
use smtp_server::Stored;
use tokio::time::timeout;

const MAIL: &str = "Subject: a\r\n\r\nbody\r\n.\r\n";

#[tokio::test]
async fn there_is_no_250_before_the_store_has_the_mail() {
    let server = Server::start(|_| {});
    server.shelf.gate.forget_permits(usize::MAX);
    let mut client = server.in_data().await;
    client.say(MAIL).await;
    server.shelf.arrived.acquire().await.unwrap().forget();
    assert!(timeout(Duration::from_millis(50), client.line()).await.is_err(), "nothing is said while it is stored");
    server.shelf.gate.add_permits(1);
    client.expect("250 2.6.0").await;
    let mails = server.mails();
    assert_eq!((mails.len(), mails[0].helo.as_str(), mails[0].tls), (1, "peer.example", false));
    assert_eq!(mails[0].peer, std::net::IpAddr::from([127, 0, 0, 1]));
    assert_eq!(mails[0].content, "Subject: a\r\n\r\nbody\r\n");
}

#[tokio::test]
async fn a_store_that_takes_too_long_is_no_250() {
    let server = Server::start(|settings| settings.store_wait_max = Duration::from_millis(50));
    server.shelf.gate.forget_permits(usize::MAX);
    let mut client = server.in_data().await;
    client.ask(MAIL, "451 4.3.0").await;
    server.shelf.gate.add_permits(10);
    client.deliver().await;
}

#[tokio::test]
async fn after_a_refusal_of_the_store_the_session_goes_on() {
    let server = Server::start(|_| {});
    let mut client = server.client().await;
    for (answer, code) in [(Stored::Full, "452 4.3.1"), (Stored::Failed, "451 4.3.0"), (Stored::Done, "250 2.6.0")] {
        *server.shelf.answer.lock() = answer;
        client.begin_mail().await;
        client.ask(MAIL, code).await;
    }
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_peer_who_leaves_while_his_mail_is_stored_harms_nobody() {
    let server = Server::start(|_| {});
    server.shelf.gate.forget_permits(usize::MAX);
    let mut client = server.in_data().await;
    client.say(MAIL).await;
    server.shelf.arrived.acquire().await.unwrap().forget();
    drop(client);
    server.shelf.gate.add_permits(10);
    server.client().await.deliver().await;
    assert_eq!(server.mails().len(), 2);
}

#[tokio::test]
async fn a_session_that_panics_takes_no_other_with_it() {
    let server = Server::start(|settings| settings.sessions_max = 2);
    let mut other = server.client().await;
    *server.shelf.panics.lock() = true;
    let mut client = server.in_data().await;
    client.say(MAIL).await;
    assert_eq!(client.rest().await, Vec::<String>::new());
    *server.shelf.panics.lock() = false;
    other.deliver().await;
    // Its seat is free again.
    server.client().await.deliver().await;
}

#[tokio::test]
async fn a_stop_lets_mails_arrive_and_sends_the_others_away() {
    let server = Server::start(|_| {});
    let mut idle = server.client().await;
    let mut begun = server.greeted().await;
    begun.say("EHL").await;
    let mut sending = server.in_data().await;
    sending.say("Subject: a\r\n").await;
    server.stop.cancel();
    assert_eq!(idle.rest().await, ["421 4.3.2 Closing down, come again"]);
    assert_eq!(begun.rest().await, ["421 4.3.2 Closing down, come again"]);
    sending.say("\r\nbody\r\n.\r\n").await;
    assert_eq!(sending.rest().await, ["250 2.6.0 Taken", "421 4.3.2 Closing down, come again"]);
    drop((idle, begun, sending));
    assert_eq!(server.shelf.mails.lock().len(), 1);
    server.task.await.unwrap();
}

#[tokio::test]
async fn a_stop_waits_for_no_mail_longer_than_allowed() {
    let server = Server::start(|settings| settings.drain_max = Duration::from_millis(50));
    let mut sending = server.in_data().await;
    server.stop.cancel();
    server.task.await.unwrap();
    assert_eq!(sending.rest().await, Vec::<String>::new());
}
