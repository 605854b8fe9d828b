//! A TOML text as tables whose keys are taken one by one; what is left over is unknown, what does not fit is noted.

use std::cell::RefCell;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::suggest::nearest;
use crate::behaviour::Per;
use crate::fault::Fault;

/// A text that is being read, and what was found wrong with it.
pub(crate) struct Page<'a> {
    origin: &'a str,
    lines: Vec<usize>,
    faults: RefCell<Vec<Fault>>,
}

impl<'a> Page<'a> {
    pub fn new(origin: &'a str, text: &str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { origin, lines, faults: RefCell::default() }
    }

    fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.lines.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX)
    }

    pub fn fault(&self, at: usize, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let (what, remedy) = (what.into(), remedy.into());
        let fault = Fault { origin: self.origin.into(), line: self.line(at), key: key.into(), what, remedy };
        self.faults.borrow_mut().push(fault);
    }

    /// All faults in the order of lines, each once.
    pub fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort();
        faults.dedup();
        faults
    }
}

/// One table, with the keys that were not taken yet.
pub(crate) struct Fields<'a, 't> {
    pub page: &'a Page<'a>,
    pub at: usize,
    path: String,
    left: Vec<(&'t Spanned<std::borrow::Cow<'t, str>>, &'t Spanned<DeValue<'t>>)>,
    known: Vec<&'static str>,
}

pub(crate) const DAY_S: f64 = 86_400.0;
pub(crate) const WEEK_S: f64 = 7.0 * DAY_S;

/// Ways of adding up requests.
pub(crate) const PER: [(&str, Per); 3] =
    [("source", Per::Source), ("netblock", Per::Netblock), ("carrier", Per::Carrier)];
pub(crate) const SHARE: Bounds = Bounds(0.0, 1.0, "a share");
pub(crate) const SPAN_S: Bounds = Bounds(1.0, WEEK_S, "seconds");

