//! A bounded memory that forgets what is not used.

use std::collections::HashMap;

/// Two halves of which the older one is forgotten when the younger one is full: what is used at least once in a
/// half's time stays, without a list in order of use. A flood of invented names cannot push out those in use.
#[derive(Debug)]
pub struct Halves<V> {
    young: HashMap<Box<str>, V>,
    old: HashMap<Box<str>, V>,
    half_max: usize,
}

impl<V> Halves<V> {
    /// A memory of at most `entries_max`; at least 2.
    pub fn new(entries_max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half_max: (entries_max / 2).max(1) }
    }

    /// What is remembered of `key`, which counts as used.
    pub fn get(&mut self, key: &str) -> Option<&mut V> {
        if let Some(value) = self.old.remove(key) {
            self.put(key, value);
        }
        self.young.get_mut(key)
    }

    /// Remembers `value` of `key` in place of what was.
    pub fn put(&mut self, key: &str, value: V) {
        if self.young.len() >= self.half_max && !self.young.contains_key(key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(key);
        self.young.insert(key.into(), value);
    }

    /// Entries remembered.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_forgotten_and_what_is_in_use_is_not() {
        let mut halves = Halves::new(100);
        halves.put("used", 0);
        for n in 1..10_000 {
            halves.put(&n.to_string(), n);
            assert_eq!(halves.get("used"), Some(&mut 0));
            assert!(halves.len() <= 100, "{n}");
        }
        assert_eq!(halves.get("1"), None);
        assert!(!halves.is_empty());
    }
}
