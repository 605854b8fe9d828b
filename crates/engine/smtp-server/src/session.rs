//! One peer from its first byte to its last: waits for bytes within the time limits, keeps mails, shakes hands.

use std::convert::Infallible;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mail_model::MonoUs;
use telemetry::{InboundMailKept, InboundSessionClosed, InboundSessionOpened, InboundTlsFailed, InboundTurnedAway};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::conversation::{Around, Conversation, Step, say};
use crate::doors::{Accepted, Doorkeeper, Store, Stored};
use crate::gate::Seat;
use crate::house::House;
use crate::line::Line;
use crate::pace::Pace;
use crate::tls::Tls;
use crate::why::Why;

/// Serves one peer to its end.
pub(crate) async fn attend<D: Doorkeeper, S: Store>(house: Arc<House<D, S>>, tcp: TcpStream, peer: IpAddr, seat: Seat) {
    // Replies are small and waited for; without this they could wait 40 ms for the peer's delayed ACK.
    let _ = tcp.set_nodelay(true);
    let mut session = Session::new(house, tcp, peer, seat);
    let ControlFlow::Break(why) = session.converse().await;
    session.why = Some(why);
    session.farewell(why).await;
}

struct Session<D, S> {
    house: Arc<House<D, S>>,
    peer: IpAddr,
    line: Line,
    seat: Seat,
    conversation: Conversation,
    input: BytesMut,
    output: BytesMut,
    began: MonoUs,
    /// Since when we wait: for a whole command line, or for any byte of a mail.
    since: MonoUs,
    /// While a mail comes in.
    pace: Option<Pace>,
    why: Option<Why>,
}

impl<D: Doorkeeper, S: Store> Session<D, S> {
    fn new(house: Arc<House<D, S>>, tcp: TcpStream, peer: IpAddr, seat: Seat) -> Self {
        InboundSessionOpened { peer }.emit();
        let now = house.clock.mono();
        Self {
            conversation: Conversation::new(Arc::clone(&house.settings), peer, house.tls.is_some()),
            house,
            peer,
            line: Line::new(tcp),
            seat,
            input: BytesMut::new(),
            output: BytesMut::new(),
            began: now,
            since: now,
            pace: None,
            why: None,
        }
    }

    async fn converse(&mut self) -> ControlFlow<Why, Infallible> {
        self.greet().await?;
        loop {
            let mut around = Around { doors: &*self.house.doors, seat: &mut self.seat, clock: &self.house.clock };
            match self.conversation.turn(&mut self.input, &mut self.output, &mut around) {
                Step::Read => {
                    self.send().await?;
                    self.wait().await?;
                }
                Step::Store(mail) => self.keep(*mail).await,
                Step::StartTls => self.upgrade().await?,
                Step::Close(why) => return ControlFlow::Break(why),
            }
        }
    }

    /// Listens before it speaks: who sends before the greeting does not speak SMTP, or does not care for replies.
    async fn greet(&mut self) -> ControlFlow<Why> {
        if let Some(line) = self.house.doors.may_connect(self.peer).line() {
            InboundTurnedAway { peer: self.peer, limit: "doorkeeper" }.emit();
            say(&mut self.output, line);
            return ControlFlow::Break(Why::Doorkeeper);
        }
        match timeout(self.house.settings.greeting_delay, self.line.read(&mut self.input)).await {
            Ok(Ok(0) | Err(_)) => return ControlFlow::Break(Why::PeerLeft),
            Ok(Ok(_)) => return self.end(Why::EarlyTalk),
            Err(_) => {}
        }
        let greeting = format!("220 {} ESMTP", self.house.settings.host_name());
        say(&mut self.output, &greeting);
        self.since = self.house.clock.mono();
        ControlFlow::Continue(())
    }

    /// Ends the session for a reason that the conversation does not know.
    fn end(&mut self, why: Why) -> ControlFlow<Why> {
        if let Some(words) = why.last_words() {
            say(&mut self.output, words);
        }
        ControlFlow::Break(why)
    }

