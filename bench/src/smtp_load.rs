//! Handing mails in by SMTP: many sessions, each pipelining the next envelope behind the content of the last mail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use mail_model::EmailAddress;
use smtp_client::{ConnectPlan, Demand, Envelope, EnvelopeResult, Session, Timeouts, Tls, TlsPolicy};
use tokio::task::JoinSet;

use crate::mails::{Load, SENDER};

/// Hands all mails of `load` to the server at `to`, one transaction each. Returns when the last is acknowledged.
///
/// # Errors
/// When a session fails or any mail is refused: a figure with refusals is none.
pub async fn inject(to: SocketAddr, load: Load, sessions: u32) -> Result<()> {
    let next = Arc::new(AtomicU32::new(0));
    let mut running = JoinSet::new();
    for _ in 0..sessions {
        running.spawn(session(to, load, Arc::clone(&next)));
    }
    while let Some(done) = running.join_next().await {
        done.context("a session broke off")??;
    }
    Ok(())
}

struct Mail {
    recipient: EmailAddress,
    body: Bytes,
}

fn next_mail(load: &Load, next: &AtomicU32) -> Result<Option<Mail>> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    if number >= load.count {
        return Ok(None);
    }
    let number = load.first + number;
    let body = smtp_wire::stuff(load.smtp_content(number).as_bytes());
    Ok(Some(Mail { recipient: load.address(number)?, body }))
}

async fn session(to: SocketAddr, load: Load, next: Arc<AtomicU32>) -> Result<()> {
    let sender: EmailAddress = SENDER.parse()?;
    let mut session = open(to).await?;
    let mut ready: Option<Mail> = None;
    loop {
        let follower = next_mail(&load, &next)?;
        if ready.is_none() && follower.is_none() {
            break;
        }
        let envelope = follower.as_ref().map(|mail| Envelope {
            sender: Some(&sender),
            recipient: &mail.recipient,
            quote_irregular: false,
            size: mail.body.len(),
            eight_bit: false,
        });
        let exchange = session.exchange(ready.as_ref().map(|mail| &mail.body), envelope).await;
        if let Some(Err(failure)) = exchange.data_end {
            bail!("a mail was refused: {failure:?}");
        }
        match exchange.envelope {
            Some(EnvelopeResult::Ready) => ready = follower,
            Some(other) => bail!("a recipient was refused: {other:?}"),
            None => ready = None,
        }
    }
    session.quit().await;
    Ok(())
}

async fn open(to: SocketAddr) -> Result<Session> {
    let plan = ConnectPlan {
        source_ip: None,
        ehlo_name: "injector.bench.example".to_owned(),
        remote: to,
        mx_host: "peer.bench.example".to_owned(),
        tls: TlsPolicy::Off,
        demand: Demand::Nothing,
        timeouts: Timeouts::default(),
    };
    match smtp_client::connect(&plan, &Tls::new()).await {
        Ok(session) => Ok(session),
        Err(failure) => bail!("no session: {failure:?}"),
    }
}
