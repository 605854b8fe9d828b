//! Carries out what a conversation decides: reads, waits, journals, writes, and misbehaves.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::carrier_state::{CarrierState, Order};
use crate::conversation::Conversation;
use crate::fault::{Action, Outage};
use crate::gate::{Away, AwayHow};
use crate::moment::Moment;
use crate::turn::{Then, Turn};
use crate::wire::Wire;
use crate::words::{Filling, Situation};

/// Bytes that one read may bring; enough for a mail of common size with the next envelope behind it.
const READ_BYTES: usize = 32 * 1024;
/// Words of one line of a blown-up reply.
const LONG_LINE: &[u8] = b"-this carrier has much to say and takes its time to come to the point\r\n";

/// How a session ends.
enum End {
    Close,
    Reset,
    Hang,
}

/// Whether a misbehaving session lives on.
enum Aftermath {
    GoesOn,
    Ends(End),
}

/// Serves one connection until it ends.
pub(crate) async fn serve(stream: TcpStream, source: Ipv4Addr, state: Arc<CarrierState>) {
    let mut orders = state.orders.subscribe();
    let mut wire = Wire::Plain(stream);
    let (end, conversation) = match receive(&mut wire, source, &state).await {
        Ok(mut conversation) => {
            (converse(&mut wire, &mut conversation, source, &state, &mut orders).await, Some(conversation))
        }
        Err(end) => (end, None),
    };
    match end {
        // The guest is gone as soon as the carrier ends it, however long the client takes to notice.
        End::Close => {
            drop(conversation);
            wire.close().await;
        }
        End::Reset => wire.reset(),
        End::Hang => {
            tokio::select! {
                () = wire.drain() => {}
                () = until_reset(&mut orders) => wire.reset(),
            }
        }
    }
}

/// Lets the connection in, or says how it is turned away.
async fn receive(wire: &mut Wire, source: Ipv4Addr, state: &Arc<CarrierState>) -> Result<Conversation, End> {
    let outage = state.orders.borrow().outage;
    let turned_away = match outage {
        Outage::None => None,
        Outage::Refuse | Outage::Reset => return Err(End::Reset),
        Outage::Silent => return Err(End::Hang),
        Outage::Reply => Some(Situation::Outage),
    };
    if let Some(situation) = turned_away {
        return Err(farewell(wire, state, situation, source).await);
    }
    match state.faults.due(Moment::Connect, source) {
        None => {}
        Some(Action::Delay { ms }) => sleep(Duration::from_millis(ms)).await,
        Some(Action::Say(say)) => {
            let _ = wire.write(format!("{say}\r\n").as_bytes()).await;
            return Err(End::Close);
        }
        Some(Action::Reset) => return Err(End::Reset),
        Some(Action::Hang | Action::Tarpit { .. }) => return Err(End::Hang),
        Some(_) => return Err(End::Close),
    }
    match state.gate.connect(source, state.around.clock.mono()) {
        Ok(guest) => Ok(Conversation::new(Arc::clone(state), source, guest)),
        Err(away) => Err(turn_away(wire, state, source, away).await),
    }
}

async fn turn_away(wire: &mut Wire, state: &CarrierState, source: Ipv4Addr, away: Away) -> End {
    if away.after_ms > 0 {
        sleep(Duration::from_millis(away.after_ms)).await;
    }
    let journal = &state.around.journal;
    let end = match away.how {
        AwayHow::Words(situation) => return farewell(wire, state, situation, source).await,
        AwayHow::Reply(reply) => {
            journal.refused(state.index, Moment::Greeting, reply.code);
            let _ = wire.write(format!("{reply}\r\n").as_bytes()).await;
            return End::Close;
        }
        AwayHow::Close => End::Close,
        AwayHow::Reset => End::Reset,
        AwayHow::Hang => End::Hang,
    };
    journal.refused(state.index, Moment::Connect, 0);
    end
}

/// Says a last word.
async fn farewell(wire: &mut Wire, state: &CarrierState, situation: Situation, source: Ipv4Addr) -> End {
    let phrase = state.phrases.get(situation);
    let mut reply = BytesMut::new();
    phrase.write(&mut reply, &Filling { address: "", host: &state.host, source, serial: 0 });
    state.around.journal.refused(state.index, Moment::Greeting, phrase.code);
    let _ = wire.write(&reply).await;
    End::Close
}

async fn converse(
    wire: &mut Wire,
    conversation: &mut Conversation,
    source: Ipv4Addr,
    state: &Arc<CarrierState>,
    orders: &mut watch::Receiver<Order>,
) -> End {
    let mut turn = Turn::default();
    let mut input = BytesMut::with_capacity(READ_BYTES);
    conversation.greet(&mut turn);
    loop {
        match carry_out(wire, &mut turn, state).await {
            Ok(Aftermath::GoesOn) => {}
            Ok(Aftermath::Ends(end)) => return end,
            // The client is gone, or the journal is full: either way nothing more may be said.
            Err(_) => return End::Reset,
        }
        match turn.then {
            Then::Close => return End::Close,
            Then::Tls => {
                if let Err(end) = encrypt(wire, source, state).await {
                    return end;
                }
                input.clear();
                conversation.begin_encrypted();
            }
            Then::Read => {}
        }
        // A misbehaviour stops a conversation in mid-input; otherwise all that was read has been dealt with.
        let has_more = turn.action.is_some() && !input.is_empty();
        turn.clear();
        if !has_more && let Err(end) = read(wire, &mut input, orders).await {
            return end;
        }
        let outage = orders.borrow().outage;
        match outage {
            Outage::None => conversation.turn(&mut input, &mut turn),
            Outage::Silent => return End::Hang,
            Outage::Refuse | Outage::Reset => return End::Reset,
            Outage::Reply => return farewell(wire, state, Situation::Outage, source).await,
        }
    }
}

