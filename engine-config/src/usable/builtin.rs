//! The carrier profiles that are part of the program.

/// A built-in file: the name it has in messages, the carrier, its text.
pub(crate) struct Builtin {
    pub origin: &'static str,
    pub carrier: &'static str,
    pub text: &'static str,
}

macro_rules! builtin {
    ($($carrier:literal),+ $(,)?) => {
        &[$(Builtin {
            origin: concat!("engine-config/defaults/carriers/", $carrier, ".toml"),
            carrier: $carrier,
            text: include_str!(concat!("../../defaults/carriers/", $carrier, ".toml")),
        }),+]
    };
}

/// What every carrier starts from.
pub(crate) const DEFAULTS: &Builtin = {
    let one: &[Builtin] = builtin!("_defaults");
    &one[0]
};

/// The carriers that have a profile.
pub(crate) const CARRIERS: &[Builtin] = builtin!(
    "apple",
    "au",
    "docomo",
    "google",
    "jp_isp",
    "microsoft",
    "microsoft365",
    "mopera",
    "rakuten",
    "softbank",
    "softbank_i",
    "yahoo_inc",
    "yahoo_jp",
    "ymobile_old",
);

/// A commented configuration to begin with.
pub(crate) const EXAMPLE: &str = include_str!("../../defaults/todoke.toml");
