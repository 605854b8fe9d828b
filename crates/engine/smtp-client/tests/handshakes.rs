//! Handshakes that go wrong: in clear once where that is allowed, not at all where it is not.

#[path = "../../tls-policy/tests/authority/mod.rs"]
mod authority;
mod carrier;

use std::time::Duration;

use authority::{Authority, Life};
use carrier::{Carrier, MX, PLAIN, STARTTLS, address, greet_in_tls, plan, serve, settle, to};
use smtp_client::{ConnectPlan, Demand, EnvelopeResult, Timeouts, Tls, TlsPolicy, connect};
use tls_policy::{FailureType, MxMatch, TlsResult};

/// What a server does when it should shake hands.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// Resets the connection: it is closed with bytes unread.
    Reset,
    /// A fatal alert of this number.
    Alert(u8),
    /// The beginning of a record, byte by byte, for ever.
    Drip,
    /// Nothing.
    Silence,
}

async fn fail_to_shake(carrier: &Carrier, trouble: Trouble) {
    let mut peer = carrier.greet(STARTTLS).await;
    peer.hear("STARTTLS").await;
    peer.say("220 go\r\n").await;
    match trouble {
        Trouble::Reset => settle().await,
        Trouble::Alert(number) => {
            peer.chunk_bytes().await;
            peer.say_bytes(&[0x15, 3, 1, 0, 2, 2, number]).await;
            peer.rest().await;
        }
        Trouble::Drip => {
            peer.chunk_bytes().await;
            peer.drip(&"\u{16}\u{3}\u{3}".repeat(100), Duration::from_millis(20)).await;
        }
        Trouble::Silence => {
            peer.rest().await;
        }
    }
}

/// Patience with the handshake only.
fn timeouts() -> Timeouts {
    Timeouts { starttls: Duration::from_millis(300), ..Timeouts::default() }
}

// 40 is handshake_failure, 70 is protocol_version: what a server that knows TLS 1.0 only says.
const TROUBLES: [Trouble; 5] =
    [Trouble::Reset, Trouble::Alert(40), Trouble::Alert(70), Trouble::Drip, Trouble::Silence];

#[tokio::test]
async fn an_opportunistic_session_goes_on_in_clear_once() {
    for trouble in TROUBLES {
        for demand in [Demand::Nothing, Demand::Testing(MxMatch::new([MX]))] {
            let (remote, server) = serve(move |carrier| async move {
                fail_to_shake(&carrier, trouble).await;
                let mut peer = carrier.greet(PLAIN).await;
                peer.grant().await;
            })
            .await;
            let plan = ConnectPlan { timeouts: timeouts(), demand, ..plan(remote) };
            let mut session = connect(&plan, &Tls::new()).await.unwrap();
            assert!(session.tls().is_none() && session.fell_back().is_some(), "{trouble:?}");
            let failed = TlsResult::Failure(FailureType::ValidationFailure);
            assert_eq!(session.tls_result(), Some(failed), "{trouble:?}");
            let recipient = address("u@au.com");
            assert_eq!(session.exchange(None, Some(to(&recipient))).await.envelope, Some(EnvelopeResult::Ready));
            server.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_session_that_must_be_encrypted_never_goes_in_clear() {
    for trouble in TROUBLES {
        for (tls, demand) in [
            (TlsPolicy::Required, Demand::Nothing),
            (TlsPolicy::Opportunistic, Demand::Authenticated(MxMatch::new([MX]))),
            (TlsPolicy::Opportunistic, Demand::Encrypted),
        ] {
            let (remote, server) = serve(move |carrier| async move {
                fail_to_shake(&carrier, trouble).await;
                // Nobody is greeted a second time: another connection would wait for ever.
                carrier
            })
            .await;
            let plan = ConnectPlan { timeouts: timeouts(), tls, demand, ..plan(remote) };
            let failure = connect(&plan, &Tls::new()).await.unwrap_err();
            assert_eq!(failure.tls_failure(), Some(FailureType::ValidationFailure), "{trouble:?}");
            server.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_chain_of_sixty_four_certificates_is_no_obstacle() {
    let authority = Authority::new("Test Authority");
    let mut identity = authority.signs(MX, Life::Valid);
    while identity.chain.len() < 64 {
        identity.chain.push(authority.below("Filler").certificate().clone());
    }
    for (demand, is_verified) in [(Demand::Nothing, false), (Demand::Authenticated(MxMatch::new([MX])), true)] {
        let acceptor = identity.acceptor();
        let (remote, server) = serve(|carrier| async move { greet_in_tls(&carrier, &acceptor).await }).await;
        let plan = ConnectPlan { demand, ..plan(remote) };
        let session = connect(&plan, &Tls::with_roots(authority.roots())).await.unwrap();
        assert_eq!(session.tls().unwrap().is_verified, is_verified);
        drop(server.await.unwrap());
    }
}
