//! What we mint is taken back, whatever a mail system does to its letters; everything else is refused.

use std::time::Duration;

use mail_model::{EmailAddress, MessageId, NotificationId, UnixMs};
use proptest::prelude::*;
use return_links::{CanaryAddresses, Keys, KeysError, Refused, RegistrationAddresses, ReturnPaths, UnsubscribeLinks};

const DAY_MS: u64 = 86_400_000;
const DOMAIN: &str = "Bounce.Renraku.example.jp";
/// 2026-11-22.
const NOW: UnixMs = UnixMs(1_795_305_600_000);

fn key(n: u8) -> Vec<u8> {
    (0..32).map(|i| n.wrapping_mul(31) ^ i).collect()
}

fn keys(n: u8) -> Keys {
    Keys::new(&key(n), []).unwrap()
}

fn paths(keys: Keys) -> ReturnPaths {
    ReturnPaths::new(keys, DOMAIN, Duration::from_secs(14 * 86_400)).unwrap()
}

fn id() -> NotificationId {
    NotificationId { message: MessageId((NOW.0 << 20) + 7), index: 41_999 }
}

/// Every text that differs from `local` by one character, among all printable ASCII and some others.
fn neighbours(local: &str) -> impl Iterator<Item = (usize, char, String)> + '_ {
    local.char_indices().flat_map(move |(at, _)| {
        (' '..='~').chain(['\0', 'é', 'Ａ']).map(move |other| {
            let changed = format!("{}{other}{}", &local[..at], &local[at + 1..]);
            (at, other, changed)
        })
    })
}

#[test]
fn a_return_path_has_the_promised_form_and_reads_back_in_either_case() {
    let paths = paths(keys(1));
    let address = paths.mint(id());
    assert_eq!(address.domain(), "bounce.renraku.example.jp");
    assert_eq!(address.local().len(), 39);
    assert!(address.local().starts_with("b+") && address.local() == address.local().to_ascii_lowercase());
    assert_eq!(paths.verify(address.local(), NOW), Ok(id()));
    assert_eq!(paths.verify(&address.local().to_ascii_uppercase(), NOW), Ok(id()));
    assert_eq!(paths.mint(id()), address, "the same on every attempt");
}

#[test]
fn every_change_of_one_character_of_a_return_path_is_refused() {
    let paths = paths(keys(1));
    let local = paths.mint(id()).local().to_owned();
    for (at, other, changed) in neighbours(&local) {
        let same = changed.eq_ignore_ascii_case(&local);
        assert_eq!(paths.verify(&changed, NOW).is_ok(), same, "{other:?} at {at}");
    }
}

#[test]
fn every_change_of_one_character_of_a_token_is_refused() {
    let links = UnsubscribeLinks::new(keys(1), DOMAIN).unwrap();
    let token = links.token(id());
    for (at, other, changed) in neighbours(&token) {
        let same = changed.eq_ignore_ascii_case(&token);
        assert_eq!(links.verify(&changed).is_ok(), same, "{other:?} at {at}");
    }
}

#[test]
fn a_registration_address_forgives_case_and_digits_that_look_like_letters_and_nothing_else() {
    let addresses = RegistrationAddresses::new(keys(1), DOMAIN).unwrap();
    for (number, generation) in [(1, 1), (u32::MAX, 255), (0x0102_0304, 9)] {
        let local = addresses.mint(number, generation).local().to_owned();
        for (at, other, changed) in neighbours(&local) {
            let typed: String = changed.chars().skip(2).collect();
            let read = typed.replace('0', "o").replace('1', "l").replace('8', "b");
            let prefix: String = changed.chars().take(2).collect();
            let same = prefix.eq_ignore_ascii_case("r-") && read.eq_ignore_ascii_case(&local[2..]);
            let verified = addresses.verify(&changed);
            assert_eq!(verified.ok(), same.then_some((number, generation)), "{other:?} at {at}");
        }
    }
}

