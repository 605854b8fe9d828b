//! The ordinary course of a session.

use testkit::{CarrierPlan, World, WorldPlan};
use tokio::io::AsyncWriteExt;

use crate::talk::{ID, S1, Talk, content, one_carrier};

#[tokio::test]
async fn a_mail_goes_through_and_is_kept_as_it_was_sent() {
    let (world, address) = one_carrier(|_| {}).await;
    let (mut talk, greeting) = Talk::greeted(S1, address).await;
    assert_eq!(greeting, "220 mx.a.test ESMTP");
    let hello = talk.say("EHLO client.test").await;
    let announced = "250-mx.a.test\n250-PIPELINING\n250-SIZE 10485760\n250-8BITMIME\n250 ENHANCEDSTATUSCODES";
    assert_eq!(hello, announced);
    assert_eq!(talk.envelope("taro@a.test").await, "250 2.1.5 Ok");
    assert!(talk.say("DATA").await.starts_with("354"));
    let reply = talk.say(&format!("{}\r\n..dot\r\n.", content(ID))).await;
    assert!(reply.starts_with("250 2.0.0 Ok: queued as "), "{reply}");
    assert!(talk.say("QUIT").await.starts_with("221"));
    assert_eq!(talk.reply().await, "closed");

    let mails = world.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients[0].as_str(), "taro@a.test");
    assert_eq!(mails[0].content, format!("{}\r\n.dot\r\n", content(ID)));
    assert_eq!((mails[0].source, mails[0].is_encrypted), (S1, false));
    assert_eq!(world.carrier("a").taken(), 1);
}

#[tokio::test]
async fn pipelined_mails_are_answered_in_order_however_the_bytes_are_cut() {
    let (world, address) = one_carrier(|_| {}).await;
    let envelope = |n: u32| format!("MAIL FROM:<>\r\nRCPT TO:<g{n}@a.test>\r\nDATA\r\n");
    let body = |n: u32| format!("Message-ID: <01935a2b00000001-{n:08x}@n>\r\n\r\nbody\r\n.\r\n");
    let script: String = (0..5).map(|n| envelope(n) + &body(n)).collect();
    for step in [1, 7, 64, script.len()] {
        let mut talk = Talk::ready(S1, address).await;
        for piece in script.as_bytes().chunks(step) {
            talk.send(std::str::from_utf8(piece).unwrap()).await;
            tokio::task::yield_now().await;
        }
        for n in 0..5 {
            for code in ["250", "250", "354", "250"] {
                let reply = talk.reply().await;
                assert!(reply.starts_with(code), "mail {n} in pieces of {step}: {reply}");
            }
        }
    }
    let ids: Vec<u32> = world.snapshot().entries.iter().filter_map(|e| e.id()).map(|id| id.index).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4].repeat(4));
}

#[tokio::test]
async fn commands_at_the_wrong_time_are_refused_and_end_nothing() {
    let (_world, address) = one_carrier(|_| {}).await;
    let (mut talk, _) = Talk::greeted(S1, address).await;
    let table = [
        ("MAIL FROM:<>", "503"),
        ("HELO client.test", "250 mx.a.test"),
        ("RCPT TO:<taro@a.test>", "503"),
        ("DATA", "503"),
        ("MAIL FROM:<>", "250"),
        ("MAIL FROM:<>", "503"),
        ("DATA", "554 5.5.1 Error: no valid recipients"),
        ("NONSENSE", "500"),
        ("RCPT TO:<taro@a", "501"),
        ("NOOP", "250"),
        ("RSET", "250"),
        ("STARTTLS", "500"),
        ("QUIT", "221"),
    ];
    for (command, reply) in table {
        let heard = talk.say(command).await;
        assert!(heard.starts_with(reply), "{command}: {heard}");
    }
}

