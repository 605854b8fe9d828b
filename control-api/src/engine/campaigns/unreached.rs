//! `GET /engine/api/campaigns/v1/{id}/unreached.csv`: who has not got the notice, at any time, above all before its
//! deadline: the list by which a school telephones.
//!
//! The columns of `bounces.csv`, then the state, the next try and the deadline. First those who wait, as they are at this
//! moment, then those whose sending has ended without the notice being taken. Each once, unless it changes meanwhile.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::Response;
use mail_model::{MessageId, NotificationId, Outcome, Stage, UnixMs};
use queue::{AttemptRecord, MessageDeadline, Queue, Waiting};
use tokio::sync::mpsc::{Sender, channel};

use crate::engine::campaigns::bounces::{self, BYTE_ORDER_MARK, HEADER as BOUNCES, as_file, japanese, lines};
use crate::engine::campaigns::cell::safe;
use crate::engine::campaigns::found::{Found, find};
use crate::engine::state::EngineState;
use crate::http::fault::Fault;

const COLUMNS: usize = BOUNCES.len() + 3;
/// The columns behind those of the bounce report.
const MORE: [&str; 3] = ["状態ID", "次の送信予定", "期限"];
/// Rows sent at a time; the reader of a large list decides the pace.
const ROWS_PER_PIECE: usize = 1_000;
/// Pieces made ahead of the reader.
const PIECES_AHEAD: usize = 2;

type Row = [String; COLUMNS];

/// How a notification that has not ended stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Waiting,
    Deferred,
    InHand,
    ForeseenLate,
    Late,
}

impl Standing {
    fn of(waiting: &Waiting, deadline: Option<&MessageDeadline>, now: UnixMs) -> Self {
        let foreseen = |deadline: &MessageDeadline| deadline.is_near(now) || waiting.due >= deadline.not_after;
        match deadline {
            _ if waiting.in_hand => Self::InHand,
            Some(deadline) if deadline.not_after <= now => Self::Late,
            Some(deadline) if foreseen(deadline) => Self::ForeseenLate,
            _ if waiting.attempts > 0 => Self::Deferred,
            _ => Self::Waiting,
        }
    }

    fn id(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Deferred => "deferred",
            Self::InHand => "in_hand",
            Self::ForeseenLate => "foreseen_late",
            Self::Late => "late",
        }
    }

    fn label_ja(self) -> &'static str {
        match self {
            Self::Waiting => "送信待ち",
            Self::Deferred => "再送待ち",
            Self::InHand => "送信中",
            Self::ForeseenLate => "期限に間に合わない見込み",
            Self::Late => "期限切れ（代わりの文面を送信予定）",
        }
    }
}

/// Which notifications were listed: a bit each, for a list may have millions.
#[derive(Default)]
struct Listed(HashMap<MessageId, Vec<u64>>);

impl Listed {
    /// Whether it was not listed before.
    fn insert(&mut self, id: NotificationId) -> bool {
        let (word, bit) = (usize::try_from(id.index / 64).unwrap_or(usize::MAX), 1 << (id.index % 64));
        let words = self.0.entry(id.message).or_default();
        if words.len() <= word {
            words.resize(word + 1, 0);
        }
        let Some(held) = words.get_mut(word) else { return true };
        let is_new = *held & bit == 0;
        *held |= bit;
        is_new
    }
}

/// What is read and where it goes; runs on a thread of its own, since it reads much of the queue.
struct List {
    queue: Queue,
    found: Found,
    now: UnixMs,
    deadlines: BTreeMap<MessageId, MessageDeadline>,
    listed: Listed,
    rows: Vec<Row>,
    to: Sender<Bytes>,
}

impl List {
    /// False: whoever reads has gone.
    fn push(&mut self, row: Row) -> bool {
        self.rows.push(row);
        self.rows.len() < ROWS_PER_PIECE || self.send()
    }

    fn send(&mut self) -> bool {
        let rows = std::mem::take(&mut self.rows);
        rows.is_empty() || self.to.blocking_send(Bytes::from(lines(rows.into_iter()))).is_ok()
    }

    fn run(mut self) {
        let messages = self.found.messages(&self.queue);
        let deadlines = self.queue.deadlines_of(&messages);
        self.deadlines = deadlines.into_iter().map(|deadline| (deadline.message, deadline)).collect();
        let messages: BTreeSet<MessageId> = messages.into_iter().collect();
        let queue = self.queue.clone();
        let mut goes_on = true;
        queue.waiting(&messages, &mut |waiting| {
            goes_on = !self.listed.insert(waiting.id) || self.push(self.waiting_row(&waiting));
            goes_on
        });
        if goes_on && self.ended() {
            self.send();
        }
    }