async fn read(wire: &mut Wire, input: &mut BytesMut, orders: &mut watch::Receiver<Order>) -> Result<(), End> {
    input.reserve(READ_BYTES / 2);
    tokio::select! {
        read = wire.read(input) => match read {
            Ok(1..) => Ok(()),
            _ => Err(End::Close),
        },
        () = until_reset(orders) => Err(End::Reset),
    }
}

/// Returns when open connections must be reset.
async fn until_reset(orders: &mut watch::Receiver<Order>) {
    let is_reset = |order: &Order| order.is_stopped || matches!(order.outage, Outage::Refuse | Outage::Reset);
    // A world that was dropped has no sender any more; its sessions end like those of a stopped one.
    let _ = orders.wait_for(is_reset).await;
}

async fn encrypt(wire: &mut Wire, source: Ipv4Addr, state: &CarrierState) -> Result<(), End> {
    match state.faults.due(Moment::Handshake, source) {
        None => {}
        Some(Action::Delay { ms } | Action::Tarpit { ms_per_byte: ms }) => sleep(Duration::from_millis(ms)).await,
        Some(Action::Hang) => return Err(End::Hang),
        Some(Action::Reset) => return Err(End::Reset),
        Some(Action::Garbage(text) | Action::Say(text)) => {
            let _ = wire.write(text.as_bytes()).await;
            return Err(End::Close);
        }
        Some(_) => return Err(End::Close),
    }
    let Some(acceptor) = &state.tls else { return Err(End::Close) };
    wire.encrypt(acceptor).await.map_err(|_| End::Close)
}

async fn carry_out(wire: &mut Wire, turn: &mut Turn, state: &CarrierState) -> io::Result<Aftermath> {
    let journal = &state.around.journal;
    let mut wait_ms = turn.delay_ms;
    if !turn.replies.is_empty() {
        wait_ms += state.script.latency.round_trip_ms;
    }
    if wait_ms > 0 {
        sleep(Duration::from_millis(wait_ms)).await;
    }
    for (moment, code) in turn.refused.drain(..) {
        journal.refused(state.index, moment, code);
    }
    let places = if turn.copies.is_empty() { 0..0 } else { journal.append(&turn.copies)? };
    let spoiled_from = places.end.saturating_sub(turn.copies_spoiled);
    if !turn.replies.is_empty() {
        wire.write(&turn.replies).await?;
        journal.mark_answered(places.start..spoiled_from);
    }
    let Some(action) = &turn.action else { return Ok(Aftermath::GoesOn) };
    let aftermath = misbehave(wire, action, &turn.spoiled).await?;
    if action.completes_reply() {
        journal.mark_answered(spoiled_from..places.end);
    }
    Ok(aftermath)
}

/// Does what a fault wants with the reply that was due.
async fn misbehave(wire: &mut Wire, action: &Action, reply: &[u8]) -> io::Result<Aftermath> {
    match action {
        Action::Close => return Ok(Aftermath::Ends(End::Close)),
        Action::Reset => return Ok(Aftermath::Ends(End::Reset)),
        Action::Hang => return Ok(Aftermath::Ends(End::Hang)),
        Action::Partial { bytes } => {
            let most = reply.len().saturating_sub(1);
            wire.write(reply.get(..(*bytes).min(most)).unwrap_or_default()).await?;
            return Ok(Aftermath::Ends(End::Close));
        }
        Action::Unended => {
            wire.write(&without_last_line(reply)).await?;
            return Ok(Aftermath::Ends(End::Close));
        }
        Action::Tarpit { ms_per_byte } => {
            for byte in reply.chunks(1) {
                sleep(Duration::from_millis(*ms_per_byte)).await;
                wire.write(byte).await?;
            }
        }
        Action::Delay { ms } => {
            sleep(Duration::from_millis(*ms)).await;
            wire.write(reply).await?;
        }
        Action::Garbage(text) => wire.write(format!("{text}\r\n").as_bytes()).await?,
        Action::Long { bytes } => {
            let line = long_line(reply);
            let mut long = line.repeat(bytes / line.len());
            long.extend_from_slice(reply);
            wire.write(&long).await?;
        }
        Action::Endless => {
            let lines = long_line(reply).repeat(64);
            loop {
                wire.write(&lines).await?;
                sleep(Duration::from_millis(1)).await;
            }
        }
        Action::Inject(text) => wire.write(&[reply, text.as_bytes(), b"\r\n"].concat()).await?,
        // Spoken by the conversation, which goes by its code.
        Action::Say(_) => {}
    }
    Ok(Aftermath::GoesOn)
}

/// A line that begins a reply of the same code without ending it.
fn long_line(reply: &[u8]) -> Vec<u8> {
    [reply.get(..3).unwrap_or(b"250"), LONG_LINE].concat()
}

/// The reply with a hyphen in its last line too.
fn without_last_line(reply: &[u8]) -> Vec<u8> {
    let mut lines = reply.to_vec();
    let last = reply.strip_suffix(b"\r\n").unwrap_or(reply).iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    if let Some(separator) = lines.get_mut(last + 3) {
        *separator = b'-';
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unended_reply_promises_another_line() {
        for (reply, unended) in [("250 Ok\r\n", "250-Ok\r\n"), ("250-a\r\n250 b\r\n", "250-a\r\n250-b\r\n")] {
            assert_eq!(without_last_line(reply.as_bytes()), unended.as_bytes());
        }
    }
}
