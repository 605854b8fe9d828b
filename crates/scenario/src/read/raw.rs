//! A part of the text that others read: kept as plain TOML values.

use toml::Value;
use toml::de::{DeTable, DeValue};

pub(crate) fn table(from: &DeTable<'_>) -> toml::Table {
    from.iter().filter_map(|(key, item)| Some((key.get_ref().to_string(), value(item.get_ref())?))).collect()
}

/// A number beyond 64 bits has no value and is left out; no profile has a use for it.
fn value(from: &DeValue<'_>) -> Option<Value> {
    Some(match from {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()?),
        DeValue::Float(number) => Value::Float(number.as_str().parse().ok()?),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(moment) => Value::Datetime(*moment),
        DeValue::Array(items) => Value::Array(items.iter().filter_map(|item| value(item.get_ref())).collect()),
        DeValue::Table(items) => Value::Table(table(items)),
    })
}