    fn ended(&mut self) -> bool {
        let mut after = None;
        loop {
            let page = self.found.failures(&self.queue, after, ROWS_PER_PIECE);
            let Some(last) = page.last() else { return true };
            after = Some(last.id);
            for record in page.iter().filter(|record| is_unreached(record.outcome)) {
                if self.listed.insert(record.id) && !self.push(self.ended_row(record)) {
                    return false;
                }
            }
        }
    }

    fn deadline(&self, message: MessageId) -> String {
        self.deadlines.get(&message).map(|deadline| japanese(deadline.not_after)).unwrap_or_default()
    }

    fn waiting_row(&self, waiting: &Waiting) -> Row {
        let state = Standing::of(waiting, self.deadlines.get(&waiting.id.message), self.now);
        let last = waiting.last.as_ref();
        let (cause, reply) = (waiting.last_cause, last.and_then(|last| last.reply.as_ref()));
        let text = |text: &str| text.to_owned();
        [
            waiting.address.for_people().into_owned(),
            waiting.lane.carrier.to_string(),
            text(state.label_ja()),
            text(cause.map(|cause| cause.id()).unwrap_or_default()),
            text(cause.map(|cause| cause.label_ja()).unwrap_or_default()),
            text(cause.map(|cause| cause.advice_ja()).unwrap_or_default()),
            reply.map(|reply| reply.code.to_string()).unwrap_or_default(),
            reply.map(ToString::to_string).unwrap_or_default(),
            text(last.and_then(|last| last.stage).map(Stage::as_str).unwrap_or_default()),
            text(last.map(|last| last.mx_host.as_str()).unwrap_or_default()),
            last.map(|last| japanese(last.at)).unwrap_or_default(),
            waiting.attempts.to_string(),
            waiting.id.to_string(),
            text(if waiting.in_doubt { "あり" } else { "" }),
            text(state.id()),
            if waiting.due > self.now { japanese(waiting.due) } else { String::new() },
            self.deadline(waiting.id.message),
        ]
        .map(|cell| safe(&cell).into_owned())
    }

    fn ended_row(&self, record: &AttemptRecord) -> Row {
        let more = [record.outcome.kind().to_owned(), String::new(), self.deadline(record.id.message)];
        let mut cells = bounces::row(record).into_iter().chain(more);
        std::array::from_fn(|_| cells.next().unwrap_or_default())
    }
}

/// Whether the notice itself ended without reaching its carrier. A complaint came from somebody who has read it.
fn is_unreached(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Accepted | Outcome::Complained | Outcome::Deferred(_) => false,
        Outcome::Replaced | Outcome::Failed(_) | Outcome::Expired(_) | Outcome::Withheld(_) | Outcome::Bounced(_) => {
            true
        }
    }
}

/// The call.
pub async fn csv(State(state): State<EngineState>, Path(id): Path<String>) -> Result<Response, Fault> {
    let found = find(&state, &id)?;
    let (to, mut pieces) = channel(PIECES_AHEAD);
    let list = List {
        queue: state.parts.queue.clone(),
        found,
        now: state.parts.clock.unix(),
        deadlines: BTreeMap::new(),
        listed: Listed::default(),
        rows: Vec::new(),
        to,
    };
    let stream = async_stream::stream! {
        let mut head = BYTE_ORDER_MARK.to_vec();
        let mut names = BOUNCES.into_iter().chain(MORE);
        let names: Row = std::array::from_fn(|_| names.next().unwrap_or_default().to_owned());
        head.extend(lines(std::iter::once(names)));
        yield Ok(Bytes::from(head));
        let listing = tokio::task::spawn_blocking(move || list.run());
        while let Some(piece) = pieces.recv().await {
            yield Ok(piece);
        }
        // The answer has begun; breaking it off is the only way left to say that it is not complete.
        if let Err(error) = listing.await {
            yield Err(error);
        }
    };
    Ok(as_file(Body::from_stream(stream), "unreached", &id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_listed_once() {
        let mut listed = Listed::default();
        let id = |message, index| NotificationId { message: MessageId(message), index };
        for index in [0, 63, 64, 1_999_999] {
            assert!(listed.insert(id(1, index)) && !listed.insert(id(1, index)) && listed.insert(id(2, index)));
        }
    }
}
