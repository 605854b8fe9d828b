//! One section as it is read: the file's own table, and the tables below it that answer for keys it leaves out.

use std::cell::RefCell;

use super::document::{Node, Table, Value, parse_value};
use super::setting::{NONE, REQUIRED, SectionTable, Setting};
use super::suggest::nearest;
use super::value::{FromToml, Wrong};
use crate::fault::Fault;

/// What is wrong with a required key that is left out.
pub(crate) const MISSING: &str = "it is missing";

/// What one reading of a configuration gathers and knows.
#[derive(Default)]
pub(crate) struct Reading {
    faults: RefCell<Vec<Fault>>,
    /// Every section, to tell where a misplaced key belongs.
    known: Vec<SectionTable>,
}

impl Reading {
    pub fn knowing(known: Vec<SectionTable>) -> Self {
        Self { faults: RefCell::default(), known }
    }

    pub fn fault(
        &self,
        origin: &str,
        line: Option<u32>,
        key: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let fault = Fault { origin: origin.into(), line, key: key.into(), what: what.into(), remedy: remedy.into() };
        self.faults.borrow_mut().push(fault);
    }

    pub fn faults(self) -> Vec<Fault> {
        self.faults.into_inner()
    }

    /// The sections, other than `here`, that have `key`.
    fn elsewhere(&self, here: &str, key: &str) -> Option<&'static str> {
        let has = |section: &&SectionTable| section.name != here && section.settings.iter().any(|s| s.key == key);
        self.known.iter().find(has).map(|section| section.name)
    }
}

/// A table of a file, and its path in that file for people.
#[derive(Clone, Copy)]
pub(crate) struct Layer<'a> {
    pub origin: &'a str,
    pub path: &'a str,
    pub table: &'a Table,
}

/// A section: layers from the one that wins to the one that is asked last.
pub(crate) struct Section<'a> {
    pub reading: &'a Reading,
    pub layers: Vec<Layer<'a>>,
    /// For faults when no layer exists: file and path.
    pub origin: &'a str,
    pub path: &'a str,
}

impl<'a> Section<'a> {
    /// A section of one file; absent when `table` is none.
    pub fn single(reading: &'a Reading, origin: &'a str, path: &'a str, table: Option<&'a Table>) -> Self {
        let layers = table.map(|table| Layer { origin, path, table }).into_iter().collect();
        Self { reading, layers, origin, path }
    }

    /// Notes a fault at a line of the file.
    pub fn fault_at(&self, line: u32, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.reading.fault(self.origin, Some(line), &format!("{}.{key}", self.path), what, remedy);
    }

    /// The value of a key: the first layer that has a usable one, else the default. Broken values are noted in every
    /// layer, and reading goes on with the next layer, so that later checks have something to look at.
    pub fn value<T: FromToml>(&self, setting: &Setting) -> Option<T> {
        let mut chosen = None;
        let mut broken = false;
        for layer in &self.layers {
            let Some(node) = layer.table.get(setting.key) else { continue };
            match T::from_toml(node, &setting.kind) {
                Ok(value) => chosen = chosen.or(Some(value)),
                Err(wrong) => {
                    broken = true;
                    self.note(*layer, setting.key, wrong);
                }
            }
        }
        chosen.or_else(|| self.default(setting, broken))
    }

    fn default<T: FromToml>(&self, setting: &Setting, broken: bool) -> Option<T> {
        match setting.default {
            NONE => T::absent(),
            REQUIRED => {
                if !broken {
                    self.missing(setting);
                }
                None
            }
            toml => parse_value(toml).and_then(|node| T::from_toml(&node, &setting.kind).ok()),
        }
    }

    fn missing(&self, setting: &Setting) {
        let key = format!("{}.{}", self.path, setting.key);
        let line = self.layers.first().map(|layer| layer.table.line);
        self.reading.fault(self.origin, line, &key, MISSING, format!("give {}", setting.kind.wanted()));
    }

    fn note(&self, layer: Layer<'_>, key: &str, wrong: Vec<Wrong>) {
        for Wrong { line, what, remedy } in wrong {
            self.reading.fault(layer.origin, Some(line), &format!("{}.{key}", layer.path), what, remedy);
        }
    }

    /// Notes keys that the section does not have, with the key that was probably meant.
    pub fn refuse_unknown_keys(&self, known: &SectionTable) {
        for layer in &self.layers {
            for entry in &layer.table.entries {
                if known.settings.iter().any(|setting| setting.key == entry.key) {
                    continue;
                }
                let remedy = self.meant(known, &entry.key);
                let key = format!("{}.{}", layer.path, entry.key);
                self.reading.fault(layer.origin, Some(entry.line), &key, "there is no such key", remedy);
            }
        }
    }

    fn meant(&self, known: &SectionTable, key: &str) -> String {
        if let Some(near) = nearest(key, known.settings.iter().map(|setting| setting.key)) {
            return format!("did you mean {near}?");
        }
        match self.reading.elsewhere(known.name, key) {
            Some(section) => format!("{key} belongs to [{section}]"),
            None => "take it out; `todoke check-config --explain` lists every key".to_owned(),
        }
    }
}

/// The table of a section; anything else in its place is noted.
pub(crate) fn table_of<'a>(reading: &Reading, origin: &str, root: &'a Table, name: &str) -> Option<&'a Table> {
    match root.get(name) {
        None => None,
        Some(Node { value: Value::Table(table), .. }) => Some(table),
        Some(Node { line, value }) => {
            let what = format!("this is {} where a section belongs", value.kind());
            reading.fault(origin, Some(*line), name, what, format!("write [{name}] and its keys on lines below"));
            None
        }
    }
}

/// The tables of a section that may be repeated.
pub(crate) fn tables_of<'a>(reading: &Reading, origin: &str, root: &'a Table, name: &str) -> Vec<&'a Table> {
    let Some(node) = root.get(name) else { return Vec::new() };
    let mut tables = Vec::new();
    let wrong = |line: u32, found: &str| {
        let what = format!("this is {found} where repeated sections belong");
        reading.fault(origin, Some(line), name, what, format!("write [[{name}]], once for each"));
    };
    match &node.value {
        Value::List(items) => {
            for item in items {
                match &item.value {
                    Value::Table(table) => tables.push(table),
                    other => wrong(item.line, other.kind()),
                }
            }
        }
        other => wrong(node.line, other.kind()),
    }
    tables
}
