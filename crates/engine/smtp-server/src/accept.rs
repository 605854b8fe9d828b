//! The listeners: give a seat to who may have one, turn away the others, back off when descriptors run out, stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use telemetry::{InboundAcceptFailed, InboundSessionPanicked, InboundTurnedAway};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::doors::{Doorkeeper, Store};
use crate::gate::Gate;
use crate::house::House;
use crate::session::attend;
use crate::settings::Settings;
use crate::tls::Tls;

/// Connections that the kernel holds for us while we are busy.
const BACKLOG: i32 = 1_024;
const BACK_OFF_MIN: Duration = Duration::from_millis(10);
const BACK_OFF_MAX: Duration = Duration::from_secs(1);
const TURNED_AWAY: &[u8] = b"421 4.7.0 Too many connections, come again later\r\n";

/// A listening socket. An IPv6 one takes IPv6 only, so that both families can listen on one port. Needs a runtime.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for the last sessions' sockets to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Takes mail on `listeners` until `stop` completes, then lets mails that are coming in arrive within
/// [`Settings::drain_max`]. Sessions that wait for their peer are told to come again (421).
///
/// No peer ends it, whatever he sends, and neither does a want of descriptors or memory. Dropping the future closes
/// everything at once.
pub async fn serve<D: Doorkeeper, S: Store>(
    listeners: Vec<TcpListener>,
    settings: Arc<Settings>,
    doorkeeper: Arc<D>,
    store: Arc<S>,
    tls: Option<Tls>,
    clock: Clock,
    stop: impl Future<Output = ()>,
) {
    let gate = Gate::new(&settings);
    let stopping = CancellationToken::new();
    let house = Arc::new(House { settings, doors: doorkeeper, store, tls, clock, stop: stopping.clone() });
    let mut loops = JoinSet::new();
    for listener in listeners {
        loops.spawn(accept(listener, Arc::clone(&gate), Arc::clone(&house)));
    }
    stop.await;
    stopping.cancel();
    while loops.join_next().await.is_some() {}
}

async fn accept<D: Doorkeeper, S: Store>(listener: TcpListener, gate: Arc<Gate>, house: Arc<House<D, S>>) {
    let mut sessions = JoinSet::new();
    let mut back_off = BACK_OFF_MIN;
    loop {
        let accepted = tokio::select! {
            () = house.stop.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(ended) = sessions.join_next() => {
                note(ended);
                continue;
            }
        };
        match accepted {
            Ok((stream, peer)) => {
                back_off = BACK_OFF_MIN;
                let peer = peer.ip().to_canonical();
                match gate.enter(peer, house.clock.mono()) {
                    Ok(seat) => {
                        sessions.spawn(attend(Arc::clone(&house), stream, peer, seat));
                    }
                    Err(turned_away) => {
                        InboundTurnedAway { peer, limit: turned_away.label() }.emit();
                        turn_away(&stream);
                    }
                }
            }
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                InboundAcceptFailed { error: &error.kind(), pause: back_off }.emit();
                // The stop must be seen while file descriptors are short, too.
                tokio::select! {
                    () = house.stop.cancelled() => break,
                    () = tokio::time::sleep(back_off) => {}
                }
                back_off = (back_off * 2).min(BACK_OFF_MAX);
            }
        }
    }
    drop(listener);
    let drained = async {
        while let Some(ended) = sessions.join_next().await {
            note(ended);
        }
    };
    if tokio::time::timeout(house.settings.drain_max, drained).await.is_err() {
        sessions.shutdown().await;
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        InboundSessionPanicked.emit();
    }
}

/// One line into the socket's empty buffer: it costs no wait. A peer that is gone already has lost nothing.
fn turn_away(stream: &TcpStream) {
    let _ = SockRef::from(stream).send(TURNED_AWAY);
}

/// A peer who left before he was accepted; every other error is ours (EMFILE, ENFILE, ENOBUFS, ENOMEM).
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_descriptors_is_ours_and_a_peer_who_left_is_not() {
        // EMFILE, ENFILE, ENOBUFS, ENOMEM; ECONNABORTED, ECONNRESET, EINTR on Linux.
        for (number, peers) in
            [(24, false), (23, false), (105, false), (12, false), (103, true), (104, true), (4, true)]
        {
            assert_eq!(is_the_peers(&io::Error::from_raw_os_error(number)), peers, "{number}");
        }
    }
}
