//! Marks in a text: found and compiled once per message, filled in per recipient, with limits on what they may do.

use std::borrow::Cow;
use std::collections::BTreeSet;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use crate::error::ContentError;
use crate::fill::Fill;
use crate::limits::{TEMPLATE_STEPS_MAX, TEXT_BYTES_MAX};
use crate::spec::Dialect;

/// A text that is the same for all, or one to be filled in.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    Fixed(String),
    Marked { template: String, field: String, wanted: BTreeSet<String>, bytes: usize },
}

/// What a text becomes: a marked HTML text escapes the values filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Html,
}

/// The compiled templates of one message.
#[derive(Debug)]
pub(crate) struct Templates {
    env: Environment<'static>,
    dialect: Dialect,
    wanted: BTreeSet<String>,
    count: usize,
}

/// The values one recipient has for the names that the message uses.
#[derive(Debug)]
pub(crate) struct Values(Value);

impl Values {
    /// For texts without marks.
    pub fn none() -> Self {
        Self(Value::UNDEFINED)
    }
}

impl Templates {
    pub fn new(dialect: Dialect) -> Self {
        Self { env: sandbox(), dialect, wanted: BTreeSet::new(), count: 0 }
    }

    /// Takes a text apart. `field` is what an error names.
    pub fn text(&mut self, field: &str, source: &str, kind: Kind) -> Result<Text, ContentError> {
        self.text_within(TEXT_BYTES_MAX, field, source, kind)
    }

    /// The same for a text that may be longer when nothing is filled in, such as a raw body with files.
    pub fn text_within(&mut self, max: usize, field: &str, source: &str, kind: Kind) -> Result<Text, ContentError> {
        let marked = self.dialect == Dialect::Jinja && ["{{", "{%", "{#"].iter().any(|mark| source.contains(mark));
        let max = if marked { TEXT_BYTES_MAX } else { max };
        if source.len() > max {
            let message = format!("{} bytes are given, at most {max} are allowed; shorten it", source.len());
            return Err(ContentError::new(field, message));
        }
        if !marked {
            return Ok(Text::Fixed(source.to_owned()));
        }
        let suffix = if kind == Kind::Html { "html" } else { "txt" };
        let template = format!("{}.{suffix}", self.count);
        self.count += 1;
        self.env.add_template_owned(template.clone(), source.to_owned()).map_err(|e| syntax(field, &e))?;
        let compiled = self.env.get_template(&template).map_err(|e| syntax(field, &e))?;
        let wanted: BTreeSet<String> = compiled.undeclared_variables(false).into_iter().collect();
        self.wanted.extend(wanted.iter().cloned());
        Ok(Text::Marked { template, field: field.to_owned(), wanted, bytes: source.len() })
    }

    /// Looks up, once per mail, every name that any part of the message uses.
    pub fn values(&self, fill: &Fill<'_>) -> Values {
        let known = self.wanted.iter().filter_map(|name| Some((name.as_str(), fill.find(name)?)));
        Values(Value::from_pairs(known))
    }

    /// The text for one recipient.
    pub fn fill<'t>(&self, text: &'t Text, values: &Values) -> Result<Cow<'t, str>, ContentError> {
        let (template, field, wanted) = match text {
            Text::Fixed(text) => return Ok(Cow::Borrowed(text)),
            Text::Marked { template, field, wanted, .. } => (template, field, wanted),
        };
        let compiled = self.env.get_template(template).map_err(|e| syntax(field, &e))?;
        let filled = compiled.render(values.0.clone()).map_err(|e| unfilled(field, wanted, values, &e))?;
        if filled.len() > TEXT_BYTES_MAX {
            let message = format!("with the values filled in it exceeds {TEXT_BYTES_MAX} bytes; shorten the values");
            return Err(ContentError::new(field, message));
        }
        Ok(Cow::Owned(filled))
    }
}

/// No loader, so nothing is read from disk; no macros and no inclusion (features left out); and fuel, of which one
/// step also pays for 64 bytes made, so neither time nor memory of a template is unbounded.
fn sandbox() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(TEMPLATE_STEPS_MAX));
    env.set_recursion_limit(32);
    let escape = |name: &str| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None };
    env.set_auto_escape_callback(escape);
    env.remove_global("debug");
    env
}

fn syntax(field: &str, error: &Error) -> ContentError {
    let line = error.line().unwrap_or(1);
    let detail = error.detail().unwrap_or("the template cannot be read");
    let remedy = "correct the braces, or choose template_dialect Static when they are meant as text";
    ContentError::new(field, format!("line {line}: {detail}; {remedy}"))
}

/// Puts a failure in words without repeating any value: the library's own texts may quote one.
fn unfilled(field: &str, wanted: &BTreeSet<String>, values: &Values, error: &Error) -> ContentError {
    let line = error.line().unwrap_or(1);
    let lacks = |name: &&String| values.0.get_attr(name).map_or(true, |value| value.is_undefined());
    let message = match error.kind() {
        ErrorKind::UndefinedError => match wanted.iter().find(lacks) {
            Some(name) => format!(
                "line {line}: the text uses {{{{ {name} }}}} but this recipient has no value for it; \
                 add \"{name}\" to the substitutions, or write {{{{ {name} | default(\"\") }}}}"
            ),
            None => format!("line {line}: a value used here is not among this recipient's substitutions; add it"),
        },
        ErrorKind::OutOfFuel => format!("the template takes more than {TEMPLATE_STEPS_MAX} steps; make it simpler"),
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
            let detail = error.detail().unwrap_or("it uses a filter or function that does not exist");
            format!("line {line}: {detail}; correct its name")
        }
        kind => format!("line {line}: {kind} with this recipient's values; check their types"),
    };
    ContentError::new(field, message)
}