/// The bounds of a number, both allowed.
#[derive(Clone, Copy)]
pub(crate) struct Bounds(pub f64, pub f64, pub &'static str);

impl Bounds {
    fn hold(self, number: f64) -> bool {
        (self.0..=self.1).contains(&number)
    }

    fn remedy(self) -> String {
        format!("write a number of {} from {} to {}", self.2, self.0, self.1)
    }
}

impl<'a, 't> Fields<'a, 't> {
    pub fn new(page: &'a Page<'a>, at: usize, path: &str, table: &'t DeTable<'t>) -> Self {
        Self { page, at, path: path.to_owned(), left: table.iter().collect(), known: Vec::new() }
    }

    /// The full name of a key.
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub fn fault(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.page.fault(self.at, &self.path(key), what, remedy);
    }

    fn take(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.known.push(key);
        let place = self.left.iter().position(|(name, _)| name.get_ref() == key)?;
        Some(self.left.swap_remove(place).1)
    }

    fn missing(&self, key: &str, what: &str) {
        self.fault(key, "is missing", format!("write {key} = {what}"));
    }

    fn wrong(&self, value: &Spanned<DeValue<'_>>, key: &str, wanted: &str) {
        let found = value.get_ref().type_str();
        self.page.fault(value.span().start, &self.path(key), format!("this is a value of type {found}"), wanted);
    }

    /// A number, where it stands.
    fn number_at(&mut self, key: &'static str, bounds: Bounds) -> Option<(f64, usize)> {
        let value = self.take(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix()).ok().map(|n| n as f64),
            DeValue::Float(n) => n.as_str().parse().ok(),
            _ => None,
        };
        let Some(number) = number else {
            self.wrong(value, key, &bounds.remedy());
            return None;
        };
        if !bounds.hold(number) {
            self.page.fault(value.span().start, &self.path(key), format!("{number} is out of bounds"), bounds.remedy());
            return None;
        }
        Some((number, value.span().start))
    }

    pub fn number(&mut self, key: &'static str, bounds: Bounds) -> Option<f64> {
        self.number_at(key, bounds).map(|(number, _)| number)
    }

    /// A number that must be there; a number in its bounds when it is not, so that reading goes on.
    pub fn needed_number(&mut self, key: &'static str, bounds: Bounds) -> f64 {
        let there = self.has(key);
        let number = self.number(key, bounds);
        if !there {
            self.missing(key, &format!("a number of {} from {} to {}", bounds.2, bounds.0, bounds.1));
        }
        number.unwrap_or(bounds.0)
    }

    pub fn whole(&mut self, key: &'static str, bounds: Bounds) -> Option<u64> {
        let (number, at) = self.number_at(key, bounds)?;
        if number.fract() != 0.0 {
            self.page.fault(at, &self.path(key), "this is a number with a fraction", "write a whole number");
            return None;
        }
        Some(to_whole(number))
    }

    pub fn needed_whole(&mut self, key: &'static str, bounds: Bounds) -> u64 {
        let there = self.has(key);
        let number = self.whole(key, bounds);
        if !there {
            self.missing(key, &format!("a whole number of {} from {} to {}", bounds.2, bounds.0, bounds.1));
        }
        number.unwrap_or(to_whole(bounds.0))
    }

    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        self.wrong(value, key, "write true or false");
        None
    }

    /// A text and where it stands.
    pub fn text(&mut self, key: &'static str) -> Option<(&'t str, usize)> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Some((text.trim(), value.span().start)),
            DeValue::String(_) => {
                self.page.fault(value.span().start, &self.path(key), "the text is empty", "write some words");
                None
            }
            _ => {
                self.wrong(value, key, "write a text in quotes");
                None
            }
        }
    }

    pub fn needed_text(&mut self, key: &'static str) -> (&'t str, usize) {
        if !self.has(key) {
            self.missing(key, "\"…\"");
        }
        self.text(key).unwrap_or(("", self.at))
    }

    /// One of several words.
    pub fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let (text, at) = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.page.fault(
                at,
                &self.path(key),
                format!("{text} is not known"),
                format!("write one of: {}", list.join(", ")),
            );
        }
        found
    }

    /// A list of texts, each with its place.
    pub fn texts(&mut self, key: &'static str) -> Option<Vec<(&'t str, usize)>> {
        let value = self.take(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(value, key, "write a list of texts");
            return None;
        };
        let mut texts = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => texts.push((text.as_ref(), item.span().start)),
                _ => self.wrong(item, key, "write a list of texts"),
            }
        }
        Some(texts)
    }

    /// Whether the key says `"none"`; it is taken then.
    pub fn says_none(&mut self, key: &'static str) -> bool {
        let is_none = |value: &DeValue<'_>| matches!(value, DeValue::String(text) if text == "none");
        let place = self.left.iter().position(|(name, value)| name.get_ref() == key && is_none(value.get_ref()));
        if let Some(place) = place {
            self.left.swap_remove(place);
        }
        place.is_some()
    }

    /// A table of its own.
    pub fn table(&mut self, key: &'static str) -> Option<Fields<'a, 't>> {
        let value = self.take(key)?;
        let path = self.path(key);
        if let DeValue::Table(table) = value.get_ref() {
            return Some(Fields::new(self.page, value.span().start, &path, table));
        }
        self.wrong(value, key, "write a table");
        None
    }

    /// A list of tables; `None` when the key is not there.
    pub fn tables(&mut self, key: &'static str) -> Option<Vec<Fields<'a, 't>>> {
        let value = self.take(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(value, key, &format!("write [[{}]]", self.path(key)));
            return None;
        };
        let mut tables = Vec::new();
        for (number, item) in items.iter().enumerate() {
            let path = format!("{}.{}", self.path(key), number + 1);
            match item.get_ref() {
                DeValue::Table(table) => tables.push(Fields::new(self.page, item.span().start, &path, table)),
                _ => self.wrong(item, key, &format!("write [[{}]]", self.path(key))),
            }
        }
        Some(tables)
    }

    /// A table that is kept as it is.
    pub fn raw(&mut self, key: &'static str) -> toml::Table {
        let Some(value) = self.take(key) else { return toml::Table::new() };
        if let DeValue::Table(table) = value.get_ref() {
            return super::raw::table(table);
        }
        self.wrong(value, key, "write a table");
        toml::Table::new()
    }

    pub fn has(&self, key: &str) -> bool {
        self.left.iter().any(|(name, _)| name.get_ref() == key)
    }

    /// Notes every key that nobody asked for.
    pub fn done(self) {
        for (key, _) in &self.left {
            let remedy = match nearest(key.get_ref(), &self.known) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("take it out; known here: {}", self.known.join(", ")),
            };
            self.page.fault(key.span().start, &self.path(key.get_ref()), "this key is not known", remedy);
        }
    }
}

/// A number that is whole and in bounds already.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounds were checked by the caller")]
fn to_whole(number: f64) -> u64 {
    number as u64
}
