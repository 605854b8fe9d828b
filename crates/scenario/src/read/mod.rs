//! From text to a scenario: every key by hand, so that all faults come at once, each with its line and remedy.

mod carrier;
mod limit;
mod page;
mod period;
mod raw;
mod rebuff;
mod suggest;
#[cfg(test)]
mod tests;

use std::path::Path;

use mail_model::{Class, SourceName};
use toml::de::DeTable;

use crate::fault::ReadError;
use crate::world::{Scenario, Source, SourceGroup, Wave};
use page::{Bounds, Fields, Page, WEEK_S};

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ReadError::File`] when it cannot be read, [`ReadError::Faults`] with everything that is wrong in it.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|why| ReadError::File { path: shown.clone(), why })?;
        scenario(&shown, &text)
    }

    /// Reads a text; `origin` is how faults name it, and its last part without end is the scenario's name.
    ///
    /// # Errors
    /// [`ReadError::Faults`] with everything that is wrong in it.
    pub fn parse(origin: &str, text: &str) -> Result<Self, ReadError> {
        scenario(origin, text)
    }
}

/// Reads a whole file's text.
fn scenario(origin: &str, text: &str) -> Result<Scenario, ReadError> {
    let page = Page::new(origin, text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        page.fault(at, "", error.message().to_owned(), "write TOML, as the README of crate scenario shows");
    }
    let read = whole(&page, name_of(origin), root.get_ref());
    match page.into_faults() {
        faults if faults.is_empty() => Ok(read),
        faults => Err(ReadError::Faults(faults)),
    }
}

fn name_of(origin: &str) -> String {
    let last = origin.rsplit(['/', '\\']).next().unwrap_or(origin);
    last.strip_suffix(".toml").unwrap_or(last).to_owned()
}

fn whole(page: &Page<'_>, name: String, root: &DeTable<'_>) -> Scenario {
    let mut top = Fields::new(page, 0, "", root);
    let title = top.needed_text("title").0.to_owned();
    let about = top.needed_text("about").0.to_owned();
    let horizon_s = top.whole("horizon_s", Bounds(60.0, WEEK_S, "seconds")).unwrap_or(7_200);
    let start_of_day_s = start_time(&mut top);
    let learned = top.flag("learned").unwrap_or(false);
    let learned_age_days = top.number("learned_age_days", Bounds(0.0, 365.0, "days")).unwrap_or(1.0);
    let nodes = top.whole("nodes", Bounds(1.0, 2.0, "engines")).unwrap_or(1);
    let bans_expected = top.flag("bans_expected").unwrap_or(false);
    let time_judged = top.flag("time_judged").unwrap_or(true);
    let groups: Vec<SourceGroup> = listed(&mut top, "sources").into_iter().map(group).collect();
    let sources = sources(&top, &groups);
    let mut carriers = Vec::new();
    for fields in listed(&mut top, "carriers") {
        let carrier = carrier::read(fields, &groups, &sources, &carriers);
        carriers.push(carrier);
    }
    let names: Vec<(&str, usize)> = carriers.iter().enumerate().map(|(at, c)| (c.name.as_str(), at)).collect();
    let mut waves: Vec<Wave> =
        listed(&mut top, "waves").into_iter().map(|fields| wave(fields, &names, horizon_s)).collect();
    waves.sort_by_key(|wave| wave.at_s);
    top.done();
    let nodes = u32::try_from(nodes).unwrap_or(1);
    Scenario {
        name,
        title,
        about,
        horizon_s,
        start_of_day_s,
        learned,
        learned_age_days,
        nodes,
        bans_expected,
        time_judged,
        groups,
        sources,
        waves,
        carriers,
    }
}

/// A list of tables that must not be empty.
fn listed<'a, 't>(top: &mut Fields<'a, 't>, key: &'static str) -> Vec<Fields<'a, 't>> {
    let tables = if top.has(key) { top.tables(key) } else { Some(Vec::new()) };
    match tables {
        Some(tables) if tables.is_empty() => {
            top.fault(key, "there is none", format!("write at least one [[{key}]]"));
            tables
        }
        other => other.unwrap_or_default(),
    }
}

/// `HH:MM` or `HH:MM:SS`.
fn start_time(top: &mut Fields<'_, '_>) -> u64 {
    const TEN: u64 = 36_000;
    let Some((text, at)) = top.text("start_time") else { return TEN };
    let parts: Option<Vec<u64>> = text.split(':').map(|part| part.parse().ok()).collect();
    match parts.as_deref() {
        Some(&[hour @ 0..24, minute @ 0..60]) => hour * 3_600 + minute * 60,
        Some(&[hour @ 0..24, minute @ 0..60, second @ 0..60]) => hour * 3_600 + minute * 60 + second,
        _ => {
            top.page.fault(at, "start_time", format!("{text} is no time of day"), "write it like \"07:55:00\"");
            TEN
        }
    }
}

fn group(mut fields: Fields<'_, '_>) -> SourceGroup {
    let (name, at) = fields.needed_text("name");
    if let Err(why) = SourceName::new(&format!("{name}-1")) {
        fields.page.fault(at, &fields.path("name"), why.to_string(), "write a short word");
    }
    let count = fields.whole("count", Bounds(1.0, 1_000.0, "sources")).unwrap_or(1);
    let netblock = fields.text("netblock").map_or(name, |(text, _)| text).to_owned();
    let standing = fields.number("standing", Bounds(0.01, 100.0, "times the usual")).unwrap_or(1.0);
    let days = fields.number("days", Bounds(0.0, 3_650.0, "days")).unwrap_or(365.0);
    let warmup_day = fields.whole("warmup_day", Bounds(0.0, 365.0, "days"));
    let group = SourceGroup {
        name: name.to_owned(),
        count: u32::try_from(count).unwrap_or(1),
        netblock,
        standing,
        days,
        warmup_day: warmup_day.and_then(|day| u32::try_from(day).ok()),
    };
    fields.done();
    group
}

/// Every source of every group.
fn sources(top: &Fields<'_, '_>, groups: &[SourceGroup]) -> Vec<Source> {
    let mut netblocks: Vec<&str> = Vec::new();
    let mut sources = Vec::new();
    for (place, group) in groups.iter().enumerate() {
        if groups[..place].iter().any(|other| other.name == group.name) {
            let remedy = "give each group a name of its own".to_owned();
            top.fault("sources", format!("there are two groups named {}", group.name), remedy);
        }
        let netblock = netblocks.iter().position(|known| *known == group.netblock).unwrap_or_else(|| {
            netblocks.push(&group.netblock);
            netblocks.len() - 1
        });
        let names = (1..=group.count).filter_map(|n| SourceName::new(&format!("{}-{n}", group.name)).ok());
        sources.extend(names.map(|name| Source { name, group: place, netblock }));
    }
    sources
}

fn wave(mut fields: Fields<'_, '_>, carriers: &[(&str, usize)], horizon_s: u64) -> Wave {
    let at_s = fields.whole("at_s", Bounds(0.0, (horizon_s - 1) as f64, "seconds, before horizon_s")).unwrap_or(0);
    if !fields.has("carrier") {
        fields.fault("carrier", "is missing", "write the name of one of the [[carriers]]");
    }
    let wave = Wave {
        at_s,
        carrier: fields.word("carrier", carriers).unwrap_or(0),
        mails: fields.needed_whole("mails", Bounds(1.0, 1_000_000.0, "mails")),
        class: fields.word("class", &Class::ALL.map(|class| (class.as_str(), class))).unwrap_or(Class::Normal),
        not_after_s: fields.whole("not_after_s", Bounds(1.0, WEEK_S, "seconds")),
        unknown_share: fields.number("unknown_share", Bounds(0.0, 1.0, "a share")).unwrap_or(0.0),
    };
    fields.done();
    wave
}
