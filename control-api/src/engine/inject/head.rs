//! The fields of an injection other than its recipients: kept as they arrive, judged together at the end.

use std::str::FromStr;

use compose::{ContentSpec, Dialect, StoredContent};
use mail_model::{CampaignName, Class, EmailAddress, NameError, PoolName, TenantName, UnixMs};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::engine::inject::{late, place};
use crate::engine::limits::Defaults;
use crate::engine::time::instant;
use crate::http::body::explain;
use crate::http::fault::{Fault, Faults};

/// Longest idempotency key in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// How the names begin under which the engine counts mails of its own.
const OWN_PREFIX: &str = "todoke:";

/// The fields a caller may give, `recipients` left out.
pub const FIELDS: [&str; 18] = [
    "envelope_sender",
    "content",
    "substitutions",
    "template_dialect",
    "trace_headers",
    "deferred_spool",
    "deferred_generation",
    "campaign",
    "tenant",
    "class",
    "not_before",
    "not_after",
    "when_late",
    "replacement",
    "warn_before_s",
    "pool",
    "idempotency_key",
    "metadata",
];

/// The fields as they came: offset and text.
#[derive(Debug, Default)]
pub struct Written {
    fields: [Option<(u64, Vec<u8>)>; FIELDS.len()],
}

/// The fields, judged.
#[derive(Debug)]
pub struct Head {
    /// `None` is the empty return path `<>`.
    pub sender: Option<EmailAddress>,
    /// The content, how its marks are read, and the substitutions for every recipient.
    pub stored: StoredContent,
    /// What it is counted under.
    pub campaign: CampaignName,
    /// Whose it is.
    pub tenant: TenantName,
    /// How urgent.
    pub class: Class,
    /// Which sources.
    pub pool: PoolName,
    /// Not to be sent earlier.
    pub not_before: Option<UnixMs>,
    /// Not to be sent later.
    pub not_after: Option<UnixMs>,
    /// What is wanted around that time.
    pub late: late::Wish,
    /// The key in the body.
    pub idempotency_key: Option<String>,
}

impl Written {
    /// Takes one field. Twice the same field is refused: which of the two is meant cannot be known.
    pub fn take(&mut self, name: &str, at: u64, text: &[u8], faults: &mut Faults) {
        if name == "recipients" {
            faults.add(name, "give a list of objects like {\"email\": \"taro@example.jp\"}");
            return;
        }
        let slot = FIELDS.iter().position(|known| *known == name).and_then(|index| self.fields.get_mut(index));
        match slot {
            None => {
                faults.add(place::shown(name), "unknown field; it is refused so that a misspelt one is not overlooked");
            }
            Some(Some(_)) => faults.add(name, "the field is given twice"),
            Some(empty) => *empty = Some((at, text.to_vec())),
        }
    }

    /// Judges all fields. JSON that is no JSON is a 400 at once; wrong values are collected.
    pub fn judge(self, defaults: &Defaults, faults: &mut Faults) -> Result<Option<Head>, Fault> {
        let fields = &mut Fields { written: self, faults };
        fields.switches()?;
        let sender = fields.sender()?;
        let content = fields.typed::<ContentSpec>("content")?;
        if content.is_none() && !fields.had_fault("content") {
            fields.faults.add("content", "required: a mail as a string, or an object with from, subject and text_body");
        }
        let dialect = fields.dialect()?;
        let substitutions = fields.typed("substitutions")?.unwrap_or_default();
        let campaign = fields.name::<CampaignName>("campaign", &defaults.campaign)?;
        if campaign.as_str().starts_with(OWN_PREFIX) {
            fields.faults.add("campaign", "names that begin with todoke: are this engine's own");
        }
        let tenant = fields.name("tenant", &defaults.tenant)?;
        let pool = fields.name("pool", &defaults.pool)?;
        let class = fields.class()?;
        let not_before = fields.time("not_before")?;
        let not_after = fields.time("not_after")?;
        if let (Some(start), Some(end)) = (not_before, not_after)
            && start >= end
        {
            fields.faults.add("not_after", "not_after must be later than not_before");
        }
        let written = late::Written {
            when_late: fields.typed("when_late")?,
            replacement: fields.typed("replacement")?,
            warn_before_s: fields.typed("warn_before_s")?,
        };
        // A deadline that was given and is wrong has been named already.
        let has_deadline = not_after.is_some() || fields.had_fault("not_after");
        let late = written.judge(content.as_ref(), has_deadline, fields.faults);
        let idempotency_key = fields.typed::<String>("idempotency_key")?;
        if let Some(key) = &idempotency_key {
            check_key("idempotency_key", key, fields.faults);
        }
        let (Some(sender), Some(content)) = (sender, content) else {
            return Ok(None);
        };
        let head = Head {
            sender,
            stored: StoredContent { content, substitutions, replacement: late.replacement.clone(), dialect },
            campaign,
            tenant,
            class,
            pool,
            not_before,
            not_after,
            late,
            idempotency_key,
        };
        Ok(Some(head))
    }
}

