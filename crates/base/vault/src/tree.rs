//! Which key stands under which, as records that may be stored anywhere.

use crate::error::Unopened;
use crate::key::Key;
use crate::place::Place;

/// Number of a key record, given by whoever stores it, never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub i64);

/// What a key is for, and with it where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// The one key under the root.
    Service,
    /// Blind indexes of the whole service.
    Index,
    /// One school.
    School,
    /// One child, contact or member of staff.
    Person,
    /// One message: body, files, queue records.
    Message,
}

impl KeyKind {
    /// Every kind, parents first.
    pub const ALL: [Self; 5] = [Self::Service, Self::Index, Self::School, Self::Person, Self::Message];

    /// As stored, and bound into the seal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Index => "index",
            Self::School => "school",
            Self::Person => "person",
            Self::Message => "message",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The kinds a parent may have; none for the key under the root. A person known to several schools (a contact of
    /// siblings), and a message of the whole ward, stand under the service.
    pub fn parents(self) -> &'static [Self] {
        match self {
            Self::Service => &[],
            Self::Index | Self::School => &[Self::Service],
            Self::Person | Self::Message => &[Self::School, Self::Service],
        }
    }
}

/// A key as it is stored: sealed under its parent. Deleting the record destroys the key and all that stands under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its number.
    pub id: KeyId,
    /// What it is for.
    pub kind: KeyKind,
    /// The record it stands under; none for the service key.
    pub parent: Option<KeyId>,
    /// The key, sealed.
    pub sealed: Vec<u8>,
}

impl KeyRecord {
    /// Makes a new key under `parent`, whose record has the number `parent_id`.
    ///
    /// # Panics
    /// When the system has no randomness to give.
    pub fn make(id: KeyId, kind: KeyKind, parent_id: KeyId, parent: &Key) -> (Self, Key) {
        let key = Key::generate();
        let sealed = parent.seal(&place(kind, &row(id)), key.bytes());
        (Self { id, kind, parent: Some(parent_id), sealed }, key)
    }

    /// Opens it with its parent's key.
    ///
    /// # Errors
    /// [`Unopened::Refused`] when `parent` is not its parent or the record was changed.
    pub fn open(&self, parent: &Key) -> Result<Key, Unopened> {
        let bytes = parent.open(&place(self.kind, &row(self.id)), &self.sealed)?;
        Key::of(&bytes).ok_or(Unopened::Form)
    }

    /// The same key under another parent, as when a parent is renewed; the old record must be deleted.
    ///
    /// # Errors
    /// As [`KeyRecord::open`].
    pub fn moved(&self, from: &Key, to_id: KeyId, to: &Key) -> Result<Self, Unopened> {
        let key = self.open(from)?;
        let sealed = to.seal(&place(self.kind, &row(self.id)), key.bytes());
        Ok(Self { parent: Some(to_id), sealed, ..self.clone() })
    }
}

pub(crate) fn row(id: KeyId) -> [u8; 8] {
    id.0.to_be_bytes()
}

pub(crate) fn place(kind: KeyKind, row: &[u8]) -> Place<'_> {
    Place::new("keys", kind.as_str(), row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destroying_one_record_leaves_all_under_it_shut() {
        let service = Key::generate();
        let (school, school_key) = KeyRecord::make(KeyId(2), KeyKind::School, KeyId(1), &service);
        let (person, person_key) = KeyRecord::make(KeyId(3), KeyKind::Person, KeyId(2), &school_key);
        let name = Place::new("contacts", "name", b"9");
        let sealed = person_key.seal(&name, b"Sato");

        let opened = person.open(&school.open(&service).unwrap()).unwrap();
        assert_eq!(&**opened.open(&name, &sealed).unwrap(), b"Sato");

        drop(school);
        let (another, another_key) = KeyRecord::make(KeyId(2), KeyKind::School, KeyId(1), &service);
        assert_eq!(another.id, KeyId(2), "the number given again does not help");
        assert_eq!(person.open(&another_key).unwrap_err(), Unopened::Refused);
        assert_eq!(person.open(&service).unwrap_err(), Unopened::Refused);
    }

    #[test]
    fn a_record_given_out_for_another_does_not_open() {
        let service = Key::generate();
        let (record, _) = KeyRecord::make(KeyId(5), KeyKind::Person, KeyId(1), &service);
        let renamed =
            [KeyRecord { id: KeyId(6), ..record.clone() }, KeyRecord { kind: KeyKind::Message, ..record.clone() }];
        for record in renamed {
            assert_eq!(record.open(&service).unwrap_err(), Unopened::Refused, "{record:?}");
        }
    }

    #[test]
    fn a_key_moved_to_a_new_parent_opens_what_it_sealed() {
        let (old, new) = (Key::generate(), Key::generate());
        let (record, key) = KeyRecord::make(KeyId(5), KeyKind::Message, KeyId(1), &old);
        let place = Place::new("messages", "body", b"5");
        let sealed = key.seal(&place, b"closed today");
        let moved = record.moved(&old, KeyId(2), &new).unwrap();
        assert_eq!(moved.parent, Some(KeyId(2)));
        assert_eq!(&**moved.open(&new).unwrap().open(&place, &sealed).unwrap(), b"closed today");
        assert!(moved.open(&old).is_err());
    }

    #[test]
    fn every_kind_has_its_name_and_a_parent_that_stands_above_it() {
        for kind in KeyKind::ALL {
            assert_eq!(KeyKind::named(kind.as_str()), Some(kind));
            assert!(kind.parents().iter().all(|parent| *parent < kind), "{kind:?}");
        }
        assert_eq!(KeyKind::named("root"), None);
    }
}
