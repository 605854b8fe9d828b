//! What one key may hold: the row of the table that checks it and that `reference()` prints.

/// Default of a key that must be given.
pub(crate) const REQUIRED: &str = "required";
/// Default of a key that may be left out and then has no value.
pub(crate) const NONE: &str = "none";

/// One key.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Its name, unit last.
    pub key: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// [`REQUIRED`], [`NONE`] or a value as TOML.
    pub default: &'static str,
    /// What it does, and why the bounds are what they are.
    pub reason: &'static str,
}

/// One section.
#[derive(Clone, Debug)]
pub(crate) struct SectionTable {
    /// As written between the brackets.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Its keys.
    pub settings: Vec<Setting>,
}

/// Types, with bounds (both included) and unit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A whole number.
    Whole { min: u64, max: u64, unit: &'static str },
    /// A number that may have a fraction.
    Real { min: f64, max: f64, unit: &'static str },
    /// `true` or `false`.
    Flag,
    /// A text of the form described.
    Text { form: &'static str },
    /// A date.
    Date,
    /// Whole numbers, at least one.
    Wholes { min: u64, max: u64, unit: &'static str, items_max: usize },
    /// Texts of the form described; may be empty.
    Texts { form: &'static str, items_max: usize },
    /// Tables of the form described, at least one.
    Tables { form: &'static str },
}

pub(crate) const fn whole(min: u64, max: u64, unit: &'static str) -> Kind {
    Kind::Whole { min, max, unit }
}

pub(crate) const fn real(min: f64, max: f64, unit: &'static str) -> Kind {
    Kind::Real { min, max, unit }
}

pub(crate) const fn text(form: &'static str) -> Kind {
    Kind::Text { form }
}

pub(crate) const fn texts(form: &'static str, items_max: usize) -> Kind {
    Kind::Texts { form, items_max }
}

pub(crate) const fn wholes(min: u64, max: u64, unit: &'static str, items_max: usize) -> Kind {
    Kind::Wholes { min, max, unit, items_max }
}

fn with_unit(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" {unit}") }
}

impl Kind {
    /// What should be written, for a remedy and for the reference: `a whole number from 1 to 65535`.
    pub fn wanted(&self) -> String {
        match self {
            Self::Whole { min, max, unit } => format!("a whole number from {min} to {max}{}", with_unit(unit)),
            Self::Real { min, max, unit } => format!("a number from {min} to {max}{}", with_unit(unit)),
            Self::Flag => "true or false".to_owned(),
            Self::Text { form } => (*form).to_owned(),
            Self::Date => "a date such as 2026-11-01".to_owned(),
            Self::Wholes { min, max, unit, items_max } => {
                format!("a list of 1 to {items_max} whole numbers from {min} to {max}{}", with_unit(unit))
            }
            Self::Texts { form, items_max } => format!("a list of up to {items_max} texts, each {form}"),
            Self::Tables { form } => format!("a list of {form}"),
        }
    }
}

/// Declares one section: the struct, its table of settings and its reader, so that a key is named exactly once.
///
/// A `given` field is no key: the reader is told its value. A default is `required`, `none` (the type is then an
/// `Option`) or a TOML value. The doc comment of a field is both its rustdoc and its text in `reference()`.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $name:ident in $section:literal {
            $( given $(#[doc = $given_doc:literal])+ $given:ident: $given_type:ty; )*
            $( $(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:tt, $kind:expr; )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        $vis struct $name {
            $( $(#[doc = $given_doc])+ pub $given: $given_type, )*
            $( $(#[doc = $doc])+ pub $field: $type, )+
        }

        impl $name {
            /// The section's keys.
            pub(crate) fn table() -> $crate::written::setting::SectionTable {
                $crate::written::setting::SectionTable {
                    name: $section,
                    about: concat!($($about),+),
                    settings: vec![$( Self::$field() ),+],
                }
            }

            $(
                fn $field() -> $crate::written::setting::Setting {
                    $crate::written::setting::Setting {
                        key: stringify!($field),
                        kind: $kind,
                        default: stringify!($default),
                        reason: concat!($($doc),+),
                    }
                }
            )+

            /// Reads every key, noting every fault; `None` when a key without a default has no usable value.
            pub(crate) fn read(
                from: &$crate::written::section::Section<'_>,
                $($given: $given_type),*
            ) -> Option<Self> {
                from.refuse_unknown_keys(&Self::table());
                // All keys are read before the first `?`, so that no fault hides another.
                $( let $field: Option<$type> = from.value(&Self::$field()); )+
                Some(Self { $($given,)* $($field: $field?),+ })
            }
        }
    };
}
pub(crate) use settings;
