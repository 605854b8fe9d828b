//! What holds a carrier's mail back at a moment of a forecast.

/// The narrowest place of one moment. The order is that of questions: the first that applies is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bind {
    /// An operator suspended it.
    Held,
    /// Too many unknown users: the carrier is left alone.
    UnknownUsers,
    /// No source of the pool exists.
    NoSource,
    /// All that is left waits for another attempt.
    Retries,
    /// Every source rests.
    Resting,
    /// Young sources have used up their hour.
    WarmUp,
    /// Mail of others goes first.
    Ahead,
    /// The engine's sessions are all in use.
    EngineSessions,
    /// The sources of one netblock together may do less than their sum.
    Netblock,
    /// Sessions and reply time allow less than the pace does.
    Sessions,
    /// A good part of the sources rests.
    SomeResting,
    /// The pace of the paths.
    Pace,
}

pub(crate) const BINDS: [Bind; 12] = [
    Bind::Held,
    Bind::UnknownUsers,
    Bind::NoSource,
    Bind::Retries,
    Bind::Resting,
    Bind::WarmUp,
    Bind::Ahead,
    Bind::EngineSessions,
    Bind::Netblock,
    Bind::Sessions,
    Bind::SomeResting,
    Bind::Pace,
];

/// Seconds lost to each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Lost([f64; BINDS.len()]);

impl Lost {
    pub(crate) fn add(&mut self, bind: Bind, seconds: f64) {
        if let Some(lost) = BINDS.iter().position(|known| *known == bind).and_then(|at| self.0.get_mut(at)) {
            *lost += seconds;
        }
    }

    /// To which most was lost; the earlier in the order where two are equal.
    pub(crate) fn most(&self) -> Bind {
        let mut most = (Bind::Pace, 0.0);
        for (bind, lost) in BINDS.iter().zip(self.0) {
            if lost > most.1 {
                most = (*bind, lost);
            }
        }
        most.0
    }
}

/// What one moment looks like, in mails a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Moment {
    pub(crate) held: bool,
    pub(crate) paused: bool,
    /// Nothing of the campaign is due.
    pub(crate) waiting: bool,
    /// All paths that could serve it, were they open.
    pub(crate) whole: f64,
    /// Of these, open ones.
    pub(crate) open: f64,
    /// Of that, after sessions and reply time.
    pub(crate) by_sessions: f64,
    /// Of that, after the netblocks.
    pub(crate) by_netblock: f64,
    /// Of that, after the engine's sessions.
    pub(crate) by_engine: f64,
    /// Of that, after warm-up.
    pub(crate) by_warm_up: f64,
    /// Of that, what the campaign gets.
    pub(crate) ours: f64,
    /// Whether that is all of the campaign's mail which is due.
    pub(crate) enough: bool,
}

impl Moment {
    pub(crate) fn bind(&self) -> Bind {
        let cut = |from: f64, to: f64, share: f64| to < from * share;
        let table = [
            (self.held, Bind::Held),
            (self.paused, Bind::UnknownUsers),
            (self.whole <= 0.0, Bind::NoSource),
            (self.waiting, Bind::Retries),
            (self.open <= 0.0, Bind::Resting),
            (cut(self.by_engine, self.by_warm_up, 0.7), Bind::WarmUp),
            (!self.enough && cut(self.by_warm_up, self.ours, 0.6), Bind::Ahead),
            (cut(self.by_netblock, self.by_engine, 0.9), Bind::EngineSessions),
            (cut(self.by_sessions, self.by_netblock, 0.9), Bind::Netblock),
            (cut(self.open, self.by_sessions, 0.9), Bind::Sessions),
            (cut(self.whole, self.open, 0.75), Bind::SomeResting),
        ];
        table.iter().find(|(applies, _)| *applies).map_or(Bind::Pace, |(_, bind)| *bind)
    }
}
