//! What one path heard and what it made of it, line by line, for whoever asks why a law did what it did.

use std::collections::BTreeMap;

use figures::report::progress;
use mail_model::EgressPath;
use scheduler::{Heard, Scheduler, Signal};

use crate::shelf::Shelf;

/// Tells of the paths whose name holds a word.
pub(crate) struct Trace {
    word: String,
    last: BTreeMap<String, String>,
}

impl Trace {
    /// Of `carrier/source` names that hold `word`.
    pub(crate) fn of(word: &str) -> Self {
        Self { word: word.to_owned(), last: BTreeMap::new() }
    }

    /// A line for everything but an accepted mail, and for an accepted one after which the path stands otherwise.
    pub(crate) fn heard(&mut self, at_s: f64, scheduler: &Scheduler<Shelf>, path: &EgressPath, heard: &Heard) {
        let name = format!("{}/{}", path.carrier, path.source);
        if !name.contains(&self.word) {
            return;
        }
        let report = scheduler.limits();
        let group = report.groups.iter().find(|group| group.carrier == path.carrier && group.site == path.site);
        let Some(group) = group else { return };
        let known = group.paths.iter().find(|known| known.source == path.source);
        let Some((known, live)) = known.and_then(|known| Some((known, known.live.as_ref()?))) else { return };
        let sum = group.guards.iter().find(|guard| guard.netblock == known.netblock);
        let sum = sum.and_then(|guard| guard.learned.sum_ceiling_per_min);
        let stands = format!(
            "rate {:.1} ceiling {}{} sessions {}/{} shut {} netblock {}",
            live.status.rate_per_min,
            whole(known.learned.ceiling_per_min),
            if live.sure { "!" } else { "" },
            live.sessions,
            live.status.connections_allowed,
            live.status.shut.map_or("-", |shut| shut.because.as_str()),
            whole(sum),
        );
        let usual = matches!(heard.signal, Signal::Accepted | Signal::UnknownUser | Signal::ConnectOk);
        if usual && self.last.get(&name) == Some(&stands) {
            return;
        }
        let stage = heard.stage.map_or("", |stage| stage.as_str());
        let took = heard.took.map_or(0, |took| took.as_millis());
        progress(&format!("{at_s:9.2} {name} {:?} {stage} {took} ms | {stands}", heard.signal));
        self.last.insert(name, stands);
    }
}

fn whole(rate: Option<f64>) -> String {
    rate.map_or("-".to_owned(), |rate| format!("{rate:.0}"))
}
