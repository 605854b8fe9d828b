//! The threads of an open queue: begun by opening it, ended when its last handle is dropped.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::core::Core;
use crate::recover::count;
use crate::{refill, syncer};

/// Keeps the queue open. The last one to be dropped waits until everything that was written is durable.
pub struct Handle {
    /// The queue.
    pub core: Arc<Core>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Handle {
    /// Starts the threads.
    pub fn start(core: Core) -> std::io::Result<Self> {
        let core = Arc::new(core);
        let handle = Self { core: core.clone(), threads: Mutex::default() };
        let (begun, told) = std::sync::mpsc::sync_channel(1);
        handle.spawn("queue-count", move |core| {
            count(core, move || {
                // The receiver waits below for exactly this.
                let _ = begun.send(());
            });
        })?;
        // An error would mean that the thread is gone without having begun, and it cannot: it would have aborted us.
        let _ = told.recv();
        handle.spawn("queue-sync", syncer::run)?;
        handle.spawn("queue-refill", refill::run)?;
        Ok(handle)
    }

    fn spawn(&self, name: &str, run: impl FnOnce(&Core) + Send + 'static) -> std::io::Result<()> {
        let core = self.core.clone();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // A thread that panics would leave a queue that accepts and never syncs.
            let stop = StopOnPanic;
            run(&core);
            std::mem::forget(stop);
        })?;
        self.threads.lock().push(thread);
        Ok(())
    }
}

struct StopOnPanic;

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        std::process::abort();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.stopping.store(true, Ordering::Relaxed);
        self.core.bell.stop();
        let mut threads = std::mem::take(&mut *self.threads.lock());
        // The syncer last: the refill may still write.
        self.core.desk.stop();
        threads.drain(..).for_each(|thread| {
            let _ = thread.join();
        });
        if self.core.seqs.next.load(Ordering::Relaxed) > 1 {
            syncer::store_tallies(&self.core);
        }
        self.core.store.sync();
    }
}
