//! One asker at a time for each key.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::MutexGuard;

type Queues = Mutex<HashMap<Box<str>, Arc<tokio::sync::Mutex<()>>>>;

/// Turns at asking: however many want to know the same, one asks and the others wait for its answer.
#[derive(Debug, Default)]
pub struct Turns(Queues);

impl Turns {
    /// A place in the queue of `key`; take the turn by [`Turn::taken`].
    pub fn at<'a>(&'a self, key: &'a str) -> Turn<'a> {
        let lock = Arc::clone(self.0.lock().entry(key.into()).or_default());
        Turn { queues: &self.0, key, lock }
    }

    /// Keys somebody asks for.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether nobody asks for anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A caller's place in the queue of one key; the queue is forgotten with its last caller.
#[derive(Debug)]
pub struct Turn<'a> {
    queues: &'a Queues,
    key: &'a str,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl Turn<'_> {
    /// Waits for the turn; the guard is the turn. Whoever drops it half-way leaves it to the next.
    pub async fn taken(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().await
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queues = self.queues.lock();
        // Copies are made under this lock only: two are the map's and our own.
        if Arc::strong_count(&self.lock) == 2 {
            queues.remove(self.key);
        }
    }
}
