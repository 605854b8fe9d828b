//! The key file: generations of the root key, and who may read it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::error::{RootError, Unopened};
use crate::key::{Key, fill};
use crate::tree::{KeyId, KeyKind, KeyRecord, place, row};

/// Length of a root key.
pub const ROOT_KEY_BYTES: usize = crate::key::KEY_BYTES;

/// A key under the root names its generation.
const SUITE: u8 = 1;
const HEAD_BYTES: usize = 5;

/// Rights that nobody but the owner may have on the key file.
const OTHERS: u32 = 0o077;

/// Every generation of the root key. The newest seals; the older ones open what they sealed.
#[derive(Debug)]
pub struct Root {
    generations: BTreeMap<u32, Key>,
    newest: u32,
}

impl Root {
    /// Reads a key file: a path of one's own with mode 0400, or what systemd lays into `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// When it cannot be read, others may read it, or a line is no key.
    pub fn read(path: &Path) -> Result<Self, RootError> {
        let failed = |source| RootError::File { path: path.to_owned(), source };
        if fs::metadata(path).map_err(failed)?.permissions().mode() & OTHERS != 0 {
            return Err(RootError::Open(path.to_owned()));
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, RootError> {
        let mut generations = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let (content, line) = (line.trim(), at + 1);
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let bad = || RootError::Line { path: path.to_owned(), line };
            let (generation, key) = content.split_once(char::is_whitespace).ok_or_else(bad)?;
            let generation: u32 = generation.parse().map_err(|_| bad())?;
            let bytes = Zeroizing::new(BASE64.decode(key.trim().as_bytes()).map_err(|_| bad())?);
            let key = Key::of(&bytes).ok_or_else(bad)?;
            if generations.insert(generation, key).is_some() {
                return Err(RootError::Twice { path: path.to_owned(), line, generation });
            }
        }
        let newest = generations.keys().next_back().copied();
        let newest = newest.ok_or_else(|| RootError::Empty(path.to_owned()))?;
        Ok(Self { generations, newest })
    }

    /// A new line for a key file, one generation after `newest`; 1 for a first one.
    ///
    /// # Panics
    /// When the system has no randomness to give.
    pub fn new_line(newest: Option<u32>) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; ROOT_KEY_BYTES]);
        fill(bytes.as_mut());
        let encoded = Zeroizing::new(BASE64.encode(bytes.as_ref()));
        Zeroizing::new(format!("{} {}\n", newest.map_or(1, |n| n.saturating_add(1)), *encoded))
    }

    /// The generation that seals.
    pub fn newest(&self) -> u32 {
        self.newest
    }

    /// Makes the service key, the one key under the root.
    ///
    /// # Panics
    /// When the system has no randomness to give.
    pub fn make_service(&self, id: KeyId) -> (KeyRecord, Key) {
        let key = Key::generate();
        (KeyRecord { id, kind: KeyKind::Service, parent: None, sealed: self.seal(id, &key) }, key)
    }

    /// Opens the service key.
    ///
    /// # Errors
    /// [`Unopened::Generation`] when its generation is not in the key file, [`Unopened::Tree`] for a record that does
    /// not stand under the root, else as [`Key::open`].
    pub fn open_service(&self, record: &KeyRecord) -> Result<Key, Unopened> {
        if record.kind != KeyKind::Service || record.parent.is_some() {
            return Err(Unopened::Tree);
        }
        let generation = generation_of(&record.sealed)?;
        let root = self.generations.get(&generation).ok_or(Unopened::Generation(generation))?;
        let (_, sealed) = record.sealed.split_at(HEAD_BYTES);
        let bytes = root.open(&place(record.kind, &row(record.id)), sealed)?;
        Key::of(&bytes).ok_or(Unopened::Form)
    }

    /// The record sealed under the newest generation; `None` when it is already. Once the renewed record is stored the
    /// older lines may leave the key file.
    ///
    /// # Errors
    /// As [`Root::open_service`].
    pub fn renew(&self, record: &KeyRecord) -> Result<Option<KeyRecord>, Unopened> {
        let key = self.open_service(record)?;
        if generation_of(&record.sealed)? == self.newest {
            return Ok(None);
        }
        Ok(Some(KeyRecord { sealed: self.seal(record.id, &key), ..record.clone() }))
    }

    fn seal(&self, id: KeyId, key: &Key) -> Vec<u8> {
        let mut sealed = vec![SUITE];
        sealed.extend_from_slice(&self.newest.to_be_bytes());
        if let Some(root) = self.generations.get(&self.newest) {
            sealed.extend(root.seal(&place(KeyKind::Service, &row(id)), key.bytes()));
        }
        sealed
    }
}

fn generation_of(sealed: &[u8]) -> Result<u32, Unopened> {
    match sealed {
        [SUITE, a, b, c, d, ..] => Ok(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => Err(Unopened::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("root.key");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let line = Root::new_line(None);
        for (mode, fine) in [(0o400, true), (0o600, true), (0o440, false), (0o604, false), (0o644, false)] {
            let (_dir, path) = file(&line, mode);
            assert_eq!(Root::read(&path).is_ok(), fine, "{mode:o}");
        }
    }

    #[test]
    fn faults_of_a_key_file_name_the_line_and_show_no_key() {
        let key = Root::new_line(None);
        let secret = key.split_once(' ').unwrap().1.trim().to_owned();
        let table = [
            (String::new(), "holds no key"),
            ("# only a remark\n\n".to_owned(), "holds no key"),
            (format!("one {secret}\n"), "line 1"),
            (format!("1 {secret}\n2 {}\n", &secret[4..]), "line 2"),
            (format!("1 {secret}\n\n1 {secret}\n"), "line 3: generation 1 stands there twice"),
        ];
        for (text, words) in table {
            let (_dir, path) = file(&text, 0o400);
            let said = Root::read(&path).unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
            assert!(!said.contains(&secret[..8]), "{said}");
        }
    }

    #[test]
    fn a_new_generation_seals_and_the_old_one_may_go_after_the_renewal() {
        let first = Root::new_line(None);
        let (_dir, path) = file(&first, 0o400);
        let old = Root::read(&path).unwrap();
        let (record, key) = old.make_service(KeyId(1));
        let place = Place::new("t", "c", b"r");
        let sealed = key.seal(&place, b"value");

        let second = Root::new_line(Some(old.newest()));
        let (_dir, path) = file(&format!("{}{}", *first, *second), 0o400);
        let both = Root::read(&path).unwrap();
        assert_eq!(both.newest(), 2);
        let renewed = both.renew(&record).unwrap().expect("sealed under the first");
        assert_eq!(both.renew(&renewed).unwrap(), None);

        let (_dir, path) = file(&second, 0o400);
        let new = Root::read(&path).unwrap();
        assert_eq!(&**new.open_service(&renewed).unwrap().open(&place, &sealed).unwrap(), b"value");
        assert_eq!(new.open_service(&record).unwrap_err(), Unopened::Generation(1));
    }

    #[test]
    fn only_the_service_key_opens_under_the_root() {
        let (_dir, path) = file(&Root::new_line(None), 0o400);
        let root = Root::read(&path).unwrap();
        let (service, key) = root.make_service(KeyId(1));
        let (school, _) = KeyRecord::make(KeyId(2), KeyKind::School, KeyId(1), &key);
        assert_eq!(root.open_service(&school).unwrap_err(), Unopened::Tree);
        assert_eq!(root.open_service(&KeyRecord { sealed: vec![1, 0], ..service }).unwrap_err(), Unopened::Form);
    }

    use crate::place::Place;
}
