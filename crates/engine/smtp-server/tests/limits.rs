//! Who may come in, how many, how often, and how much they may hold.

mod kit;

use kit::{Client, Server};

const TURNED_AWAY: &str = "421 4.7.0 Too many connections";

async fn is_turned_away(mut client: Client) {
    client.expect(TURNED_AWAY).await;
    client.expect_end().await;
}

#[tokio::test]
async fn when_every_seat_is_taken_the_next_one_is_turned_away_until_one_is_free() {
    let server = Server::start(|settings| settings.sessions_max = 2);
    let mut first = server.client().await;
    let mut second = server.client().await;
    is_turned_away(Client::connect(server.address).await).await;
    first.ask("QUIT\r\n", "221").await;
    first.expect_end().await;
    // The seat is given back a moment after the socket.
    loop {
        let mut third = Client::connect(server.address).await;
        if third.reply().await.starts_with("220") {
            break;
        }
    }
    second.deliver().await;
}

#[tokio::test]
async fn one_address_does_not_take_the_seats_of_another() {
    let server = Server::start(|settings| settings.sessions_per_address_max = 1);
    let mut first = Client::connect_from([127, 0, 0, 2], server.address).await;
    first.expect("220").await;
    is_turned_away(Client::connect_from([127, 0, 0, 2], server.address).await).await;
    Client::connect_from([127, 0, 0, 3], server.address).await.expect("220").await;
}

#[tokio::test]
async fn one_network_does_not_take_the_seats_of_another() {
    let server = Server::start(|settings| settings.sessions_per_network_max = 2);
    let mut held = Vec::new();
    for host in [2, 3] {
        let mut client = Client::connect_from([127, 0, 0, host], server.address).await;
        client.expect("220").await;
        held.push(client);
    }
    is_turned_away(Client::connect_from([127, 0, 0, 4], server.address).await).await;
    Client::connect_from([127, 0, 1, 4], server.address).await.expect("220").await;
}

#[tokio::test]
async fn a_network_that_comes_too_often_is_turned_away() {
    let server = Server::start(|settings| settings.sessions_per_network_per_min = 2);
    for host in [2, 3] {
        Client::connect_from([127, 0, 0, host], server.address).await.expect("220").await;
    }
    is_turned_away(Client::connect_from([127, 0, 0, 4], server.address).await).await;
    Client::connect_from([127, 0, 1, 4], server.address).await.expect("220").await;
}

#[tokio::test]
async fn the_doorkeeper_has_the_first_word() {
    let server = Server::start(|_| {});
    *server.doors.banned.lock() = Some([127, 0, 0, 9].into());
    let mut banned = Client::connect_from([127, 0, 0, 9], server.address).await;
    assert_eq!(banned.rest().await, ["554 5.7.1 Not from there"]);
    server.client().await.deliver().await;
}

#[tokio::test]
async fn content_is_bounded_over_all_sessions_and_what_does_not_fit_comes_later() {
    let server = Server::start(|settings| {
        settings.message_bytes_max = 20_000;
        settings.content_bytes_max = 30_000;
    });
    let line = "x".repeat(998) + "\r\n";
    let mut first = server.in_data().await;
    let mut second = server.in_data().await;
    first.say(line.repeat(18)).await;
    // The second one's mail needs as much again: it is refused at its end, and the session goes on.
    second.say(line.repeat(18)).await;
    let mut third = loop {
        let mut client = server.client().await;
        client.ask("MAIL FROM:<>\r\n", "250").await;
        client.ask("RCPT TO:<b+1@bounce.example.jp>\r\n", "250").await;
        let reply = client.ask("DATA\r\n", "").await;
        if reply.starts_with("452 4.3.1") {
            break client;
        }
    };
    second.say("\r\n.\r\n").await;
    first.say("\r\n.\r\n").await;
    let replies = [first.reply().await, second.reply().await];
    let taken = replies.iter().filter(|reply| reply.starts_with("250 2.6.0")).count();
    let put_off = replies.iter().filter(|reply| reply.starts_with("452 4.3.1")).count();
    assert_eq!((taken, put_off), (1, 1), "{replies:?}");
    for client in [&mut first, &mut second, &mut third] {
        client.deliver().await;
    }
    assert_eq!(server.mails().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_connections_leaves_those_who_are_in_in_peace() {
    let server = Server::start(|settings| settings.sessions_max = 20);
    let mut inside = server.client().await;
    let address = server.address;
    let floods: Vec<_> = (0..4u8)
        .map(|lane| {
            tokio::spawn(async move {
                for n in 0..250u8 {
                    let mut client = Client::connect_from([127, 0, lane, n + 1], address).await;
                    client.say([b'x'; 100]).await;
                }
            })
        })
        .collect();
    for _ in 0..50 {
        inside.deliver().await;
    }
    for flood in floods {
        flood.await.unwrap();
    }
    inside.deliver().await;
    assert_eq!(server.mails().len(), 51);
}
