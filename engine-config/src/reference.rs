//! The reference of every key, made from the same tables that check them.

use crate::usable::builtin::DEFAULTS;
use crate::usable::config::sections;
use crate::written::document::parse;
use crate::written::setting::{NONE, REQUIRED, SectionTable, Setting};

/// Every section and key with its type, unit, bounds, default and reason, as text for a terminal 100 columns wide.
pub fn reference() -> String {
    let mut text = String::new();
    for section in sections() {
        let title = match section.name {
            "defaults" => "[defaults] and [carriers.<name>]".to_owned(),
            name => format!("[{name}]"),
        };
        text.push_str(&format!("{title}\n{}\n", wrapped(section.about, 2)));
        for setting in &section.settings {
            let default = default_of(&section, setting);
            text.push_str(&format!("  {}\n", setting.key));
            text.push_str(&wrapped(&format!("{}; {default}", setting.kind.wanted()), 6));
            text.push_str(&wrapped(setting.reason, 6));
        }
        text.push('\n');
    }
    text
}

fn default_of(section: &SectionTable, setting: &Setting) -> String {
    if section.name == "defaults" {
        return profile_default(setting);
    }
    match setting.default {
        REQUIRED => "must be given".to_owned(),
        NONE => "may be left out".to_owned(),
        toml => format!("default {toml}"),
    }
}

/// The line of `_defaults.toml`, as it stands there.
fn profile_default(setting: &Setting) -> String {
    let line = parse(DEFAULTS.text).0.entries.into_iter().find(|entry| entry.key == setting.key).map(|e| e.line);
    let line = line.and_then(|line| DEFAULTS.text.lines().nth(usize::try_from(line).unwrap_or(0).saturating_sub(1)));
    match line.and_then(|line| line.split_once('=')) {
        Some((_, value)) => format!("default {}", value.split(" #").next().unwrap_or(value).trim()),
        None => "no default, carrier by carrier".to_owned(),
    }
}

/// Words in lines of at most 100 columns, indented.
fn wrapped(words: &str, indent: usize) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in words.split_whitespace() {
        if column > 0 && column + 1 + word.chars().count() > 100 {
            text.push('\n');
            column = 0;
        }
        if column == 0 {
            text.push_str(&" ".repeat(indent));
            column = indent;
        } else {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.chars().count();
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::written::document::{Value, parse_value};
    use crate::written::setting::Kind;

    #[test]
    fn every_key_is_explained_with_its_bounds_and_default() {
        let text = reference();
        for expected in [
            "[queue]\n",
            "[[sources]]\n",
            "[defaults] and [carriers.<name>]\n",
            "  sessions_max\n      a whole number from 1 to 65536 sessions; default 512\n",
            "  connections_max\n      a whole number from 1 to 500 connections; default 10\n",
            "  node_name\n      a host name such as mx1.example.jp; must be given\n",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 100), "a line is too long");
    }

    #[test]
    fn every_default_is_within_its_own_bounds_and_every_key_has_a_reason() {
        for section in sections() {
            for setting in &section.settings {
                let name = format!("{}.{}", section.name, setting.key);
                assert!(setting.reason.trim().len() > 10, "{name} is not explained");
                let Some(node) = parse_value(setting.default) else {
                    assert!([REQUIRED, NONE].contains(&setting.default), "{name}: {} is no value", setting.default);
                    continue;
                };
                let Kind::Whole { min, max, .. } = setting.kind else { continue };
                let Value::Whole(default) = node.value else { panic!("{name} has no whole number as default") };
                assert!((i128::from(min)..=i128::from(max)).contains(&default), "{name}");
            }
        }
    }

    #[test]
    fn units_stand_last_in_names() {
        for setting in sections().iter().flat_map(|section| &section.settings) {
            let (Kind::Whole { unit, .. } | Kind::Wholes { unit, .. }) = setting.kind else { continue };
            let ending = match unit {
                "ms" => "_ms",
                "seconds" => "_s",
                "days" => "_days",
                "hours" => "_hours",
                "bytes" => "bytes",
                _ => continue,
            };
            let name = setting.key.trim_end_matches("_max").trim_end_matches("_min");
            let found = name.ends_with(ending) || setting.key.ends_with(ending);
            assert!(found, "{} counts {unit}", setting.key);
        }
    }
}