#[test]
fn what_is_cut_or_grown_is_malformed() {
    let paths = paths(keys(1));
    let local = paths.mint(id()).local().to_owned();
    for end in 0..local.len() {
        assert_eq!(paths.verify(&local[..end], NOW), Err(Refused::Malformed), "{end}");
    }
    for more in ["a", "=", "aaaaaaaa", "+x", "@"] {
        assert_eq!(paths.verify(&format!("{local}{more}"), NOW), Err(Refused::Malformed), "{more}");
    }
    for text in ["", "b", "b+", "postmaster", "b+ＡＡ", "é+", "\"b+\""] {
        assert_eq!(paths.verify(text, NOW), Err(Refused::Malformed), "{text}");
    }
}

#[test]
fn one_purpose_does_not_open_another() {
    let (paths, links) = (paths(keys(1)), UnsubscribeLinks::new(keys(1), DOMAIN).unwrap());
    let addresses = RegistrationAddresses::new(keys(1), DOMAIN).unwrap();
    let path = paths.mint(id()).local()[2..].to_owned();
    let token = links.token(id());
    // Cut to the length of the other, so that only the MAC can tell.
    assert_eq!(paths.verify(&format!("b+{}", &token[..37]), NOW), Err(Refused::WrongMac));
    assert!(links.verify(&format!("{path}{}", "a".repeat(10))).is_err());
    assert!(addresses.verify(&format!("r-{}", &path[..22])).is_err());
    assert_eq!(links.verify(&path), Err(Refused::Malformed));
}

#[test]
fn a_key_of_before_verifies_and_a_foreign_key_does_not() {
    let before = paths(keys(1));
    let minted = before.mint(id());
    let rotated = paths(Keys::new(&key(2), [key(1).as_slice()]).unwrap());
    assert_eq!(rotated.verify(minted.local(), NOW), Ok(id()));
    assert_ne!(rotated.mint(id()), minted, "new addresses carry the key in force");
    assert_eq!(before.verify(rotated.mint(id()).local(), NOW), Err(Refused::WrongMac));
    for foreign in 2..=255 {
        assert_eq!(paths(keys(foreign)).verify(minted.local(), NOW), Err(Refused::WrongMac), "{foreign}");
    }
}

#[test]
fn keys_that_share_an_id_are_both_tried() {
    // 33 keys and 32 ids: at least two share one.
    let all: Vec<Vec<u8>> = (1..=33).map(key).collect();
    let together = paths(Keys::new(&all[0], all[1..].iter().map(Vec::as_slice)).unwrap());
    for one in 1..=33 {
        assert_eq!(together.verify(paths(keys(one)).mint(id()).local(), NOW), Ok(id()), "{one}");
    }
}

#[test]
fn a_return_path_is_good_for_its_window_and_not_a_millisecond_longer() {
    let paths = paths(keys(1));
    let local = paths.mint(id()).local().to_owned();
    let last = UnixMs(NOW.0 + 14 * DAY_MS);
    assert_eq!(paths.verify(&local, last), Ok(id()));
    assert_eq!(paths.verify(&local, UnixMs(last.0 + 1)), Err(Refused::TooOld));
    assert_eq!(paths.verify(&local, UnixMs(0)), Ok(id()), "our own clock was set back");
    let forged = format!("{}a", &local[..local.len() - 1]);
    let wrong = paths.verify(&forged, UnixMs(last.0 + 1));
    assert_ne!(wrong, Err(Refused::TooOld), "an age is told only to those who hold a real address");
}

#[test]
fn a_key_that_is_too_short_and_a_domain_that_is_too_long_are_refused_when_they_are_given() {
    assert_eq!(Keys::new(&[7; 31], []).err(), Some(KeysError::TooShort));
    assert_eq!(Keys::new(&key(1), [[7; 31].as_slice()]).err(), Some(KeysError::TooShort));
    let long = ["a".repeat(60), "b".repeat(60), "c".repeat(60), "d".repeat(30), "jp".to_owned()].join(".");
    assert_eq!(ReturnPaths::new(keys(1), &long, Duration::ZERO).err(), Some(KeysError::Domain));
    for domain in ["", "a b", "a@b", ".", "x\r\n.jp"] {
        assert_eq!(UnsubscribeLinks::new(keys(1), domain).err(), Some(KeysError::Domain), "{domain:?}");
        assert_eq!(RegistrationAddresses::new(keys(1), domain).err(), Some(KeysError::Domain), "{domain:?}");
    }
}

