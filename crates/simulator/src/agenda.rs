//! What happens when: a heap of events, those of the same moment in the order in which they were noted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use mail_model::MonoUs;

/// Something that happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A wave is handed in.
    Wave(usize),
    /// The time of a wave's mails is over.
    Deadline(usize),
    /// A node's dispatcher looks again.
    Dispatch(usize),
    /// A session goes on, unless it has gone on since: place and turn.
    Session(usize, u32),
    /// The figures of a step are taken.
    Sample,
}

/// All that is to come.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Reverse<(u64, u64, Event)>>,
    noted: u64,
}

impl Agenda {
    pub(crate) fn note(&mut self, at: MonoUs, event: Event) {
        self.noted += 1;
        self.heap.push(Reverse((at.0, self.noted, event)));
    }

    /// The next event, unless it is after `end`.
    pub(crate) fn next(&mut self, end: MonoUs) -> Option<(MonoUs, Event)> {
        let Reverse((at, ..)) = self.heap.peek()?;
        if *at > end.0 {
            return None;
        }
        self.heap.pop().map(|Reverse((at, _, event))| (MonoUs(at), event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_by_when_they_were_noted() {
        let mut agenda = Agenda::default();
        agenda.note(MonoUs(5), Event::Sample);
        agenda.note(MonoUs(3), Event::Dispatch(1));
        agenda.note(MonoUs(5), Event::Wave(0));
        agenda.note(MonoUs(9), Event::Sample);
        let order: Vec<_> = std::iter::from_fn(|| agenda.next(MonoUs(8))).collect();
        let expected = [(MonoUs(3), Event::Dispatch(1)), (MonoUs(5), Event::Sample), (MonoUs(5), Event::Wave(0))];
        assert_eq!(order, expected);
    }
}
