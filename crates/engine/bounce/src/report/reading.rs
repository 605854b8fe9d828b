//! A report on delivery, taken apart: its notice, its fields, what it returned, and whom it is about.

use super::address;
use super::auto_reply;
use super::delivery_status::{self, Group};
use super::mail::Mail;
use super::model::{Original, ReportedAddress};
use super::notice::{Notice, Place};
use super::quoted;

/// How many recipients of one report are handed on.
pub(crate) const RECIPIENTS_MAX: usize = 1000;

/// A report in its pieces.
pub(crate) struct Reading<'r, 'm> {
    /// The mail it came in.
    pub mail: &'r Mail<'m>,
    /// Its words.
    pub notice: Notice<'r>,
    /// Its fields.
    pub groups: Vec<Group>,
    /// The mail that came back.
    pub original: Option<Original>,
    /// Whether au reports; its words mean something of their own.
    pub is_from_au: bool,
}

/// Whether a mail itself, without what it encloses, names a recipient.
pub(crate) fn names_somebody(mail: &Mail<'_>) -> bool {
    let text = mail.notice();
    mail.delivery_status(&text).is_some() || Notice::read(&text).entries.iter().any(|entry| entry.place >= Place::Label)
}

/// The text without the `> ` in front of its lines, when most lines carry one, as in an inline forward.
pub(crate) fn unquote(text: &str) -> Option<String> {
    let quoted = text.lines().filter(|line| line.starts_with('>')).count();
    let written = text.lines().filter(|line| !line.trim().is_empty()).count();
    (quoted > 5 && quoted * 2 > written).then(|| {
        let bare = |line: &str| {
            // `>>>> DATA` is a quoted `>>> DATA`.
            let bare = line.strip_prefix('>').unwrap_or(line);
            format!("{}\n", bare.strip_prefix(' ').unwrap_or(bare))
        };
        let text: String = text.lines().map(bare).collect();
        // The header of the forwarded mail stands before its text.
        let from = text.find("\nFrom:").filter(|at| *at < 2000);
        let body = from.and_then(|at| Some(at + text.get(at..)?.find("\n\n")?));
        body.and_then(|at| text.get(at..)).map(str::to_owned).unwrap_or(text)
    })
}

impl<'r, 'm> Reading<'r, 'm> {
    /// Takes a mail apart; `text` is its notice.
    pub fn of(mail: &'r Mail<'m>, text: &'r str) -> Self {
        let notice = Notice::read(text);
        let groups = mail.delivery_status(text).map(|fields| delivery_status::read(&fields)).unwrap_or_default();
        let from = &mail.speaker.from;
        let is_from_au = ["ezweb.ne.jp", "@au.com", ".au.com"].iter().any(|domain| from.contains(domain));
        Self { original: mail.original(notice.returned), mail, notice, groups, is_from_au }
    }

