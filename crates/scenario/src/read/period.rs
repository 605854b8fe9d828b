//! `[[carriers.periods]]`: a key that is not written stays as it was in the period before.

use mail_model::Stage;

use super::limit;
use super::page::{Bounds, DAY_S, Fields, PER, SHARE, SPAN_S, WEEK_S};
use super::rebuff::{self, Place};
use crate::behaviour::{Ban, Busy, FullHour, Greylist, Latency, Listed, Per, Period, UnknownBlock};
use crate::words::{Situation, Style};
use crate::world::{Source, SourceGroup};

/// Whose period it is, and whom it may name.
pub(crate) struct Who<'w> {
    pub style: Style,
    pub groups: &'w [SourceGroup],
    pub sources: &'w [Source],
}

const MS: Bounds = Bounds(0.0, 600_000.0, "ms");

/// A carrier that answers quickly and bears everything.
pub(crate) fn usual() -> Period {
    Period {
        from_s: 0,
        latency: Latency { connect_ms: 40, mail_ms: 120, jitter_ms: 40, per_session_ms: 0 },
        limits: Vec::new(),
        door: None,
        ban: None,
        unknown: None,
        greylist: None,
        full_hour: None,
        busy: None,
        listed: None,
        session_idle_s: None,
    }
}

pub(crate) fn read(mut fields: Fields<'_, '_>, who: &Who<'_>, before: Option<&Period>) -> Period {
    let mut period = before.cloned().unwrap_or_else(usual);
    period.from_s = from_s(&mut fields, before);
    if let Some(table) = fields.table("latency") {
        period.latency = latency(table);
    }
    if let Some(tables) = fields.tables("limits") {
        period.limits = tables.into_iter().map(|table| limit::read(table, who.style)).collect();
    }
    if let Some(table) = choice(&mut fields, "door") {
        period.door = table.map(|table| rebuff::read(table, &Place::of(who.style, Situation::Outage, Stage::Greeting)));
    }
    if let Some(table) = choice(&mut fields, "ban") {
        period.ban = table.map(|table| ban(table, who.style));
    }
    if let Some(table) = choice(&mut fields, "unknown") {
        period.unknown = table.map(|table| unknown(table, who.style));
    }
    if let Some(table) = choice(&mut fields, "greylist") {
        period.greylist = table.map(|table| greylist(table, who.style));
    }
    if let Some(table) = choice(&mut fields, "full_hour") {
        period.full_hour = table.map(|table| full_hour(table, who.style));
    }
    if let Some(table) = choice(&mut fields, "busy") {
        period.busy = table.map(|table| busy(table, who.style));
    }
    if let Some(table) = choice(&mut fields, "listed") {
        period.listed = table.map(|table| listed(table, who));
    }
    if let Some(idle_s) = fields.whole("session_idle_s", Bounds(0.0, DAY_S, "seconds")) {
        period.session_idle_s = (idle_s > 0).then_some(idle_s);
    }
    fields.done();
    period
}

fn from_s(fields: &mut Fields<'_, '_>, before: Option<&Period>) -> u64 {
    let Some(before) = before else {
        if fields.whole("from_s", Bounds(0.0, WEEK_S, "seconds")).is_some_and(|from_s| from_s > 0) {
            fields.fault("from_s", "nothing is said about the time before", "begin the first period at 0");
        }
        return 0;
    };
    let from_s = fields.needed_whole("from_s", Bounds(0.0, WEEK_S, "seconds"));
    if from_s <= before.from_s {
        fields.fault("from_s", "this period begins before the one above it", "put the periods in order of from_s");
    }
    from_s
}

/// A table, or the word `none`: `Some(None)`.
fn choice<'a, 't>(fields: &mut Fields<'a, 't>, key: &'static str) -> Option<Option<Fields<'a, 't>>> {
    if fields.says_none(key) {
        return Some(None);
    }
    fields.table(key).map(Some)
}

fn latency(mut fields: Fields<'_, '_>) -> Latency {
    let usual = usual().latency;
    let read = Latency {
        connect_ms: fields.whole("connect_ms", MS).unwrap_or(usual.connect_ms),
        mail_ms: fields.whole("mail_ms", MS).unwrap_or(usual.mail_ms),
        jitter_ms: fields.whole("jitter_ms", MS).unwrap_or(usual.jitter_ms),
        per_session_ms: fields.whole("per_session_ms", MS).unwrap_or(usual.per_session_ms),
    };
    fields.done();
    read
}