    async fn send(&mut self) -> ControlFlow<Why> {
        if self.output.is_empty() {
            return ControlFlow::Continue(());
        }
        let output = std::mem::take(&mut self.output);
        match timeout(self.house.settings.idle_max, self.line.write(&output)).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            Ok(Err(_)) => ControlFlow::Break(Why::PeerLeft),
            Err(_) => ControlFlow::Break(Why::Stalled),
        }
    }

    /// Waits for more bytes, for no longer than the nearest limit.
    async fn wait(&mut self) -> ControlFlow<Why> {
        // A peer that is waited for holds no more than what it sent: the rest of a large read's buffer goes back.
        self.input = BytesMut::from(&self.input[..]);
        let in_content = self.conversation.is_in_content();
        let (left, limit) = match self.patience(in_content) {
            ControlFlow::Continue(nearest) => nearest,
            ControlFlow::Break(why) => return self.end(why),
        };
        let read = timeout(left, self.line.read(&mut self.input));
        let outcome = tokio::select! {
            biased;
            () = self.house.stop.cancelled(), if !in_content => None,
            outcome = read => Some(outcome),
        };
        match outcome {
            None => self.end(Why::Stop),
            Some(Ok(Ok(0) | Err(_))) => ControlFlow::Break(Why::PeerLeft),
            Some(Ok(Ok(bytes))) => {
                if let Some(pace) = &mut self.pace {
                    pace.add(bytes);
                    self.since = self.house.clock.mono();
                }
                ControlFlow::Continue(())
            }
            // The end of a window is judged when the next wait begins.
            Some(Err(_)) if limit == Why::Slow => ControlFlow::Continue(()),
            Some(Err(_)) => self.end(limit),
        }
    }

    /// How long to wait and what it means when nothing comes, or the limit that is passed already.
    fn patience(&mut self, in_content: bool) -> ControlFlow<Why, (Duration, Why)> {
        let settings = &self.house.settings;
        let now = self.house.clock.mono();
        if in_content && self.pace.is_none() {
            self.pace = Some(Pace::new(settings.data_rate_min_bytes_per_s, settings.data_rate_window, now));
            self.since = now;
        } else if !in_content {
            self.pace = None;
        }
        if self.conversation.take_has_moved() {
            self.since = now;
        }
        let session = (settings.session_max.saturating_sub(now.since(self.began)), Why::Session);
        let idle = (settings.idle_max.saturating_sub(now.since(self.since)), Why::Idle);
        let mut nearest = if idle.0 < session.0 { idle } else { session };
        if let Some(pace) = &mut self.pace {
            if pace.is_too_slow(now) {
                return ControlFlow::Break(Why::Slow);
            }
            if pace.left(now) < nearest.0 {
                nearest = (pace.left(now), Why::Slow);
            }
        }
        if nearest.0.is_zero() { ControlFlow::Break(nearest.1) } else { ControlFlow::Continue(nearest) }
    }

    async fn keep(&mut self, mail: Accepted) {
        let began = self.house.clock.mono();
        let (bytes, recipients) = (mail.content.len(), mail.recipients.len());
        // On the heap, so that a session that waits for its peer does not carry the room for this.
        let kept = Box::pin(timeout(self.house.settings.store_wait_max, self.house.store.store(mail)));
        let stored = kept.await.unwrap_or(Stored::Failed);
        self.since = self.house.clock.mono();
        if stored == Stored::Done {
            let (tls, took) = (self.conversation.is_encrypted(), self.since.since(began));
            InboundMailKept { peer: self.peer, tls, bytes, recipients, took }.emit();
        }
        self.conversation.stored(stored, &mut self.output, &mut self.seat);
    }

    async fn upgrade(&mut self) -> ControlFlow<Why> {
        let acceptor = self.house.tls.as_ref().map(Tls::acceptor);
        let Some(acceptor) = acceptor.filter(|_| self.seat.begin_handshake()) else {
            InboundTlsFailed { peer: self.peer, why: "busy" }.emit();
            say(&mut self.output, "454 4.7.0 TLS is not available now");
            return ControlFlow::Continue(());
        };
        say(&mut self.output, "220 2.0.0 Go on in TLS");
        self.send().await?;
        let handshake = timeout(self.house.settings.handshake_wait_max, self.line.upgrade(acceptor));
        let outcome = Box::pin(handshake).await;
        self.seat.end_handshake();
        let trouble = match outcome {
            Ok(Ok(())) => {
                self.conversation.begin_encrypted();
                return ControlFlow::Continue(());
            }
            Ok(Err(_)) => "handshake",
            Err(_) => "slow",
        };
        InboundTlsFailed { peer: self.peer, why: trouble }.emit();
        ControlFlow::Break(Why::Tls)
    }

    /// Says what is left to say and closes.
    async fn farewell(&mut self, why: Why) {
        if matches!(why, Why::PeerLeft | Why::Stalled | Why::Tls) || self.send().await.is_break() {
            return;
        }
        self.line.close(why != Why::Quit).await;
    }
}

impl<D, S> Drop for Session<D, S> {
    fn drop(&mut self) {
        let died = if std::thread::panicking() { Why::Panic } else { Why::Stop };
        InboundSessionClosed {
            peer: self.peer,
            tls: self.conversation.is_encrypted(),
            mails: self.conversation.kept(),
            lasted: self.house.clock.mono().since(self.began),
            why: self.why.unwrap_or(died).label(),
        }
        .emit();
    }
}

#[cfg(test)]
mod tests {
    use clock::Clock;
    use mail_model::EmailAddress;
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::doors::Answer;
    use crate::gate::Gate;
    use crate::settings::Settings;

    struct Nobody;

    impl Doorkeeper for Nobody {
        fn recipient(&self, _: &EmailAddress, _: Option<&EmailAddress>) -> Answer {
            Answer::Admit
        }
    }

    struct Roomy;

    impl Store for Roomy {
        async fn store(&self, mail: Accepted) -> Stored {
            let room = [0u8; 16_384];
            tokio::task::yield_now().await;
            if room.len() > mail.content.len() { Stored::Done } else { Stored::Full }
        }
    }

    #[tokio::test]
    async fn a_session_that_waits_is_small_however_much_its_store_needs() {
        let settings = Arc::new(Settings::new("mx.example.jp").unwrap());
        let gate = Gate::new(&settings);
        let house = Arc::new(House {
            settings,
            doors: Arc::new(Nobody),
            store: Arc::new(Roomy),
            tls: None,
            clock: Clock::system(),
            stop: CancellationToken::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let seat = gate.enter([127, 0, 0, 1].into(), house.clock.mono()).unwrap();
        let bytes = size_of_val(&attend(house, tcp, [127, 0, 0, 1].into(), seat));
        assert!(bytes <= 2_048, "{bytes}");
    }
}
