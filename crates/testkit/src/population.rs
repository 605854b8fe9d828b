//! Guardians as a Japanese ward has them: carriers in their usual shares, plausible addresses, fictitious names.

use clock::Chance;
use mail_model::EmailAddress;

use crate::names::{GIVEN_NAMES, SCHOOLS, SURNAMES, WORDS};

/// A prime: multiplying by a fixed number modulo it gives every guardian another number.
const NUMBERS: u64 = 9_999_991;
/// One docomo or au address in so many breaks RFC 5321 by its dots.
const IRREGULAR_ONE_IN: u64 = 60;

/// Most guardians of one population; above it addresses would repeat.
pub const POPULATION_MAX: u64 = NUMBERS - 1;

/// Domains with their share of all guardians in per mille. docomo 25 %, au and UQ 15 %, SoftBank and Y!mobile 20 %,
/// Rakuten 2 %, Gmail 20 %, iCloud 8 %, Yahoo! JAPAN 7 %, others 3 %.
const DOMAINS: [(&str, u64); 20] = [
    ("docomo.ne.jp", 250),
    ("au.com", 70),
    ("ezweb.ne.jp", 70),
    ("uqmobile.jp", 10),
    ("softbank.ne.jp", 100),
    ("i.softbank.jp", 50),
    ("ymobile.ne.jp", 40),
    ("k.vodafone.ne.jp", 10),
    ("rakumail.jp", 20),
    ("gmail.com", 200),
    ("icloud.com", 75),
    ("me.com", 5),
    ("yahoo.co.jp", 65),
    ("ymail.ne.jp", 5),
    ("outlook.jp", 8),
    ("hotmail.co.jp", 7),
    ("nifty.com", 4),
    ("biglobe.ne.jp", 4),
    ("jcom.home.ne.jp", 4),
    ("hoshimi-denki.example.jp", 3),
];

/// One guardian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guardian {
    /// Unique within a population.
    pub email: EmailAddress,
    /// Surname and given name.
    pub name: String,
    /// The school of the eldest child.
    pub school: &'static str,
    /// Grade, 1 to 6.
    pub grade: u8,
}

/// `count` guardians, the same for the same seed, at most [`POPULATION_MAX`].
pub fn population(count: u64, seed: u64) -> impl Iterator<Item = Guardian> {
    let mut chance = Chance::seeded(seed);
    let offset = chance.below(NUMBERS);
    (0..count.min(POPULATION_MAX)).map(move |index| guardian(index, offset, &mut chance))
}

fn guardian(index: u64, offset: u64, chance: &mut Chance) -> Guardian {
    let number = (index + 1) * 7_368_787 % NUMBERS + offset;
    loop {
        let (surname, surname_latin) = *pick(&SURNAMES, chance);
        let (given, given_latin) = *pick(&GIVEN_NAMES, chance);
        let domain = domain(chance);
        let local = local_part(surname_latin, given_latin, number, domain, chance);
        // Every pattern is an address; the loop only spares an `expect`.
        if let Ok(email) = format!("{local}@{domain}").parse() {
            let school: &'static str = pick::<&'static str>(&SCHOOLS, chance);
            let grade = u8::try_from(1 + chance.below(6)).unwrap_or(1);
            return Guardian { email, name: format!("{surname} {given}"), school, grade };
        }
    }
}

fn pick<'a, T>(list: &'a [T], chance: &mut Chance) -> &'a T {
    let bound = u64::try_from(list.len()).unwrap_or(1);
    let place = usize::try_from(chance.below(bound)).unwrap_or(0);
    // `below` stays under the length.
    &list[place]
}

fn domain(chance: &mut Chance) -> &'static str {
    let mut place = chance.below(1_000);
    for (domain, share) in DOMAINS {
        if place < share {
            return domain;
        }
        place -= share;
    }
    DOMAINS[0].0
}

/// Letters first, then the guardian's number: no two guardians share the digits, so no two share an address.
fn local_part(surname: &str, given: &str, number: u64, domain: &str, chance: &mut Chance) -> String {
    let initial = given.get(..1).unwrap_or("x");
    let word = pick(&WORDS, chance);
    let regular = match chance.below(8) {
        0 => format!("{given}.{surname}{number}"),
        1 => format!("{surname}-{given}{number}"),
        2 => format!("{surname}_{initial}{number}"),
        3 => format!("{initial}{surname}{number}"),
        4 => format!("{word}.{given}.{number}"),
        5 => format!("{given}-{word}-{number}"),
        6 => format!("{word}{number}"),
        _ => format!("{surname}{number}"),
    };
    let may_be_irregular = matches!(domain, "docomo.ne.jp" | "ezweb.ne.jp");
    if !may_be_irregular || !chance.one_of(1, IRREGULAR_ONE_IN) {
        return regular;
    }
    match chance.below(3) {
        0 => format!("{given}..{word}{number}"),
        1 => format!("{regular}."),
        _ => format!("-{word}..-_-..{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn guardians_are_spread_over_the_carriers_as_in_japan() {
        let mut counts: HashMap<String, i64> = HashMap::new();
        for guardian in population(40_000, 3) {
            *counts.entry(guardian.email.domain().to_owned()).or_default() += 1;
        }
        for (domain, per_mille) in DOMAINS {
            let expected = i64::try_from(per_mille).unwrap() * 40;
            let seen = counts.get(domain).copied().unwrap_or(0);
            assert!((seen - expected).abs() <= expected / 10 + 60, "{domain}: {seen} instead of {expected}");
        }
        assert_eq!(DOMAINS.iter().map(|(_, share)| share).sum::<u64>(), 1_000);
    }

    #[test]
    fn addresses_are_unique_and_some_break_the_rules_of_dots() {
        let mut seen = HashSet::new();
        let mut irregular = 0;
        for guardian in population(100_000, 1) {
            irregular += usize::from(guardian.email.is_irregular());
            assert!(seen.insert(guardian.email.as_str().to_owned()), "{}", guardian.email);
        }
        assert!((100..2_000).contains(&irregular), "{irregular}");
    }

    #[test]
    fn a_seed_gives_the_same_guardians_again() {
        assert!(population(100, 5).eq(population(100, 5)));
        assert!(!population(100, 5).eq(population(100, 6)));
        assert_eq!(population(u64::MAX, 5).size_hint().0, usize::try_from(POPULATION_MAX).unwrap());
    }
}
