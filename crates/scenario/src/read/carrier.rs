//! `[[carriers]]`: what we believe about a carrier, and its periods.

use mail_model::CarrierName;

use super::page::Fields;
use super::period;
use crate::behaviour::Period;
use crate::words::Style;
use crate::world::{CarrierWorld, Source, SourceGroup};

/// Where the recipients of a built-in profile's carrier are.
const DOMAINS: [(&str, &str); 8] = [
    ("docomo", "docomo.ne.jp"),
    ("au", "au.com"),
    ("softbank", "softbank.ne.jp"),
    ("google", "gmail.com"),
    ("microsoft", "outlook.jp"),
    ("yahoo_jp", "yahoo.co.jp"),
    ("apple", "icloud.com"),
    ("rakuten", "rakumail.jp"),
];

pub(crate) fn read(
    mut fields: Fields<'_, '_>,
    groups: &[SourceGroup],
    sources: &[Source],
    before: &[CarrierWorld],
) -> CarrierWorld {
    let (text, at) = fields.needed_text("name");
    let name = CarrierName::new(text).ok();
    if name.is_none() && !text.is_empty() {
        fields.page.fault(at, &fields.path("name"), "this is no name of a carrier", "write a short word like docomo");
    }
    if before.iter().any(|carrier| carrier.name.as_str() == text) {
        let remedy = "give each carrier a name of its own, or its behaviour further periods";
        fields.page.fault(at, &fields.path("name"), format!("there are two carriers named {text}"), remedy);
    }
    let name = name.unwrap_or_else(CarrierName::other);
    let styles = Style::ALL.map(|style| (style.as_str(), style));
    let style = fields.word("style", &styles).unwrap_or_else(|| Style::of_carrier(name.as_str()));
    let domain = fields.text("domain").map_or_else(|| usual_domain(name.as_str()), |(text, _)| text.to_owned());
    let profile = fields.raw("profile");
    let who = period::Who { style, groups, sources };
    let mut periods: Vec<Period> = Vec::new();
    for table in fields.tables("periods").unwrap_or_default() {
        let next = period::read(table, &who, periods.last());
        periods.push(next);
    }
    if periods.is_empty() {
        fields.fault("periods", "there is none", "write at least one [[carriers.periods]]; it may be empty");
        periods.push(period::usual());
    }
    fields.done();
    CarrierWorld { name, domain, style, profile, periods }
}

fn usual_domain(name: &str) -> String {
    let known = DOMAINS.iter().find(|(carrier, _)| *carrier == name).map(|(_, domain)| (*domain).to_owned());
    known.unwrap_or_else(|| format!("{}.example", name.replace('_', "-")))
}