fn ban(mut fields: Fields<'_, '_>, style: Style) -> Ban {
    let after = fields.needed_whole("after", Bounds(1.0, 100_000.0, "excesses"));
    let read = Ban {
        after: u32::try_from(after).unwrap_or(1),
        in_s: fields.whole("in_s", SPAN_S).unwrap_or(60),
        for_s: fields.needed_whole("for_s", SPAN_S),
        knock_s: fields.whole("knock_s", Bounds(0.0, WEEK_S, "seconds")).unwrap_or(0),
        per: fields.word("per", &PER).unwrap_or(Per::Source),
        says: rebuff::at(&mut fields, "says", &Place::of(style, Situation::Ban, Stage::Greeting)),
    };
    fields.done();
    read
}

fn unknown(mut fields: Fields<'_, '_>, style: Style) -> UnknownBlock {
    let of_last = fields.needed_whole("of_last", Bounds(1.0, 100_000.0, "recipients"));
    let read = UnknownBlock {
        share: fields.needed_number("share", SHARE),
        of_last: u32::try_from(of_last).unwrap_or(1),
        in_s: fields.whole("in_s", SPAN_S).unwrap_or(3_600),
        for_s: fields.needed_whole("for_s", SPAN_S),
        knock_s: fields.whole("knock_s", Bounds(0.0, WEEK_S, "seconds")).unwrap_or(0),
        per: fields.word("per", &PER).unwrap_or(Per::Netblock),
        says: rebuff::at(&mut fields, "says", &Place::of(style, Situation::UnknownBlock, Stage::Greeting)),
    };
    fields.done();
    read
}

fn greylist(mut fields: Fields<'_, '_>, style: Style) -> Greylist {
    let read = Greylist {
        delay_s: fields.needed_whole("delay_s", Bounds(1.0, DAY_S, "seconds")),
        window_s: fields.whole("window_s", SPAN_S).unwrap_or(14_400),
        per: fields.word("per", &PER).unwrap_or(Per::Source),
        known_after: fields.whole("known_after", Bounds(0.0, 1e6, "mails")).unwrap_or(0),
        says: rebuff::at(&mut fields, "says", &Place::of(style, Situation::Greylist, Stage::Rcpt).not_before_rcpt()),
    };
    if read.window_s <= read.delay_s {
        fields.fault("window_s", "the window ends before the delay", "make window_s longer than delay_s");
    }
    fields.done();
    read
}

fn full_hour(mut fields: Fields<'_, '_>, style: Style) -> FullHour {
    let read = FullHour {
        before_s: fields.whole("before_s", Bounds(0.0, 1_500.0, "seconds")).unwrap_or(0),
        after_s: fields.whole("after_s", Bounds(0.0, 1_500.0, "seconds")).unwrap_or(0),
        share: fields.number("share", SHARE).unwrap_or(1.0),
        says: rebuff::at(&mut fields, "says", &Place::of(style, Situation::FullHour, Stage::Mail)),
    };
    if read.before_s + read.after_s == 0 {
        fields.fault("after_s", "the span has no length", "write before_s or after_s above 0");
    }
    fields.done();
    read
}

fn busy(mut fields: Fields<'_, '_>, style: Style) -> Busy {
    let read = Busy {
        share: fields.needed_number("share", SHARE),
        says: rebuff::at(&mut fields, "says", &Place::of(style, Situation::Busy, Stage::Rcpt).not_before_rcpt()),
    };
    fields.done();
    read
}

fn listed(mut fields: Fields<'_, '_>, who: &Who<'_>) -> Listed {
    if !fields.has("sources") {
        fields.fault("sources", "is missing", "write sources = [\"group\", \"group-1\"]");
    }
    let mut sources = Vec::new();
    for (name, at) in fields.texts("sources").unwrap_or_default() {
        let is_meant = |source: &Source| source.name.as_str() == name || who.groups[source.group].name == name;
        let meant: Vec<usize> = (0..who.sources.len()).filter(|place| is_meant(&who.sources[*place])).collect();
        if meant.is_empty() {
            let remedy = "write the name of a group of [[sources]], or of one of them like tokyo-1";
            fields.page.fault(at, &fields.path("sources"), format!("there is no source {name}"), remedy);
        }
        sources.extend(meant);
    }
    sources.sort_unstable();
    sources.dedup();
    let says = rebuff::at(&mut fields, "says", &Place::of(who.style, Situation::Listed, Stage::Mail));
    fields.done();
    Listed { sources, says }
}
