//! What the tests of the queue share: a directory, a clock, lanes, and ways to hand in, claim and settle.
#![allow(dead_code)]

use std::future::Future;
use std::path::Path;

use bytes::Bytes;
use clock::Clock;
use mail_model::{Class, EmailAddress, Lane, MessageId, NotificationId, Outcome, SiteName, SourceName, UnixMs};
use queue::{
    Accepted, AttemptRecord, AuditEntry, Begun, Claim, Idempotency, InboxId, Intake, LaneId, NewMessage, Next, Queue,
    QueueSettings, Queued, ReceivedMail, Refusal, Write,
};

/// A Monday in 2026.
pub const START: UnixMs = UnixMs(1_790_000_000_000);

pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub fn settings() -> QueueSettings {
    let mut settings =
        QueueSettings { page_records: 4, window_per_lane: 16, window_total: 1_024, ..Default::default() };
    settings.limits.disk_free_bytes_min = 1 << 20;
    settings
}

pub fn open(dir: &Path, clock: &Clock) -> Queue {
    Queue::open(dir, settings(), clock.clone()).unwrap()
}

pub fn lane(carrier: &str) -> Lane {
    Lane {
        carrier: carrier.parse().unwrap(),
        site: SiteName::none(),
        pool: "wide".parse().unwrap(),
        class: Class::Normal,
    }
}

pub fn source(name: &str) -> SourceName {
    name.parse().unwrap()
}

pub fn address(n: u32, domain: &str) -> EmailAddress {
    format!("guardian{n}@{domain}").parse().unwrap()
}

pub fn message(campaign: &str) -> NewMessage {
    NewMessage {
        campaign: campaign.parse().unwrap(),
        tenant: "school-1".parse().unwrap(),
        class: Class::Normal,
        pool: "wide".parse().unwrap(),
        not_before: None,
        not_after: None,
        at_deadline: queue::AtDeadline::default(),
        sender: Some("bounce@school.example".parse().unwrap()),
        content: format!("content of {campaign}").into_bytes(),
        idempotency: None,
    }
}

pub fn with_key(new: NewMessage, key: &str, digest: u8) -> NewMessage {
    NewMessage { idempotency: Some(Idempotency { key: key.to_owned(), digest: [digest; 32] }), ..new }
}

pub fn begin(queue: &Queue, new: NewMessage) -> Intake {
    match queue.begin(new) {
        Ok(Begun::New(intake)) => intake,
        other => panic!("{other:?}"),
    }
}

pub fn refusal(queue: &Queue, new: NewMessage) -> Refusal {
    queue.begin(new).map(|_| ()).unwrap_err()
}

/// Hands in `count` recipients of one lane.
pub fn accept(queue: &Queue, new: NewMessage, to: &Lane, count: u32) -> Accepted {
    let mut intake = begin(queue, new);
    for n in 0..count {
        intake.add(to, address(n, "docomo.ne.jp"), n.to_be_bytes().to_vec()).unwrap();
    }
    wait(intake.commit()).unwrap()
}

/// Claims what there is, waiting while the lane is read. `None`: nothing is due.
pub fn claim(queue: &Queue, lane: LaneId, clock: &Clock, from: &SourceName) -> Option<Box<Queued>> {
    wait(async {
        loop {
            let mut told = std::pin::pin!(queue.activity().notified());
            told.as_mut().enable();
            match queue.claim(lane, clock.unix(), from) {
                Claim::Taken(queued) => return Some(queued),
                Claim::Loading => told.await,
                Claim::Later(_) | Claim::Empty => return None,
            }
        }
    })
}

/// Claims everything that is due in all lanes.
pub fn claim_all(queue: &Queue, clock: &Clock) -> Vec<Box<Queued>> {
    let from = source("s1");
    let lanes = queue.lanes();
    lanes
        .iter()
        .flat_map(|(id, _)| std::iter::from_fn(|| claim(queue, *id, clock, &from)).collect::<Vec<_>>())
        .collect()
}

pub fn record(queue: &Queue, queued: &Queued, outcome: Outcome, at: UnixMs) -> AttemptRecord {
    AttemptRecord::of(queued, &queue.lane(queued.lane).unwrap(), outcome, at)
}

pub fn done(queue: &Queue, queued: Box<Queued>, outcome: Outcome, at: UnixMs) {
    let record = record(queue, &queued, outcome, at);
    queue.write(Write::new().settle(queued, record, Next::Done));
}

pub fn retry(queue: &Queue, queued: Box<Queued>, outcome: Outcome, at: UnixMs, due: UnixMs, hint: Option<&str>) {
    let record = record(queue, &queued, outcome, at);
    let next = Next::RetryAt { due, source_hint: hint.map(source) };
    queue.write(Write::new().settle(queued, record, next));
}

/// Indices of a message that are claimed now, sorted; they are given back.
pub fn indices_due(queue: &Queue, clock: &Clock, message: MessageId) -> Vec<u32> {
    let claimed = claim_all(queue, clock);
    let mut found: Vec<u32> = claimed.iter().filter(|q| q.id.message == message).map(|q| q.id.index).collect();
    found.sort_unstable();
    found
}

/// Waits until `settled` outcomes can be read.
pub fn outbox_of(queue: &Queue, settled: usize) -> Vec<AttemptRecord> {
    wait(async {
        loop {
            let mut told = std::pin::pin!(queue.settled().notified());
            told.as_mut().enable();
            let records = queue.outbox(0, usize::MAX);
            if records.len() >= settled {
                return records;
            }
            told.await;
        }
    })
}

/// A received mail with this content.
pub fn mail(content: &str) -> ReceivedMail {
    ReceivedMail {
        received_at: START,
        peer: "192.0.2.7".parse().unwrap(),
        helo: "mx.docomo.ne.jp".to_owned(),
        tls: true,
        sender: None,
        recipients: vec!["b+1@school.example".parse().unwrap()],
        content: Bytes::copy_from_slice(content.as_bytes()),
    }
}

pub fn receive(queue: &Queue, content: &str) -> InboxId {
    wait(queue.receive(mail(content))).unwrap()
}

/// What stands in the received mails that wait.
pub fn inbox_of(queue: &Queue) -> Vec<String> {
    let all = queue.inbox_next(None, usize::MAX);
    all.into_iter().map(|(_, mail)| String::from_utf8(mail.content.to_vec()).unwrap()).collect()
}

/// What a report tells of a notification.
pub fn report(id: NotificationId, outcome: Outcome) -> AttemptRecord {
    AttemptRecord {
        seq: 0,
        id,
        attempt: 0,
        outcome,
        at: START,
        accepted_at: START,
        carrier: "docomo".parse().unwrap(),
        site: SiteName::none(),
        source: None,
        mx_host: String::new(),
        stage: None,
        reply: None,
        rule: "report".to_owned(),
        address: address(id.index, "docomo.ne.jp"),
        in_doubt: false,
    }
}

pub fn audit_entry(subject: &str) -> AuditEntry {
    AuditEntry {
        at: START,
        actor: "inbound".to_owned(),
        action: "mail.dealt_with".to_owned(),
        subject: subject.to_owned(),
        reason: "test".to_owned(),
    }
}
