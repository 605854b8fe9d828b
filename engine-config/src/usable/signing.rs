//! `[[dkim_keys]]` and `[dkim]`: the keys that mail is signed with.

use std::path::{Path, PathBuf};

use mail_model::UnixMs;

use super::secret::{self, Secret};
use super::text::{HOST_FORM, HostName, JapanDay, SIGN_ONCE_FORM, SignOnce};
use crate::written::document::Table;
use crate::written::section::{Reading, Section};
use crate::written::setting::{Kind, settings, text};
use crate::written::value::At;

const KEY_REMEDY: &str = "`todoke dkim new` makes the file and prints its DNS record";

settings! {
    /// A key that signs mail whose From is of its domain. Of several keys in force the one with the latest `since`
    /// signs, one for each algorithm, so that an RSA key and an Ed25519 key sign together.
    pub(crate) struct DkimKeyWritten in "[dkim_keys]" {
        /// Domain of the From addresses that it signs, and `d=` of the signature. Sub-domains have keys of their own.
        domain: HostName = required, text(HOST_FORM);
        /// Its name below _domainkey in DNS.
        selector: At<HostName> = required, text("a name such as t2026a");
        /// The private key, PEM (PKCS#8); RSA of 2048 bits or Ed25519. Readable by its owner only.
        key_file: At<PathBuf> = required, text("a path");
        /// First day on which it signs: after its record is published everywhere. Always, when left out.
        since: Option<JapanDay> = none, Kind::Date;
        /// First day on which it does not sign any more; its record stays in DNS for a week. Never, when left out.
        until: Option<JapanDay> = none, Kind::Date;
    }
}

settings! {
    /// How mail is signed.
    pub struct DkimConfig in "dkim" {
        /// For which messages one signature serves all recipients. It then covers what is the same for all and leaves
        /// out To and Message-ID, which saves 0.3 ms a mail and lets a stranger who has one copy send it to others
        /// with the signature intact.
        sign_once: SignOnce = "emergency", text(SIGN_ONCE_FORM);
    }
}

/// A key that signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimKeyConfig {
    /// The domain that it signs for.
    pub domain: HostName,
    /// Its name below `_domainkey`.
    pub selector: HostName,
    /// The private key, PEM (PKCS#8).
    pub key: Secret,
    /// When it begins to sign.
    pub since: Option<UnixMs>,
    /// When it ends.
    pub until: Option<UnixMs>,
}

/// Reads all keys; a domain has a selector once.
pub(crate) fn read_keys(reading: &Reading, origin: &str, tables: &[&Table], base: &Path) -> Vec<DkimKeyConfig> {
    let mut keys: Vec<DkimKeyConfig> = Vec::with_capacity(tables.len());
    for table in tables {
        let section = Section::single(reading, origin, "dkim_keys", Some(table));
        let Some(written) = DkimKeyWritten::read(&section) else { continue };
        let DkimKeyWritten { domain, selector, key_file, since, until } = written;
        if keys.iter().any(|key| key.domain == domain && key.selector == selector.value) {
            let what = format!("{domain} has a key of this name already");
            section.fault_at(selector.line, "selector", what, "give each key of a domain its own selector");
            continue;
        }
        let Some(key) = secret::read(&section, "key_file", &key_file, base, KEY_REMEDY) else { continue };
        let (since, until) = (since.map(|day| day.0), until.map(|day| day.0));
        keys.push(DkimKeyConfig { domain, selector: selector.value, key, since, until });
    }
    keys
}
