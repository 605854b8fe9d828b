//! mail-auth as an independent verifier of DKIM signatures. Its DNS is a table; nothing is asked on a network.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use compose::dkim::Record;
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, Txt};

/// The records of a zone, and an answer to every other question, so that no question leaves the table.
#[derive(Default)]
pub struct Zone(HashMap<Box<str>, Txt>);

impl Zone {
    pub fn with(records: &[Record]) -> Self {
        let parsed = records.iter().map(|record| {
            let text: String = record.strings().collect();
            let key = DomainKey::parse(text.as_bytes()).expect("a record that verifiers read");
            (record.name.as_str().into(), Txt::DomainKey(Arc::new(key)))
        });
        Self(parsed.collect())
    }
}

impl ResolverCache<Box<str>, Txt> for Zone {
    fn get<Q: Hash + Eq + ?Sized>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
    {
        Some(self.0.get(name).cloned().unwrap_or(Txt::Error(mail_auth::Error::NotAligned)))
    }

    fn remove<Q: Hash + Eq + ?Sized>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

/// What the verifier says of each signature: its algorithm's `s=` and whether it passes, in the order of the mail.
pub fn verdicts(zone: &Zone, mail: &[u8]) -> Vec<(String, bool)> {
    let message = AuthenticatedMessage::parse(mail).expect("a mail");
    let authenticator = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default()).unwrap();
    let mut verified = pin!(authenticator.verify_dkim(Parameters::new(&message).with_txt_cache(zone)));
    // Every answer is in the table, so the first look finds it ready.
    let Poll::Ready(outputs) = verified.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("a question was asked that the table cannot answer");
    };
    let outputs = outputs.iter().map(|output| {
        let selector = output.signature().map(|signature| signature.s.clone()).unwrap_or_default();
        (selector, *output.result() == DkimResult::Pass)
    });
    outputs.collect()
}