    /// Declared as a delivery report in its own type.
    fn is_declared(&self) -> bool {
        self.mail.headers.get("Content-Type").is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.starts_with("multipart/report") && value.contains("delivery-status")
        })
    }

    /// A report that a person sends on is a question, not a report.
    pub fn is_passed_on_by_a_person(&self) -> bool {
        let speaker = &self.mail.speaker;
        let is_answer = self.mail.headers.has("In-Reply-To") && !speaker.is_automatic;
        !speaker.is_mail_system && !self.is_declared() && (speaker.is_passed_on || is_answer)
    }

    /// Whether its fields may be believed to be a machine's. Mail programs forward the parts of a report as they are.
    pub fn has_fields_of_a_machine(&self) -> bool {
        let speaker = &self.mail.speaker;
        !self.groups.is_empty()
            && (self.is_declared()
                || speaker.is_mail_system
                || speaker.is_automatic
                || speaker.reports_failure && !speaker.is_passed_on)
    }

    /// Whether its words may be believed. A person who writes "undelivered" in a subject reports nothing: a machine
    /// signs as mail system, or marks its mail as automatic and quotes what it was told. Even a mail system writes
    /// other mail than reports.
    pub fn has_words_of_a_machine(&self, claims_failure: bool) -> bool {
        let (speaker, headers) = (&self.mail.speaker, &self.mail.headers);
        let quotes_a_refusal = !self.notice.exchanges.is_empty()
            || self.notice.entries.iter().any(|entry| entry.details.iter().any(|d| quoted::refusal_in(d).is_some()));
        if auto_reply::is_subject_of_one(&speaker.subject) && !(speaker.is_mail_system && quotes_a_refusal) {
            return false;
        }
        if speaker.is_mail_system {
            let names = headers.has("X-Failed-Recipients") || quotes_a_refusal || self.names_others(Place::Label);
            return names || speaker.reports_failure && (claims_failure || self.original.is_some());
        }
        let is_null_sender = headers.get("Return-Path").is_some_and(|path| path.trim() == "<>");
        let is_list_server = headers.has("X-ML-Name") || headers.has("X-MLServer") || headers.has("X-ML-INFO");
        let is_answer = headers.has("In-Reply-To") && !speaker.is_automatic;
        speaker.reports_failure
            && !speaker.is_passed_on
            && !is_answer
            && ((speaker.is_automatic || is_null_sender) && quotes_a_refusal || is_list_server)
    }

    fn names_others(&self, place: Place) -> bool {
        let entries = self.notice.entries.iter().filter(|entry| entry.place >= place);
        let own = self.own_addresses();
        entries.into_iter().any(|entry| !own.iter().any(|own| own.eq_ignore_ascii_case(entry.address)))
    }

    /// The address in `To` of the returned mail, if it is only one: the address we sent to.
    pub fn only_addressee(&self) -> Option<ReportedAddress> {
        let to = self.original.as_ref()?.to.as_deref()?;
        let mut named = address::all(to);
        let first = named.next()?;
        named.all(|other| other.address.eq_ignore_ascii_case(first.address)).then(|| address::reported(first.address))
    }

    /// Whom the notice is about: whom the header names, the clearest places of the text, the commands of a quoted
    /// conversation, sentences, and last the addressee of the returned mail.
    pub fn addresses(&self) -> Vec<String> {
        let entries = |place: Place| self.notice.entries.iter().filter(move |e| e.place >= place).map(|e| e.address);
        let commands = || {
            let words = self.notice.exchanges.iter().flat_map(|e| [e.command, e.own_words]);
            words.filter(|words| !is_mail_from(words)).filter_map(|words| Some(address::next(words, 0)?.address))
        };
        let first_other = || {
            let all = self.without_own(address::all(self.notice.body).map(|found| found.address).take(20));
            all.into_iter().filter(|address| !is_contact(address)).take(1).collect()
        };
        let addressees = || {
            let to = self.original.as_ref().and_then(|original| original.to.as_deref()).unwrap_or_default();
            unique(address::all(to).map(|found| found.address.to_owned()))
        };
        let places: [&dyn Fn() -> Vec<String>; 8] = [
            &|| self.in_header(),
            &|| self.without_own(entries(Place::Line)),
            &|| self.without_own(entries(Place::Label)),
            &|| self.without_own(commands()),
            &|| self.without_own(entries(Place::Sentence)),
            &|| self.without_own(entries(Place::Header)),
            &first_other,
            &addressees,
        ];
        places.iter().map(|place| place()).find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// `X-Failed-Recipients`, a field of Exim's that Gmail and others took over.
    pub fn in_header(&self) -> Vec<String> {
        let failed: Vec<_> = self.mail.headers.all("X-Failed-Recipients").collect();
        unique(failed.iter().flat_map(|value| address::all(value)).map(|found| found.address.to_owned()))
    }

    fn own_addresses(&self) -> Vec<String> {
        let from = self.original.as_ref().and_then(|original| original.from.as_deref()).unwrap_or_default();
        let to = self.mail.headers.get("To").unwrap_or_default();
        address::all(from).chain(address::all(&to)).map(|found| found.address.to_owned()).collect()
    }

    /// Leaves out the sender of the returned mail, to whom the report is addressed, unless nobody else is named.
    fn without_own<'a>(&self, addresses: impl Iterator<Item = &'a str>) -> Vec<String> {
        let all = unique(addresses.map(str::to_owned));
        let own = self.own_addresses();
        let is_own = |address: &str| own.iter().any(|own| own.eq_ignore_ascii_case(address));
        let others: Vec<_> = all.iter().filter(|address| !is_own(address)).cloned().collect();
        if others.is_empty() { all } else { others }
    }
}

fn is_mail_from(command: &str) -> bool {
    command.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("mail "))
}

/// An address for questions.
fn is_contact(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default().to_ascii_lowercase();
    ["postmaster", "support", "help", "abuse", "mailer-daemon", "info", "admin"]
        .iter()
        .any(|word| local.starts_with(word))
}

fn unique(addresses: impl Iterator<Item = String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for address in addresses {
        if !out.iter().any(|known| known.eq_ignore_ascii_case(&address)) && out.len() < RECIPIENTS_MAX {
            out.push(address);
        }
    }
    out
}
