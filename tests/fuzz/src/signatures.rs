//! Signed mails, whatever stands in them, and a verifier that is not ours.

use std::borrow::Borrow;
use std::hash::Hash;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use compose::dkim::{KeyFile, Record, Signers, Signing};
use compose::{BuiltSpec, Charset, Content, ContentSpec, Dialect, Sender};
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, Txt};
use mail_model::{MessageId, UnixMs};

use crate::mails::{is_a_mail, with_fill};

/// RFC 8463 A.2, a key that everybody knows.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";

struct Scene {
    signers: Signers,
    verifier: MessageAuthenticator,
    zone: Zone,
}

/// One record, whatever is asked.
struct Zone(Txt);

impl ResolverCache<Box<str>, Txt> for Zone {
    fn get<Q: Hash + Eq + ?Sized>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
    {
        Some(self.0.clone())
    }

    fn remove<Q: Hash + Eq + ?Sized>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

static SCENE: OnceLock<Scene> = OnceLock::new();

fn scene() -> &'static Scene {
    SCENE.get_or_init(|| {
        let pem = PEM.as_bytes();
        let key = KeyFile { domain: "example.jp", selector: "s", pem, since: None, until: None };
        let record = Record::of(pem, "example.jp", "s").expect("the key is good");
        let key_record = DomainKey::parse(record.text.as_bytes()).expect("verifiers read the record");
        let verifier = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default());
        Scene {
            signers: Signers::new([key]).expect("the key is good"),
            verifier: verifier.expect("a resolver that asks nothing can be made"),
            zone: Zone(Txt::DomainKey(Arc::new(key_record))),
        }
    })
}

/// The first line is the subject, the second a header's value, the rest the body. `<` makes it HTML.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default().to_owned();
    let (subject, value, body) = (next(), next(), next());
    let is_html = body.starts_with('<');
    let (text_body, html_body) = if is_html { (None, Some(body)) } else { (Some(body), None) };
    let spec = ContentSpec::Built(Box::new(BuiltSpec {
        from: Some(Sender::Text("学校 <school@example.jp>".to_owned())),
        subject: Some(subject),
        headers: [("X-Note".to_owned(), value)].into(),
        text_body,
        html_body,
        ..BuiltSpec::default()
    }));
    let Ok(content) = Content::parse_for(&spec, Dialect::Jinja, MessageId(7), &[Charset::Iso2022Jp]) else { return };
    let scene = scene();
    for (charset, may_sign_once) in [(Charset::Utf8, false), (Charset::Utf8, true), (Charset::Iso2022Jp, false)] {
        let signing = Signing { signers: &scene.signers, at: UnixMs(1_795_392_000_000), may_sign_once };
        let Ok(mail) = with_fill(charset, |fill| content.seal(fill, &signing)) else { continue };
        is_a_mail(&mail);
        assert_eq!(mail.signatures, 1);
        assert!(passes(scene, &mail.bytes), "the signature does not verify: {}", mail.bytes.escape_ascii());
    }
}

fn passes(scene: &Scene, mail: &[u8]) -> bool {
    let Some(message) = AuthenticatedMessage::parse(mail) else { return false };
    let parameters = Parameters::new(&message).with_txt_cache(&scene.zone);
    let mut verified = pin!(scene.verifier.verify_dkim(parameters));
    // Every answer is at hand, so the first look finds it ready.
    match verified.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outputs) => outputs.len() == 1 && outputs.iter().all(|one| *one.result() == DkimResult::Pass),
        Poll::Pending => false,
    }
}
