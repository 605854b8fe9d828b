//! From a TOML value to a Rust value, with the bounds of its setting.

use std::path::PathBuf;

use super::document::{Node, Value};
use super::setting::Kind;

/// Why a value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub line: u32,
    pub what: String,
    pub remedy: String,
}

/// A value that a key can hold.
pub(crate) trait FromToml: Sized {
    /// Reads and checks; every wrong item of a list is told.
    fn from_toml(node: &Node, kind: &Kind) -> Result<Self, Vec<Wrong>>;

    /// The value of a key that is left out and has no default.
    fn absent() -> Option<Self> {
        None
    }
}

/// A value written as text. The error says what is wrong with the text; the remedy is the setting's form.
pub(crate) trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, String>;
}

/// A value with the line it stands on, for checks that compare sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub line: u32,
    pub value: T,
}

impl<T: FromToml> FromToml for At<T> {
    fn from_toml(node: &Node, kind: &Kind) -> Result<Self, Vec<Wrong>> {
        T::from_toml(node, kind).map(|value| Self { line: node.line, value })
    }
}

impl<T: FromToml> FromToml for Option<T> {
    fn from_toml(node: &Node, kind: &Kind) -> Result<Self, Vec<Wrong>> {
        T::from_toml(node, kind).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// Not the type that the setting has.
pub(crate) fn other_type(node: &Node, kind: &Kind) -> Vec<Wrong> {
    let what = format!("this is {}", node.value.kind());
    vec![Wrong { line: node.line, what, remedy: format!("give {}", kind.wanted()) }]
}

fn whole(node: &Node, kind: &Kind, min: u64, max: u64) -> Result<u64, Vec<Wrong>> {
    let Value::Whole(number) = node.value else { return Err(other_type(node, kind)) };
    let fits = u64::try_from(number).ok().filter(|n| (min..=max).contains(n));
    fits.ok_or_else(|| {
        let what = format!("{number} is out of bounds");
        vec![Wrong { line: node.line, what, remedy: format!("give {}", kind.wanted()) }]
    })
}

impl FromToml for u64 {
    fn from_toml(node: &Node, kind: &Kind) -> Result<Self, Vec<Wrong>> {
        match *kind {
            Kind::Whole { min, max, .. } => whole(node, kind, min, max),
            _ => Err(other_type(node, kind)),
        }
    }
}

macro_rules! narrower {
    ($($type:ty),+) => {$(
        impl FromToml for $type {
            fn from_toml(node: &Node, kind: &Kind) -> Result<Self, Vec<Wrong>> {
                // The bounds of every setting fit its type; a test reads all of them at both ends.
                u64::from_toml(node, kind)?.try_into().map_err(|_| other_type(node, kind))
            }
        }
    )+};
}
narrower!(u16, u32, usize);

impl FromToml for f64 {
    fn from_toml(node: &Node, kind: &Kind) -> Result<Self, Vec<Wrong>> {
        let number = match node.value {
            Value::Real(number) => number,
            // The bounds below refuse every number that is too large to be exact.
            Value::Whole(number) => number as f64,
            _ => return Err(other_type(node, kind)),
        };
        match *kind {
            // `contains` is false for NaN.
            Kind::Real { min, max, .. } if (min..=max).contains(&number) => Ok(number),
            _ => {
                let what = format!("{number} is out of bounds");
                Err(vec![Wrong { line: node.line, what, remedy: format!("give {}", kind.wanted()) }])
            }
        }
    }
}

impl FromToml for bool {
    fn from_toml(node: &Node, kind: &Kind) -> Result<Self, Vec<Wrong>> {
        match node.value {
            Value::Flag(flag) => Ok(flag),
            _ => Err(other_type(node, kind)),
        }
    }
}

impl FromText for String {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() { Err("the text is empty".to_owned()) } else { Ok(text.to_owned()) }
    }
}

impl FromText for PathBuf {
    fn from_text(text: &str) -> Result<Self, String> {
        String::from_text(text).map(Self::from)
    }
}

fn worded<T: FromText>(node: &Node, kind: &Kind, form: &str) -> Result<T, Vec<Wrong>> {
    let Value::Text(text) = &node.value else { return Err(other_type(node, kind)) };
    T::from_text(text).map_err(|what| vec![Wrong { line: node.line, what, remedy: format!("give {form}") }])
}

impl<T: FromText> FromToml for T {
    fn from_toml(node: &Node, kind: &Kind) -> Result<Self, Vec<Wrong>> {
        match kind {
            Kind::Text { form } => worded(node, kind, form),
            _ => Err(other_type(node, kind)),
        }
    }
}

/// Reads each item; all faults of all items.
fn items<T>(
    node: &Node,
    kind: &Kind,
    (items_min, items_max): (usize, usize),
    read: impl Fn(&Node) -> Result<T, Vec<Wrong>>,
) -> Result<Vec<T>, Vec<Wrong>> {
    let Value::List(list) = &node.value else { return Err(other_type(node, kind)) };
    if !(items_min..=items_max).contains(&list.len()) {
        let what = format!("the list has {} items", list.len());
        return Err(vec![Wrong { line: node.line, what, remedy: format!("give {}", kind.wanted()) }]);
    }
    let (mut values, mut wrong) = (Vec::with_capacity(list.len()), Vec::new());
    for item in list {
        match read(item) {
            Ok(value) => values.push(value),
            Err(more) => wrong.extend(more),
        }
    }
    if wrong.is_empty() { Ok(values) } else { Err(wrong) }
}

impl<T: FromText> FromToml for Vec<T> {
    fn from_toml(node: &Node, kind: &Kind) -> Result<Self, Vec<Wrong>> {
        match kind {
            Kind::Texts { form, items_max } => items(node, kind, (0, *items_max), |item| worded(item, kind, form)),
            _ => Err(other_type(node, kind)),
        }
    }
}

impl FromToml for Vec<u64> {
    fn from_toml(node: &Node, kind: &Kind) -> Result<Self, Vec<Wrong>> {
        match *kind {
            Kind::Wholes { min, max, items_max, .. } => {
                items(node, kind, (1, items_max), |item| whole(item, kind, min, max))
            }
            _ => Err(other_type(node, kind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::parse_value;
    use super::super::setting::{real, text, texts, wholes};
    use super::*;

    fn read<T: FromToml>(toml: &str, kind: &Kind) -> Result<T, String> {
        let node = parse_value(toml).unwrap();
        T::from_toml(&node, kind).map_err(|wrong| wrong.iter().map(|w| w.what.clone()).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn a_number_outside_its_bounds_is_refused_at_both_ends() {
        let kind = super::super::setting::whole(1, 100, "s");
        let table = [("1", Ok(1)), ("100", Ok(100)), ("0x10", Ok(16)), ("0", Err("0 is out of bounds"))];
        for (toml, expected) in table {
            assert_eq!(read::<u32>(toml, &kind), expected.map_err(str::to_owned), "{toml}");
        }
        assert_eq!(read::<u32>("101", &kind), Err("101 is out of bounds".into()));
        assert_eq!(read::<u32>("-1", &kind), Err("-1 is out of bounds".into()));
        assert_eq!(read::<u32>("1.5", &kind), Err("this is a number with a fraction".into()));
        assert_eq!(read::<u32>("\"1\"", &kind), Err("this is text".into()));
        assert_eq!(read::<f64>("nan", &real(0.0, 1.0, "")), Err("NaN is out of bounds".into()));
        assert_eq!(read::<f64>("1", &real(0.0, 1.0, "")), Ok(1.0));
    }

    #[test]
    fn every_wrong_item_of_a_list_is_told() {
        let kind = wholes(1, 10, "s", 3);
        assert_eq!(read::<Vec<u64>>("[1, 2]", &kind), Ok(vec![1, 2]));
        assert_eq!(read::<Vec<u64>>("[0, 2, 11]", &kind), Err("0 is out of bounds; 11 is out of bounds".into()));
        assert_eq!(read::<Vec<u64>>("[]", &kind), Err("the list has 0 items".into()));
        assert_eq!(
            read::<Vec<String>>("[\"\", 1]", &texts("a word", 9)),
            Err("the text is empty; this is a whole number".into())
        );
        assert_eq!(read::<Option<String>>("\"a\"", &text("a word")), Ok(Some("a".into())));
    }
}
