//! A TOML text as a tree in which every key and value knows its line.

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

/// A value and the line it begins on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub line: u32,
    pub value: Value,
}

/// A TOML value. Wider than TOML's own integers so that a number with a digit too many is reported as out of bounds
/// with the bounds beside it, and not as broken syntax.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Whole(i128),
    Real(f64),
    Flag(bool),
    Moment(String),
    List(Vec<Node>),
    Table(Table),
}

impl Value {
    /// The kind of value in an operator's words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Whole(_) => "a whole number",
            Self::Real(_) => "a number with a fraction",
            Self::Flag(_) => "true or false",
            Self::Moment(_) => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Keys in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    pub line: u32,
    pub entries: Vec<Entry>,
}

/// One key with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub key: String,
    pub line: u32,
    pub node: Node,
}

impl Table {
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }
}

/// Where a text stops being TOML.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SyntaxFault {
    pub line: u32,
    pub message: String,
}

/// Reads all of `text`; what is no TOML is listed and left out of the tree.
pub(crate) fn parse(text: &str) -> (Table, Vec<SyntaxFault>) {
    let lines = Lines::of(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    let line_of_error = |error: &Error| error.span().map_or(1, |span| lines.at(span.start));
    let faults = errors.iter().map(|e| SyntaxFault { line: line_of_error(e), message: e.message().to_owned() });
    let faults = faults.collect();
    (table(root.get_ref(), 1, &lines), faults)
}

/// Reads one value, as defaults are written in the tables of settings: `512`, `"info"`, `[60, 120]`.
pub(crate) fn parse_value(text: &str) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    Some(node(&value, &Lines::of(text)))
}

/// Offsets at which lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    fn at(&self, offset: usize) -> u32 {
        u32::try_from(self.0.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX)
    }
}

fn table(from: &DeTable<'_>, line: u32, lines: &Lines) -> Table {
    let mut entries: Vec<(usize, Entry)> = Vec::with_capacity(from.len());
    for (key, value) in from {
        let entry =
            Entry { key: key.get_ref().to_string(), line: lines.at(key.span().start), node: node(value, lines) };
        entries.push((key.span().start, entry));
    }
    // The map may be sorted by key, depending on a feature that any other crate can switch on.
    entries.sort_by_key(|(at, _)| *at);
    Table { line, entries: entries.into_iter().map(|(_, entry)| entry).collect() }
}

fn node(from: &Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    let line = lines.at(from.span().start);
    let value = match from.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            // Beyond 128 bits every bound is exceeded all the same.
            let beyond = if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX };
            Value::Whole(i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(beyond))
        }
        DeValue::Float(number) => Value::Real(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(moment) => Value::Moment(moment.to_string()),
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(item, lines)).collect()),
        DeValue::Table(entries) => Value::Table(table(entries, line, lines)),
    };
    Node { line, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let text = "a = 1\n\n[b]\nc = [\n  \"x\",\n  \"y\",\n]\nd = 2026-11-01\n";
        let (root, faults) = parse(text);
        assert_eq!(faults, []);
        assert_eq!(root.get("a").unwrap(), &Node { line: 1, value: Value::Whole(1) });
        let Value::Table(b) = &root.get("b").unwrap().value else { panic!("b is a table") };
        let Value::List(c) = &b.get("c").unwrap().value else { panic!("c is a list") };
        assert_eq!(c.iter().map(|item| item.line).collect::<Vec<_>>(), [5, 6]);
        assert_eq!(b.get("d").unwrap(), &Node { line: 8, value: Value::Moment("2026-11-01".into()) });
        let lines: Vec<u32> = b.entries.iter().map(|entry| entry.line).collect();
        assert_eq!(lines, [4, 8]);
    }

    #[test]
    fn a_number_that_no_machine_holds_is_still_a_number() {
        let (root, faults) = parse("a = 99999999999999999999\n");
        assert_eq!(faults, []);
        assert_eq!(root.get("a").unwrap().value, Value::Whole(99_999_999_999_999_999_999));
    }

    #[test]
    fn several_breaks_in_the_syntax_are_found_at_once() {
        let (_, faults) = parse("a = \nb = 1\nb = 2\n[c\n");
        let lines: Vec<u32> = faults.iter().map(|fault| fault.line).collect();
        assert!(lines.contains(&1) && lines.contains(&3) && lines.contains(&4), "{faults:?}");
    }
}
