//! What a forecast starts from: sources, paths, netblocks and waiting mail. Times are seconds from now, paces are mails
//! a second, amounts of mail may be fractions. Plain data.

use mail_model::{CarrierName, Class};

/// Everything that shares something.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) groups: Vec<GroupView>,
    /// By number: what is left of each source's warm-up hour; `None` for a warm one.
    pub(crate) sources: Vec<Option<Hourly>>,
    /// Sessions of the whole engine.
    pub(crate) sessions_max: f64,
    /// When mail of this campaign becomes useless.
    pub(crate) not_after_s: Option<f64>,
}

/// A young source.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hourly {
    pub(crate) cap: f64,
    pub(crate) left: f64,
    /// When how much of what was sent is an hour old, ascending.
    pub(crate) back: Vec<(f64, f64)>,
}

/// One carrier, or one domain of `other`.
#[derive(Clone, Debug)]
pub(crate) struct GroupView {
    pub(crate) carrier: CarrierName,
    /// How many such groups this one stands for.
    pub(crate) weight: f64,
    pub(crate) paths: Vec<PathView>,
    /// What the sources of one netblock may do together; paths name them by number.
    pub(crate) netblocks: Vec<Pace>,
    pub(crate) crowds: Vec<CrowdView>,
    /// Until when the share of unknown users stops everything; 0 when it does not.
    pub(crate) pause_s: f64,
    /// What came of the paces allowed, lately: 1 when all of it.
    pub(crate) efficiency: f64,
    /// A mail on an open session, from its start to the next one's, where that was seen.
    pub(crate) mail_s: Option<f64>,
    /// The first mail of a session, connecting included, where that was seen.
    pub(crate) first_mail_s: Option<f64>,
    /// Mails after which a session is closed.
    pub(crate) session_mails: f64,
    /// What becomes of first attempts, and of later ones.
    pub(crate) put_off: [PutOff; 2],
}

/// The share of attempts after which a mail waits for another, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PutOff {
    pub(crate) share: f64,
    pub(crate) wait_s: f64,
}

/// One egress path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathView {
    /// Number in `World::sources`.
    pub(crate) source: usize,
    /// Number in `GroupView::netblocks`.
    pub(crate) netblock: usize,
    pub(crate) pace: Pace,
    /// Until when nothing goes; 0 when it is open.
    pub(crate) shut_s: f64,
    pub(crate) sessions: f64,
    /// That may be allowed later.
    pub(crate) sessions_max: f64,
}

/// How fast, and how that changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace {
    pub(crate) now_per_s: f64,
    pub(crate) ceiling_per_s: Option<f64>,
    /// Whether the ceiling was measured.
    pub(crate) confirmed: bool,
    /// What each round without trouble multiplies the pace by; at least 1.
    pub(crate) growth: f64,
    pub(crate) round_s: f64,
    pub(crate) max_per_s: f64,
    /// Whether anything is known: it has sent, or it remembers.
    pub(crate) known: bool,
    /// How old that is; 0 when it is of this hour.
    pub(crate) age_s: f64,
}

impl Pace {
    /// Whether it stays as it is.
    pub(crate) fn is_settled(&self) -> bool {
        self.ceiling_per_s.is_some() || self.growth <= 1.0 || self.now_per_s >= self.max_per_s * 0.999
    }
}

/// One lane's waiting mail.
#[derive(Clone, Debug, Default)]
pub(crate) struct CrowdView {
    pub(crate) class: Option<Class>,
    /// Which paths of the group may take it.
    pub(crate) members: Vec<bool>,
    /// Held back until then; 0 when it is not.
    pub(crate) held_s: f64,
    /// Mail of others that goes first.
    pub(crate) ahead: f64,
    /// Of the campaign asked about: never tried, and due.
    pub(crate) ours: f64,
    /// Of the campaign asked about: due at these times, in ascending order.
    pub(crate) ours_later: Vec<(f64, f64)>,
}

impl CrowdView {
    pub(crate) fn of_ours(&self) -> f64 {
        self.ours + self.ours_later.iter().map(|(_, mails)| mails).sum::<f64>()
    }

    /// Place in the order of classes.
    pub(crate) fn rank(&self) -> usize {
        Class::ALL.iter().position(|class| Some(*class) == self.class).unwrap_or(Class::ALL.len() - 1)
    }
}

/// How many times as long a session's first mail takes where that was not seen: connecting, TLS, greeting.
const FIRST_MAILS: f64 = 4.0;

impl GroupView {
    /// A path's pace by sessions and reply time alone; a mail takes `assumed_s` where nobody has seen it, and else
    /// `slowness` times what was seen.
    pub(crate) fn by_sessions_per_s(&self, sessions: f64, assumed_s: f64, slowness: f64) -> f64 {
        let mail_s = self.mail_s.or(self.first_mail_s).map_or(assumed_s, |seen_s| seen_s * slowness);
        let first_s = self.first_mail_s.map_or(mail_s * FIRST_MAILS, |seen_s| seen_s * slowness);
        let session_s = first_s + (self.session_mails - 1.0).max(0.0) * mail_s;
        if session_s <= 0.0 { f64::INFINITY } else { sessions * self.session_mails.max(1.0) / session_s }
    }

    /// Whether anybody has seen how long a mail takes.
    pub(crate) fn is_timed(&self) -> bool {
        self.mail_s.is_some() || self.first_mail_s.is_some()
    }

    pub(crate) fn of_ours(&self) -> f64 {
        self.crowds.iter().map(CrowdView::of_ours).sum()
    }
}
