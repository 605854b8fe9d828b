//! Who is let in and what may be sent: by the limits of a plan, or by a scenario's hidden carrier.

use std::net::Ipv4Addr;

use mail_model::{MonoUs, Reply};
use scenario::Said;

use crate::hidden::{HiddenBook, HiddenGuest, HiddenReport, Told};
use crate::limits::{Count, CountedGuest, Limits, SourceBook, SourceRecord, TurnAway};
use crate::words::Situation;

/// Who decides. A carrier has one of the two.
#[derive(Debug)]
pub(crate) enum Gate {
    Limits(SourceBook),
    Hidden(HiddenBook),
}

/// How a connection is turned away.
#[derive(Debug)]
pub(crate) struct Away {
    pub after_ms: u64,
    pub how: AwayHow,
}

#[derive(Debug)]
pub(crate) enum AwayHow {
    /// In the carrier's words for a situation.
    Words(Situation),
    Reply(Reply),
    Close,
    Reset,
    Hang,
}

/// The answer to MAIL.
#[derive(Debug)]
pub(crate) enum Verdict {
    Go,
    /// Refused in the carrier's words for a situation; closed after them or not.
    Refuse(Situation, bool),
    Tell(Told),
}

impl Gate {
    /// Asks whether a new connection is let in. The guest counts as open until it is dropped.
    pub(crate) fn connect(&self, address: Ipv4Addr, now: MonoUs) -> Result<Guest, Away> {
        let at_once = |how| Away { after_ms: 0, how };
        match self {
            Self::Limits(book) => book.connect(address, now).map(Guest::Counted).map_err(|count| {
                at_once(match (book.limits().turn_away, count) {
                    (TurnAway::Reply, Count::Banned) => AwayHow::Words(Situation::Banned),
                    (TurnAway::Reply, _) => AwayHow::Words(Situation::ConnectionLimit),
                    (TurnAway::Close, _) => AwayHow::Close,
                    (TurnAway::Reset, _) => AwayHow::Reset,
                })
            }),
            Self::Hidden(book) => book.connect(address).map(Guest::Hidden).map_err(|told| Away {
                after_ms: told.after_ms,
                how: match told.said {
                    Said::Reply(reply) => AwayHow::Reply(reply),
                    Said::Close => AwayHow::Close,
                    // A listening socket takes every connection; the nearest to a refusal is a reset before a word.
                    Said::Reset | Said::Refused => AwayHow::Reset,
                    Said::Silence => AwayHow::Hang,
                },
            }),
        }
    }

    /// What is remembered of every source that came, in the order of addresses.
    pub(crate) fn records(&self) -> Vec<(Ipv4Addr, SourceRecord)> {
        match self {
            Self::Limits(book) => book.records(),
            Self::Hidden(book) => book.records(),
        }
    }

    pub(crate) fn hidden_report(&self) -> Option<HiddenReport> {
        match self {
            Self::Limits(_) => None,
            Self::Hidden(book) => Some(book.report()),
        }
    }

    /// Lifts every ban of a plan's limits. A hidden carrier knows no mercy.
    pub(crate) fn pardon(&self) {
        if let Self::Limits(book) = self {
            book.pardon();
        }
    }
}

/// One admitted connection.
#[derive(Debug)]
pub(crate) enum Guest {
    Counted(CountedGuest),
    Hidden(HiddenGuest),
}

impl Guest {
    /// Words and delay of the greeting; none when the plan's own will do.
    pub(crate) fn greeting(&self) -> Option<Told> {
        match self {
            Self::Counted(_) => None,
            Self::Hidden(guest) => Some(guest.greeting()),
        }
    }

    /// Asks whether one more message may begin after `messages` on this connection.
    pub(crate) fn mail(&mut self, limits: &Limits, messages: u32, now: MonoUs) -> Verdict {
        match self {
            Self::Hidden(guest) => guest.mail().map_or(Verdict::Go, Verdict::Tell),
            Self::Counted(_) if limits.messages_per_connection_max.is_some_and(|max| messages >= max) => {
                Verdict::Refuse(Situation::MessageLimit, true)
            }
            Self::Counted(guest) => match guest.mail(limits, now) {
                Count::Go => Verdict::Go,
                Count::Over => Verdict::Refuse(Situation::RateLimit, false),
                Count::Banned => Verdict::Refuse(Situation::Banned, true),
            },
        }
    }

    /// Names a recipient; tells what is said against it, if anything.
    pub(crate) fn recipient(
        &mut self,
        limits: &Limits,
        (hash, address): (u64, &str),
        unknown: bool,
        now: MonoUs,
    ) -> Option<Told> {
        match self {
            Self::Counted(guest) => {
                guest.recipient(limits, unknown, now);
                None
            }
            Self::Hidden(guest) => guest.recipient(hash, address, unknown),
        }
    }

    /// The final dot of a mail that the plan's own words would take.
    pub(crate) fn dot(&mut self, address: &str) -> Option<Told> {
        match self {
            Self::Counted(_) => None,
            Self::Hidden(guest) => guest.dot(address),
        }
    }

    /// The transaction is over.
    pub(crate) fn forget(&mut self) {
        if let Self::Hidden(guest) = self {
            guest.forget();
        }
    }
}
