//! One open session: where it stands, and what the carrier's answer means to the mail in hand.

use std::sync::Arc;

use engine_config::CarrierProfile;
use mail_model::{EgressPath, MonoUs, Stage};
use scenario::{Answer, Greeting, Said, SessionId};
use scheduler::Ticket;
use smtp_client::{Failure, Scope, Trouble};

use crate::ear::Ear;
use crate::shelf::Mail;

/// A session from its assignment to its end.
pub(crate) struct Session {
    pub(crate) node: usize,
    pub(crate) carrier: usize,
    pub(crate) source: usize,
    pub(crate) path: EgressPath,
    pub(crate) profile: Arc<CarrierProfile>,
    pub(crate) ticket: Ticket,
    /// The carrier's name for it, while it has one.
    pub(crate) hidden: Option<SessionId>,
    pub(crate) mail: Option<Box<Mail>>,
    pub(crate) phase: Phase,
    /// When the mail in hand, or the connection, was begun.
    pub(crate) begun: MonoUs,
    /// Whether a MAIL was answered: after that a lost connection is charged to no later mail.
    pub(crate) has_worked: bool,
}

/// What it waits for.
pub(crate) enum Phase {
    /// The greeting, or what comes instead of it.
    Greeting(Result<(), Failure>),
    /// The answer to the mail in hand.
    Mail(Met),
    /// Its time or its bell.
    Rest,
    /// The reply to QUIT.
    Quit,
}

/// What a mail meets.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) result: Result<(), Failure>,
    /// The carrier took it, whatever we heard.
    pub(crate) taken: bool,
    /// The connection ended before this mail was begun: it is given back, charged with nothing.
    pub(crate) not_tried: bool,
    /// The answer was about the path: a refusal for its rate, a cut, a block, silence.
    pub(crate) about_path: bool,
}

/// A place for sessions, with the ear of whoever sits there.
pub(crate) struct Seat {
    pub(crate) ear: Ear,
    /// Counted up at each step, so that an event that was overtaken is known.
    pub(crate) turn: u32,
    pub(crate) session: Option<Session>,
}

/// What comes of a connection, and after how many ms.
pub(crate) fn greeted(greeting: &Greeting, profile: &CarrierProfile) -> (Result<(), Failure>, u64) {
    let patience_ms = profile.greeting_timeout_s * 1_000;
    let failed = |stage, trouble| Err(Failure::new(stage, Scope::Destination, trouble));
    if greeting.after_ms > patience_ms || greeting.said == Said::Silence {
        return (failed(Stage::Greeting, Trouble::TimedOut), patience_ms);
    }
    let result = match &greeting.said {
        Said::Reply(reply) => Failure::judge(Stage::Greeting, reply).map_or(Ok(()), Err),
        Said::Close => failed(Stage::Greeting, Trouble::Closed),
        Said::Reset => failed(Stage::Greeting, Trouble::Reset),
        Said::Refused => failed(Stage::Connect, Trouble::Refused),
        Said::Silence => failed(Stage::Greeting, Trouble::TimedOut),
    };
    (result, greeting.after_ms)
}

/// What comes of a mail, and after how many ms.
pub(crate) fn met(answer: &Answer, profile: &CarrierProfile, has_worked: bool) -> (Met, u64) {
    let stage = answer.stage;
    let patience_s = if stage == Stage::DataEnd { profile.data_end_timeout_s } else { profile.command_timeout_s };
    let patience_ms = patience_s * 1_000;
    let silent = answer.said == Said::Silence || answer.after_ms > patience_ms;
    let positive = matches!(&answer.said, Said::Reply(reply) if reply.is_positive());
    let (result, after_ms) = match &answer.said {
        _ if silent => (Err(Failure::new(stage, Scope::Session, Trouble::TimedOut)), patience_ms),
        Said::Reply(reply) => (Failure::judge(stage, reply).map_or(Ok(()), Err), answer.after_ms),
        Said::Close => (Err(Failure::new(stage, Scope::Session, Trouble::Closed)), answer.after_ms),
        Said::Reset | Said::Refused => (Err(Failure::new(stage, Scope::Session, Trouble::Reset)), answer.after_ms),
        Said::Silence => (Err(Failure::new(stage, Scope::Session, Trouble::TimedOut)), patience_ms),
    };
    let lost = matches!(&result, Err(failure) if !matches!(failure.trouble, Trouble::Reply(_)));
    let met = Met {
        taken: positive && stage == Stage::DataEnd,
        not_tried: lost && has_worked && stage == Stage::Mail,
        about_path: result.is_err() && !is_about_the_mail(answer),
        result,
    };
    (met, after_ms)
}

fn is_about_the_mail(answer: &Answer) -> bool {
    use scenario::Why;
    matches!(answer.why, Why::Fine | Why::Unknown | Why::Greylisted | Why::Busy | Why::FullHour)
}
