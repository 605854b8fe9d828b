//! How a waiting session hears a bell of the scheduler without a runtime.
//!
//! The bells are tokio's, and whom they wake, in which order, and what happens to a ring that nobody heard are part of what
//! is simulated. So the real futures are polled, with a waker that notes the session's place.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// Places of sessions that were rung, in the order of ringing.
#[derive(Debug, Default)]
pub(crate) struct Rung(Mutex<Vec<usize>>);

impl Rung {
    /// Moves what was rung into `into`, which is emptied first.
    pub(crate) fn take(&self, into: &mut Vec<usize>) {
        into.clear();
        let mut rung = self.0.lock();
        if !rung.is_empty() {
            std::mem::swap(&mut *rung, into);
        }
    }
}

struct Ringer {
    place: usize,
    rung: Arc<Rung>,
}

impl Wake for Ringer {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.0.lock().push(self.place);
    }
}

/// One session's ear.
pub(crate) struct Ear {
    waker: Waker,
    listening: Pin<Box<Option<OwnedNotified>>>,
}

impl Ear {
    pub(crate) fn new(place: usize, rung: &Arc<Rung>) -> Self {
        let ringer = Arc::new(Ringer { place, rung: rung.clone() });
        Self { waker: Waker::from(ringer), listening: Box::pin(None) }
    }

    /// Begins to listen. `true`: the bell was rung when nobody listened, and that ring is heard now.
    pub(crate) fn listen(&mut self, bell: Arc<Notify>) -> bool {
        self.listening.set(Some(bell.notified_owned()));
        self.heard()
    }

    /// Whether the bell rang since. It is heard once.
    pub(crate) fn heard(&mut self) -> bool {
        let Some(listening) = self.listening.as_mut().as_pin_mut() else { return false };
        let heard = listening.poll(&mut Context::from_waker(&self.waker)) == Poll::Ready(());
        if heard {
            self.listening.set(None);
        }
        heard
    }

    /// Stops listening. A ring that came and was not heard goes to the next who listens.
    pub(crate) fn stop(&mut self) {
        self.listening.set(None);
    }
}

/// Whether a bell that nobody listens to was rung since the last call.
pub(crate) fn was_rung(bell: &Notify) -> bool {
    let ring = std::pin::pin!(bell.notified());
    ring.poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_listener_hears_a_ring_and_one_unheard_goes_on() {
        let (rung, bell) = (Arc::new(Rung::default()), Arc::new(Notify::new()));
        let (mut first, mut second) = (Ear::new(1, &rung), Ear::new(2, &rung));
        assert!(!first.listen(bell.clone()) && !second.listen(bell.clone()));
        bell.notify_one();
        let mut places = vec![];
        rung.take(&mut places);
        assert_eq!(places, [1]);
        first.stop();
        rung.take(&mut places);
        assert_eq!(places, [2], "the ring that was not heard");
        assert!(second.heard() && !second.heard());
        bell.notify_one();
        assert!(first.listen(bell.clone()), "rung while nobody listened");
        bell.notify_one();
        assert!(was_rung(&bell) && !was_rung(&bell));
    }
}