/// A key is printable ASCII, so that it can stand in a header.
pub fn check_key(field: &str, key: &str, faults: &mut Faults) {
    let fits = (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len());
    if !fits || !key.bytes().all(|b| b.is_ascii_graphic()) {
        faults.add(field, format!("1 to {IDEMPOTENCY_KEY_BYTES_MAX} printable ASCII characters without spaces"));
    }
}

struct Fields<'f> {
    written: Written,
    faults: &'f mut Faults,
}

impl Fields<'_> {
    fn take(&mut self, name: &str) -> Option<(u64, Vec<u8>)> {
        let index = FIELDS.iter().position(|known| *known == name)?;
        let (at, text) = self.written.fields.get_mut(index)?.take()?;
        // `null` says the same as leaving the field out.
        (text != b"null").then_some((at, text))
    }

    fn had_fault(&self, field: &str) -> bool {
        self.faults.names(field)
    }

    fn typed<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Fault> {
        let Some((at, text)) = self.take(name) else {
            return Ok(None);
        };
        let text = place::utf8(at, &text)?;
        match serde_json::from_str(text) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_data() => {
                let (message, below) = explain(&error.to_string());
                self.faults.add(below.map_or(name.to_owned(), |field| format!("{name}.{field}")), message);
                Ok(None)
            }
            Err(error) => Err(place::syntax(at, text, &error)),
        }
    }

    /// KumoMTA's switches. What would change the promise of a 202 is refused, the rest changes nothing here.
    fn switches(&mut self) -> Result<(), Fault> {
        if self.typed::<bool>("deferred_spool")? == Some(true) {
            let message = "this engine never acknowledges mail before it is on disk; leave deferred_spool out";
            self.faults.add("deferred_spool", message);
        }
        self.typed::<bool>("deferred_generation")?;
        self.typed::<Map<String, Value>>("trace_headers")?;
        self.typed::<Map<String, Value>>("metadata")?;
        Ok(())
    }

    fn sender(&mut self) -> Result<Option<Option<EmailAddress>>, Fault> {
        let field = "envelope_sender";
        let given = self.typed::<String>(field)?;
        if given.is_none() && !self.had_fault(field) {
            self.faults.add(field, "required: the return path as name@domain, or \"\" for none");
        }
        let Some(text) = given else {
            return Ok(None);
        };
        if text.is_empty() || text == "<>" {
            return Ok(Some(None));
        }
        match text.parse::<EmailAddress>() {
            Ok(address) => Ok(Some(Some(address))),
            Err(error) => {
                self.faults.add(field, error.to_string());
                Ok(None)
            }
        }
    }

    fn dialect(&mut self) -> Result<Dialect, Fault> {
        let field = "template_dialect";
        let given = self.typed::<String>(field)?;
        Ok(match given.as_deref() {
            None => Dialect::default(),
            Some("Jinja") => Dialect::Jinja,
            Some("Static") => Dialect::Static,
            Some("Handlebars") => {
                self.faults
                    .add(field, "Handlebars is not spoken here; write the marks as Jinja ({{ name }}) or use Static");
                Dialect::default()
            }
            Some(_) => {
                self.faults.add(field, "one of Jinja, Static");
                Dialect::default()
            }
        })
    }

    fn name<N: FromStr<Err = NameError> + Clone>(&mut self, field: &str, default: &N) -> Result<N, Fault> {
        let Some(text) = self.typed::<String>(field)? else {
            return Ok(default.clone());
        };
        Ok(text.parse().unwrap_or_else(|error: NameError| {
            self.faults.add(field, error.to_string());
            default.clone()
        }))
    }

    fn class(&mut self) -> Result<Class, Fault> {
        #[derive(Deserialize)]
        struct Given(Class);
        Ok(self.typed::<Given>("class")?.map_or(Class::Normal, |given| given.0))
    }

    fn time(&mut self, field: &str) -> Result<Option<UnixMs>, Fault> {
        let Some(text) = self.typed::<String>(field)? else {
            return Ok(None);
        };
        let time = instant(&text);
        if time.is_none() {
            self.faults.add(field, "a time with its offset as in RFC 3339, for instance 2026-09-01T08:30:00+09:00");
        }
        Ok(time)
    }
}
