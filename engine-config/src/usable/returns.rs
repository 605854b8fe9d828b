//! `[returns]` and `[unsubscribe]`: the addresses and links by which something can come back.

use std::path::{Path, PathBuf};

use super::secret::{self, Secret};
use super::text::{HOST_FORM, HostName, HttpsUrl, URL_FORM};
use crate::written::section::Section;
use crate::written::setting::{settings, text, texts, whole};
use crate::written::value::At;

/// Shortest key of return addresses: 256 bits, written as they are or as 64 hex digits.
const KEY_BYTES_MIN: usize = 32;
const KEY_REMEDY: &str = "make it with `todoke keys new FILE`";

settings! {
    /// Where bounces come back to. Without this section mails leave with the sender that the caller named, and late
    /// bounces are not heard.
    pub(crate) struct ReturnsWritten in "returns" {
        /// Domain of return paths (VERP), whose MX is this engine. A sub-domain of the From domain keeps SPF aligned.
        domain: HostName = required, text(HOST_FORM);
        /// Key that authenticates return paths, registration addresses and unsubscribe links. Readable by its owner
        /// only; at least 32 bytes.
        key_file: At<PathBuf> = required, text("a path");
        /// Keys of before, still accepted and never used for new addresses.
        old_key_files: Vec<PathBuf> = [], texts("a path", 5);
        /// How long after its sending a mail may bounce. Postfix and Exim give up after 5 days, sendmail relays may
        /// take two turns of that.
        window_days: u32 = 14, whole(1, 90, "days");
    }
}

settings! {
    /// List-Unsubscribe, for carriers whose profile asks for it. The mail form works without this section.
    pub struct UnsubscribeConfig in "unsubscribe" {
        /// Begin of the one-click link (RFC 8058), which a reverse proxy leads to `/u/` of this engine's API. Without
        /// it only the mail form stands in List-Unsubscribe.
        url: Option<HttpsUrl> = none, text(URL_FORM);
    }
}

/// Where bounces come back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnsConfig {
    /// Domain of return paths.
    pub domain: HostName,
    /// Key that authenticates what comes back.
    pub key: Secret,
    /// Keys of before.
    pub old_keys: Vec<Secret>,
    /// How long after its sending a mail may bounce.
    pub window_days: u32,
}

impl ReturnsWritten {
    /// Reads the keys.
    pub(crate) fn usable(self, section: &Section<'_>, base: &Path) -> Option<ReturnsConfig> {
        let line = self.key_file.line;
        let read = |key: &str, file: &At<PathBuf>| {
            let secret = secret::read(section, key, file, base, KEY_REMEDY)?;
            if secret.bytes().len() < KEY_BYTES_MIN {
                let what = format!("{} has fewer than {KEY_BYTES_MIN} bytes", base.join(&file.value).display());
                section.fault_at(file.line, key, what, KEY_REMEDY);
                return None;
            }
            Some(secret)
        };
        let old = self.old_key_files.into_iter().map(|value| At { line, value });
        let old_keys = old.filter_map(|file| read("old_key_files", &file)).collect();
        let key = read("key_file", &self.key_file)?;
        Some(ReturnsConfig { domain: self.domain, key, old_keys, window_days: self.window_days })
    }
}