#[tokio::test]
async fn a_mail_that_is_too_large_is_refused_by_its_declared_and_by_its_real_size() {
    let (world, address) = one_carrier(|plan| plan.script.capabilities.size_max = Some(1_000)).await;
    let mut talk = Talk::ready(S1, address).await;
    assert_eq!(talk.say("MAIL FROM:<> SIZE=1001").await, "552 5.3.4 Message size exceeds fixed limit");
    assert!(talk.envelope("taro@a.test").await.starts_with("250"));
    talk.say("DATA").await;
    let reply = talk.say(&format!("{}\r\n.", "x\r\n".repeat(400))).await;
    assert_eq!(reply, "552 5.3.4 Message size exceeds fixed limit");
    assert!(world.journal().is_empty());
}

#[tokio::test]
async fn bare_line_ends_and_long_lines_are_refused_at_the_final_dot() {
    let (world, address) = one_carrier(|plan| plan.script.line_octets_max = Some(1_000)).await;
    let mut talk = Talk::ready(S1, address).await;
    let long = "x".repeat(1_001);
    for (body, reply) in
        [("a\nb", "550 5.5.2 Bare CR or LF"), ("a\r.\rb", "550 5.5.2"), (long.as_str(), "500 5.5.2 Line too")]
    {
        talk.envelope("taro@a.test").await;
        talk.say("DATA").await;
        let heard = talk.say(&format!("{body}\r\n.")).await;
        assert!(heard.starts_with(reply), "{heard}");
    }
    assert!(world.journal().is_empty());
}

#[tokio::test]
async fn starttls_encrypts_the_rest_of_the_session_and_forgets_what_came_before() {
    let (world, address) = one_carrier(|plan| plan.script.capabilities.starttls = true).await;
    let mut talk = Talk::ready(S1, address).await;
    assert!(talk.say("STARTTLS").await.starts_with("220"));
    let mut tls = tls::client().connect("mx.a.test".try_into().unwrap(), talk.into_stream()).await.unwrap();
    let envelope = "EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<taro@a.test>\r\nDATA\r\n";
    tls.write_all(format!("{envelope}{}\r\n.\r\nQUIT\r\n", content(ID)).as_bytes()).await.unwrap();
    let mut heard = String::new();
    let _ = tokio::io::AsyncReadExt::read_to_string(&mut tls, &mut heard).await;
    assert!(
        heard.starts_with("250-mx.a.test") && !heard.contains("STARTTLS") && heard.contains("queued as"),
        "{heard}"
    );
    assert!(world.mails()[0].is_encrypted);
}

#[tokio::test]
async fn all_carriers_of_a_world_share_one_port_and_refuse_each_others_domains() {
    let mut plans = [CarrierPlan::for_tests("a", "a.test"), CarrierPlan::for_tests("b", "b.test")];
    plans[1].script.refuse_foreign = true;
    let world = World::start(WorldPlan::of(plans)).await.unwrap();
    let addresses: Vec<_> = world.carriers().iter().map(|carrier| carrier.address()).collect();
    assert_eq!(addresses[0].port(), addresses[1].port());
    assert_ne!(addresses[0].ip(), addresses[1].ip());
    let mut talk = Talk::ready(S1, addresses[1]).await;
    assert_eq!(talk.envelope("taro@a.test").await, "554 5.7.1 <taro@a.test>: Relay access denied");
}

#[tokio::test]
async fn a_faulty_plan_is_refused_with_the_carriers_name() {
    let mut plan = CarrierPlan::for_tests("a", "a.test");
    plan.script.behaviour.unknown = 2.0;
    let fault = World::start(WorldPlan::of([plan])).await.err().unwrap().to_string();
    assert!(fault.contains("carrier a") && fault.contains("unknown"), "{fault}");
}

mod tls {
    //! A client that believes every certificate, as opportunistic TLS between mail servers does.

    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
    use tokio_rustls::TlsConnector;

    #[derive(Debug)]
    struct Believer;

    impl ServerCertVerifier for Believer {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
        }
    }

    pub fn client() -> TlsConnector {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Believer))
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}
