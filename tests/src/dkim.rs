//! What carriers find when they verify a mail: mail-auth with the records that `todoke dkim` printed, and no other DNS.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, Txt};

/// The TXT records of a domain.
#[derive(Default)]
pub struct Records(HashMap<Box<str>, Txt>);

impl Records {
    /// Publishes a line of a zone file: `name IN TXT ( "…" "…" )`.
    ///
    /// # Errors
    /// When it is no such line, or verifiers do not understand the record.
    pub fn publish(&mut self, line: &str) -> Result<()> {
        let (name, strings) = line.split_once(" IN TXT ").context("a line of a zone file")?;
        let text: String = strings.split('"').skip(1).step_by(2).collect();
        if strings.split('"').skip(1).step_by(2).any(|string| string.len() > 255) {
            bail!("a string that DNS cannot hold");
        }
        let key = DomainKey::parse(text.as_bytes()).map_err(|error| anyhow::anyhow!("{error}: {text}"))?;
        self.0.insert(name.into(), Txt::DomainKey(Arc::new(key)));
        Ok(())
    }

    /// Selector and verdict of each signature, from the top.
    ///
    /// # Errors
    /// When it is no mail.
    pub async fn verdicts(&self, mail: &[u8]) -> Result<Vec<(String, bool)>> {
        let message = AuthenticatedMessage::parse(mail).context("a mail")?;
        let authenticator = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default())
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let outputs = authenticator.verify_dkim(Parameters::new(&message).with_txt_cache(self)).await;
        let verdict = |output: &mail_auth::DkimOutput<'_>| {
            let selector = output.signature().map(|signature| signature.s.clone()).unwrap_or_default();
            (selector, *output.result() == DkimResult::Pass)
        };
        Ok(outputs.iter().map(verdict).collect())
    }
}

/// Answers every question, so that none leaves this machine.
impl ResolverCache<Box<str>, Txt> for Records {
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