#[test]
fn a_canary_address_is_good_for_its_mailbox_alone() {
    let addresses = CanaryAddresses::new(keys(1), DOMAIN).unwrap();
    for name in ["a", "docomo-1", "0123456789-abcdefghijklm"] {
        let minted = addresses.mint(name).unwrap();
        assert!(minted.local().len() <= 64 && !minted.is_irregular(), "{minted}");
        assert_eq!(addresses.verify(minted.local()).as_deref(), Ok(name));
        assert_eq!(addresses.verify(&minted.local().to_ascii_uppercase()).as_deref(), Ok(name));
        let (_, tag) = minted.local().rsplit_once('.').unwrap();
        let other = format!("canary+other.{tag}");
        assert_eq!(addresses.verify(&other), Err(Refused::WrongMac), "{other}");
        let longer = format!("{}a", minted.local());
        assert!(addresses.verify(&longer).is_err());
        let foreign = CanaryAddresses::new(keys(2), DOMAIN).unwrap();
        assert_eq!(foreign.verify(minted.local()), Err(Refused::WrongMac));
    }
    for name in ["", "Docomo", "a b", "a.b", "0123456789-abcdefghijklmn"] {
        assert_eq!(addresses.mint(name), None, "{name:?}");
    }
    for local in ["canary+", "canary+a", "canary+a.", "canary+.aaaaaaaaaaaaaaaaa", "b+a.b", "postmaster"] {
        assert!(addresses.verify(local).is_err(), "{local}");
    }
}

#[test]
fn keys_show_nothing_of_themselves() {
    assert_eq!(format!("{:?}", Keys::new(&key(1), [key(2).as_slice()]).unwrap()), "Keys(1 + 1)");
}

proptest! {
    #[test]
    fn every_id_reads_back_from_every_form(message: u64, index: u32, secret: [u8; 32], upper: bool) {
        let id = NotificationId { message: MessageId(message), index };
        let keys = Keys::new(&secret, []).unwrap();
        let case = |text: &str| if upper { text.to_ascii_uppercase() } else { text.to_owned() };
        let (paths, links) = (paths(keys.clone()), UnsubscribeLinks::new(keys.clone(), DOMAIN).unwrap());
        let path: EmailAddress = paths.mint(id);
        prop_assert!(path.local().len() <= 64 && !path.is_irregular());
        prop_assert_eq!(paths.verify(&case(path.local()), UnixMs(message >> 20)), Ok(id));
        let mailbox = links.mailbox(id);
        prop_assert!(mailbox.local().len() <= 64);
        prop_assert_eq!(links.verify_local(&case(mailbox.local())), Ok(id));
        prop_assert_eq!(links.verify(&case(&links.token(id))), Ok(id));
        let addresses = RegistrationAddresses::new(keys, DOMAIN).unwrap();
        let registration = addresses.mint(index, 3);
        prop_assert_eq!(registration.local().len(), 24);
        prop_assert_eq!(addresses.verify(&case(registration.local())), Ok((index, 3)));
    }

    #[test]
    fn no_text_is_taken_that_we_did_not_mint(text in "\\PC{0,80}", tail in "[a-z2-7]{37}") {
        let paths = paths(keys(1));
        prop_assert!(paths.verify(&text, UnixMs(0)).is_err());
        let shaped = format!("b+{tail}");
        prop_assert!(paths.verify(&shaped, UnixMs(0)).is_err());
        prop_assert!(UnsubscribeLinks::new(keys(1), DOMAIN).unwrap().verify_local(&text).is_err());
        prop_assert!(RegistrationAddresses::new(keys(1), DOMAIN).unwrap().verify(&text).is_err());
    }
}
