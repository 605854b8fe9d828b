//! The registrar of an engine without a school side: everybody gets the configured text.

use compose::{Content, Dialect};
use engine_config::{RegistrationConfig, RegistrationSchool};
use mail_model::MessageId;

use crate::answer_mail::spec;
use crate::error::InboundError;
use crate::registrar::{Registrar, RegistrationAnswer, RegistrationEvent};

/// What stands for the school in the configured text.
const SCHOOL_MARK: &str = "{{ school }}";

/// Answers every registration with the configured text.
pub(crate) struct ConfiguredText {
    subject: String,
    text: String,
    schools: Vec<RegistrationSchool>,
}

impl ConfiguredText {
    /// Checks that a mail can be made of it.
    pub(crate) fn new(config: &RegistrationConfig) -> Result<Self, InboundError> {
        let (subject, text) = (config.reply_subject.clone(), config.reply_text.clone());
        let spec = spec(&config.reply_from, &subject, &text, None);
        let parsed = Content::parse(&spec, Dialect::Static, MessageId(0));
        parsed.map_err(|error| InboundError::Answer(error.to_string()))?;
        Ok(Self { subject, text, schools: config.schools.clone() })
    }
}

impl Registrar for ConfiguredText {
    fn register(&self, event: &RegistrationEvent) -> RegistrationAnswer {
        let school = self.schools.iter().find(|school| school.number == event.school);
        let name = school.map_or("", |school| school.name.as_str());
        let filled = |text: &str| text.replace(SCHOOL_MARK, name);
        RegistrationAnswer::Reply { subject: filled(&self.subject), text: filled(&self.text) }
    }
}
