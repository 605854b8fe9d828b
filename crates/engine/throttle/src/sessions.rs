//! How many sessions a path may have, and how many mails each: both grow with need, and both are learned from the
//! carrier's first no.

use std::time::Duration;

use mail_model::MonoUs;

use crate::laws::Laws;
use crate::limits::PathLimits;

/// A learned number is asked beyond again after this time, doubled by each further no.
const ASK_AFTER: Duration = Duration::from_secs(30);
const ASK_AFTER_MAX: Duration = Duration::from_secs(1_920);

/// A newcomer that was greeted and then got no mail for this long holds up no other.
const NEWCOMER_PATIENCE: Duration = Duration::from_secs(5);

/// Between two further sessions while replies are slow.
const SLOWLY: Duration = Duration::from_secs(10);

/// Sessions refused again within this time, at fewer than are known to be taken, are refused for another reason.
const LATELY: Duration = Duration::from_secs(60);

/// Others that were answered this lately are well: a refused newcomer is then about their number.
const WELL: Duration = Duration::from_secs(15);

/// Newcomers refused within this time were asked for together.
const TOGETHER: Duration = Duration::from_secs(2);

/// After "slow down" with a named pause, sessions come back one in this time (Gmail's published rule for 4.7.28).
const ONE_BY_ONE: Duration = Duration::from_secs(60);

/// Sessions cut in a row after as many mails: then it is the carrier's number.
const CUTS_TO_LEARN: u32 = 2;
const CUTS_TO_LOWER: u32 = 3;
/// Cuts after so few mails are as many by chance.
const FEW_MAILS: u32 = 4;

/// The sessions of one path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sessions {
    allowed: u32,
    /// The most that the carrier takes, as learned.
    most: Option<Most>,
    /// The last one that was granted has not carried a mail yet.
    newcomer_since: Option<MonoUs>,
    /// Not more than one further session before this time.
    one_by_one_from: Option<MonoUs>,
    last_answer: Option<MonoUs>,
    grown_at: Option<MonoUs>,
    /// When a session was last refused for their number.
    refused_at: Option<MonoUs>,
    /// Mails after which the carrier cuts a session, as learned.
    mails_most: Option<u32>,
    /// Mails that the session had carried that was cut last, and how many were cut so in a row.
    last_cut: Option<(u32, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Most {
    sessions: u32,
    ask_at: MonoUs,
    wait: Duration,
}

/// What a cut session says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It had carried as many mails as the one before: that is the carrier's number, and no word on the rate.
    Counted,
    /// The first of its kind; may be a number, may be trouble.
    First,
    /// Trouble.
    Trouble,
}

impl Sessions {
    pub(crate) fn new(limits: &PathLimits) -> Self {
        Self {
            allowed: limits.connections_start,
            most: None,
            newcomer_since: None,
            one_by_one_from: None,
            last_answer: None,
            grown_at: None,
            refused_at: None,
            mails_most: None,
            last_cut: None,
        }
    }

    /// With what was learned earlier.
    pub(crate) fn resumed(limits: &PathLimits, most: Option<u32>, mails_most: Option<u32>, now: MonoUs) -> Self {
        let most = most.map(|sessions| Most { sessions: sessions.max(1), ask_at: now + ASK_AFTER, wait: ASK_AFTER });
        let allowed = most.map_or(limits.connections_start, |most| most.sessions.min(limits.connections_start));
        Self { allowed, most, mails_most: mails_most.map(|mails| mails.max(1)), ..Self::new(limits) }
    }

    /// Sessions allowed at once.
    pub(crate) fn allowed(&self) -> u32 {
        self.allowed
    }

    /// The most that the carrier takes, as learned.
    pub(crate) fn most(&self) -> Option<u32> {
        self.most.map(|most| most.sessions)
    }

    /// Mails after which the carrier cuts a session, as learned.
    pub(crate) fn mails_most(&self) -> Option<u32> {
        self.mails_most
    }

    /// Whether one more may be opened beside `open`. `needed`: a mail may go and no session is free. `slow`: replies take
    /// long; then further sessions come seldom, for all that is in flight is lost at a refusal.
    pub(crate) fn may_open(&mut self, now: MonoUs, open: u32, needed: bool, slow: bool, limits: &PathLimits) -> bool {
        if open < self.allowed {
            return true;
        }
        let newcomer = self.newcomer_since.is_some_and(|since| now.since(since) < NEWCOMER_PATIENCE);
        let waits = self.one_by_one_from.is_some_and(|from| now < from);
        let beyond = self.most.is_some_and(|most| self.allowed >= most.sessions && now < most.ask_at);
        let soon = slow && self.grown_at.is_some_and(|at| now.since(at) < SLOWLY);
        if !needed || newcomer || soon || waits || beyond || self.allowed >= limits.connections_max {
            return false;
        }
        self.allowed = self.allowed.saturating_add(1);
        self.newcomer_since = Some(now);
        self.grown_at = Some(now);
        if self.one_by_one_from.is_some() {
            self.one_by_one_from = Some(now + ONE_BY_ONE);
        }
        true
    }

