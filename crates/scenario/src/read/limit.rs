//! `[[carriers.periods.limits]]`: one thing that a carrier bears only so much of.

use mail_model::Stage;

use super::page::{Bounds, Fields, PER, SPAN_S};
use super::rebuff::{self, Place};
use crate::behaviour::{Growth, Limit, LimitKind, Of, Penalty, Per};
use crate::words::{Situation, Style};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sessions,
    SessionMails,
    Rate,
    Count,
    Capacity,
}

const KINDS: [(&str, Kind); 5] = [
    ("sessions", Kind::Sessions),
    ("session_mails", Kind::SessionMails),
    ("rate", Kind::Rate),
    ("count", Kind::Count),
    ("capacity", Kind::Capacity),
];
const OF: [(&str, Of); 2] = [("mails", Of::Mails), ("connections", Of::Connections)];
const PER_MIN: Bounds = Bounds(0.01, 10_000_000.0, "a minute");

pub(crate) fn read(mut fields: Fields<'_, '_>, style: Style) -> Limit {
    if !fields.has("kind") {
        let words: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
        fields.fault("kind", "is missing", format!("write one of: {}", words.join(", ")));
    }
    let kind = fields.word("kind", &KINDS).unwrap_or(Kind::Rate);
    let per = match kind {
        Kind::SessionMails => Per::Source,
        _ => fields.word("per", &PER).unwrap_or(Per::Source),
    };
    let what = measure(&mut fields, kind);
    let place = match what {
        LimitKind::Sessions { .. } => Place::of(style, Situation::Sessions, Stage::Greeting).at_greeting_only(),
        LimitKind::SessionMails { .. } => Place::of(style, Situation::SessionMails, Stage::Mail).in_session_only(),
        LimitKind::Rate { of: Of::Connections, .. } | LimitKind::Count { of: Of::Connections, .. } => {
            Place::of(style, Situation::TooMuch, Stage::Greeting).at_greeting_only()
        }
        LimitKind::Capacity { .. } => Place::of(style, Situation::TooMuch, Stage::Mail).in_session_only(),
        _ => Place::of(style, Situation::TooMuch, Stage::Mail),
    };
    let over = rebuff::at(&mut fields, "over", &place);
    let elastic = matches!(kind, Kind::Rate | Kind::Count);
    let growth = if elastic { fields.table("growth").map(growth) } else { None };
    let penalty = if elastic { fields.table("penalty").map(penalty) } else { None };
    fields.done();
    Limit { kind: what, per, over, growth, penalty }
}

fn measure(fields: &mut Fields<'_, '_>, kind: Kind) -> LimitKind {
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    match kind {
        Kind::Sessions => {
            LimitKind::Sessions { most: small(fields.needed_whole("most", Bounds(1.0, 10_000.0, "sessions"))) }
        }
        Kind::SessionMails => {
            LimitKind::SessionMails { most: small(fields.needed_whole("most", Bounds(1.0, 100_000.0, "mails"))) }
        }
        Kind::Rate => {
            let per_min = fields.needed_number("per_min", PER_MIN);
            let burst = fields.number("burst", Bounds(1.0, 1e7, "tokens")).unwrap_or((per_min / 60.0).max(1.0));
            LimitKind::Rate { of: fields.word("of", &OF).unwrap_or(Of::Mails), per_min, burst }
        }
        Kind::Count => {
            let counted = [("sliding", false), ("clock", true)];
            LimitKind::Count {
                of: fields.word("of", &OF).unwrap_or(Of::Mails),
                most: fields.needed_whole("most", Bounds(1.0, 1e9, "requests")),
                in_s: fields.needed_whole("in_s", SPAN_S),
                by_clock: fields.word("counted", &counted).unwrap_or(false),
            }
        }
        Kind::Capacity => LimitKind::Capacity {
            per_min: fields.needed_number("per_min", PER_MIN),
            patience_s: fields.number("patience_s", Bounds(0.0, 3_600.0, "seconds")),
        },
    }
}

fn growth(mut fields: Fields<'_, '_>) -> Growth {
    let each = Bounds(0.0, 1_000.0, "times the first limit");
    let read = Growth {
        per_1000_accepted: fields.number("per_1000_accepted", each).unwrap_or(0.0),
        per_day: fields.number("per_day", each).unwrap_or(0.0),
        to: fields.needed_number("to", Bounds(1.0, 1_000.0, "times the first limit")),
    };
    fields.done();
    read
}

fn penalty(mut fields: Fields<'_, '_>) -> Penalty {
    let read = Penalty {
        factor: fields.needed_number("factor", Bounds(0.01, 1.0, "times the limit")),
        for_s: fields.needed_whole("for_s", SPAN_S),
    };
    fields.done();
    read
}
