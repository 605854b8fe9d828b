//! How somebody is turned away, wherever a file may say it: `over`, `says`, `door`.

use mail_model::Stage;

use super::page::{Bounds, Fields};
use crate::behaviour::{How, Rebuff};
use crate::words::{Situation, Style};

const STAGES: [(&str, Stage); 4] =
    [("greeting", Stage::Greeting), ("mail", Stage::Mail), ("rcpt", Stage::Rcpt), ("data_end", Stage::DataEnd)];

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Reply,
    Close,
    Reset,
    Refuse,
    Silence,
    Tarpit,
}

const WAYS: [(&str, Way); 6] = [
    ("reply", Way::Reply),
    ("close", Way::Close),
    ("reset", Way::Reset),
    ("refuse", Way::Refuse),
    ("silence", Way::Silence),
    ("tarpit", Way::Tarpit),
];

/// Where it is said, by whom, and at which steps it makes sense.
pub(crate) struct Place {
    style: Style,
    situation: Situation,
    usual: Stage,
    first: Stage,
    last: Stage,
}

impl Place {
    pub fn of(style: Style, situation: Situation, usual: Stage) -> Self {
        Self { style, situation, usual, first: Stage::Greeting, last: Stage::DataEnd }
    }

    pub fn at_greeting_only(self) -> Self {
        Self { last: Stage::Greeting, ..self }
    }

    pub fn in_session_only(self) -> Self {
        Self { first: Stage::Mail, ..self }
    }

    pub fn not_before_rcpt(self) -> Self {
        Self { first: Stage::Rcpt, ..self }
    }

    fn steps(&self) -> String {
        let fits = STAGES.iter().filter(|(_, stage)| (self.first..=self.last).contains(stage));
        fits.map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
    }
}

/// The rebuff under a key; the usual one when it is not written.
pub(crate) fn at(fields: &mut Fields<'_, '_>, key: &'static str, place: &Place) -> Rebuff {
    match fields.table(key) {
        Some(table) => read(table, place),
        None => {
            let code = place.style.code(place.situation);
            let text = place.style.text(place.situation, code);
            Rebuff { how: How::Reply { text, closes: code == 421 }, at: place.usual }
        }
    }
}

pub(crate) fn read(mut fields: Fields<'_, '_>, place: &Place) -> Rebuff {
    let way = fields.word("how", &WAYS).unwrap_or(Way::Reply);
    let told = fields.word("at", &STAGES);
    let stage = told.unwrap_or(if way == Way::Refuse { Stage::Greeting } else { place.usual });
    if !(place.first..=place.last).contains(&stage) {
        fields.fault("at", "this is never told at that step", format!("write one of: {}", place.steps()));
    }
    if way == Way::Refuse && stage != Stage::Greeting {
        fields.fault("at", "a connection is refused before anything is said", "take it out, or write how = \"reset\"");
    }
    let how = match way {
        Way::Reply => reply(&mut fields, place),
        Way::Close => How::Close,
        Way::Reset => How::Reset,
        Way::Refuse => How::Refuse,
        Way::Silence => How::Silence,
        Way::Tarpit => {
            let delay_ms = fields.whole("delay_ms", Bounds(1.0, 600_000.0, "ms")).unwrap_or(30_000);
            How::Tarpit { delay_ms }
        }
    };
    fields.done();
    Rebuff { how, at: stage }
}

fn reply(fields: &mut Fields<'_, '_>, place: &Place) -> How {
    let code = fields.whole("code", Bounds(400.0, 599.0, "as in SMTP"));
    let say = fields.text("say");
    let spoken = say.and_then(|(text, at)| {
        let code = code_of(text);
        if code.is_none() {
            let remedy = "begin with a code from 400 to 599; only {source} and {address} are filled in";
            fields.page.fault(at, &fields.path("say"), "this is no refusal", remedy);
        }
        code
    });
    if let (Some(code), Some(spoken)) = (code, spoken) {
        if code != u64::from(spoken) {
            fields.fault("code", format!("{code} and the {spoken} of say contradict each other"), "take code out");
        }
    }
    let usual = place.style.code(place.situation);
    let code = spoken.or(code.and_then(|code| u16::try_from(code).ok())).unwrap_or(usual);
    let text = say.map_or_else(|| place.style.text(place.situation, code), |(text, _)| text.to_owned());
    let closes = fields.flag("close").unwrap_or(code == 421);
    How::Reply { text, closes }
}

/// The code of a reply line.
fn code_of(text: &str) -> Option<u16> {
    let (code, rest) = text.split_at_checked(3)?;
    let fields_known = rest.replace("{source}", "").replace("{address}", "");
    let sound = (rest.is_empty() || rest.starts_with(' ')) && !fields_known.contains(['{', '}', '\n']);
    code.parse().ok().filter(|code| sound && (400..600).contains(code))
}