    /// When a further one may be asked for at the earliest, if that is known.
    pub(crate) fn next_ask(&self, now: MonoUs) -> Option<MonoUs> {
        let beyond = self.most.filter(|most| self.allowed >= most.sessions).map(|most| most.ask_at);
        beyond.max(self.one_by_one_from).filter(|at| *at > now)
    }

    /// A mail was answered in a session that had carried `session_mails` before.
    pub(crate) fn answered(&mut self, now: MonoUs, session_mails: u32, others_open: u32) {
        self.last_answer = Some(now);
        if session_mails == 0 {
            self.newcomer_since = None;
            if let Some(most) = self.most
                && others_open >= most.sessions
            {
                // One more than the learned number works: look on without long waits.
                self.most = Some(Most { sessions: others_open + 1, ask_at: now, wait: ASK_AFTER });
            }
        }
    }

    /// A session was refused while `others` were open. Whether that is about their number: then it is learned, and
    /// the rate has nothing to do with it.
    pub(crate) fn refused(&mut self, now: MonoUs, others: u32, laws: Laws) -> bool {
        let well = self.last_answer.is_some_and(|at| now.since(at) <= WELL);
        // Fewer than were taken before: then the number is not the reason. Unless several asked at once.
        let together = self.refused_at.is_some_and(|at| now.since(at) <= TOGETHER);
        let lately = self.refused_at.is_some_and(|at| now.since(at) <= LATELY);
        let as_many = self.most.is_none_or(|most| others >= most.sessions || (!lately && others + 1 >= self.allowed));
        let as_many = together || as_many;
        if !laws.sessions || others == 0 || !well || !as_many {
            return false;
        }
        self.refused_at = Some(now);
        let wait = match self.most {
            Some(most) if together => most.wait,
            Some(most) => (most.wait * 2).min(ASK_AFTER_MAX),
            None => ASK_AFTER,
        };
        self.most = Some(Most { sessions: others, ask_at: now + wait, wait });
        self.allowed = self.allowed.min(others);
        self.newcomer_since = None;
        true
    }

    /// A session was cut after it had carried so many mails.
    ///
    /// What was learned is contradicted only by three cuts in a row after fewer: a refusal for the rate cuts sessions too,
    /// at any number.
    pub(crate) fn cut(&mut self, session_mails: u32, laws: Laws) -> Cut {
        if !laws.session_mails || session_mails == 0 {
            return Cut::Trouble;
        }
        let row = match self.last_cut {
            Some((mails, row)) if mails == session_mails => row + 1,
            _ => 1,
        };
        let first = self.last_cut.is_none();
        self.last_cut = Some((session_mails, row));
        let below = self.mails_most.is_some_and(|most| session_mails < most);
        if row >= if below || session_mails < FEW_MAILS { CUTS_TO_LOWER } else { CUTS_TO_LEARN } {
            self.mails_most = Some(session_mails);
            Cut::Counted
        } else if first {
            Cut::First
        } else {
            Cut::Trouble
        }
    }

    /// The carrier asked for less.
    pub(crate) fn throttled(&mut self, now: MonoUs, named_pause: bool) {
        self.newcomer_since = None;
        // They come back with need, several a second: but if the next mail is refused too, one was in flight and not all.
        self.allowed = 1;
        if named_pause {
            self.one_by_one_from = Some(now);
        }
    }

    /// The path begins again after a stop: one session, and more as they are needed.
    pub(crate) fn stopped(&mut self) {
        self.newcomer_since = None;
        self.allowed = 1;
    }

    /// The path begins after a named pause: the next session a minute later.
    pub(crate) fn reopened(&mut self, now: MonoUs) {
        if self.one_by_one_from.is_some() {
            self.one_by_one_from = Some(now + ONE_BY_ONE);
        }
    }

    /// Other limits hold from now on.
    pub(crate) fn bound(&mut self, limits: &PathLimits) {
        self.allowed = self.allowed.clamp(1, limits.connections_max);
    }
}
